// SPDX-License-Identifier: MIT
// Messages whose texts come from their category, as users read them: in their own language, through a real web server.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startStack } from '../../harness/index.mjs';

let stack;
const cleanUps = [];
test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { relay: false });
});
test.after(async () => {
  for (const step of cleanUps.reverse()) await step();
});

const service = { service: true };
const setCategory = (json) => stack.api('PUT', '/categories/likes', { ...service, json: { critical: false, ...json } });
const send = async (json) => (await stack.api('POST', '/messages', { ...service, json: { to: 'bob', category: 'likes', ...json } }));

async function title({ lang, accept }) {
  const headers = { Authorization: `Bearer ${stack.token('bob', { lang })}`, ...(accept && { 'Accept-Language': accept }) };
  const { json } = await stack.api('GET', '/messages?limit=1', { headers });
  const [message] = json.messages;
  assert.deepEqual((await stack.api('GET', `/messages/${message.id}`, { headers })).json, message, 'alone as in the list');
  return message.title;
}

const languages = [
  // of the token, of the preferences, of the browser, what is read
  [undefined, '', undefined, 'en'],
  [undefined, '', 'fr-CH, fr;q=0.9, en;q=0.8, zh;q=0.7, *;q=0.5', 'en'],
  [undefined, '', 'en;q=0.1,zh-CN', 'zh'],
  [undefined, '', 'garbage;;;,', 'en'],
  [undefined, 'zh-Hant', 'en', 'zh-Hant'],
  ['zh-TW', 'zh-Hant', 'en', 'zh'],
  ['fr', 'zh-Hant', undefined, 'en'],
  ['zh_Hant_HK', '', 'en', 'zh-Hant'],
  ["x' OR 1=1; --", '', 'zh', 'zh'],
];

test('each user reads in their own language', async (t) => {
  await setCategory({ templates: Object.fromEntries(['de', 'en', 'zh', 'zh-Hant'].map((tag) => [tag, { title: tag }])) });
  assert.equal((await send({})).status, 201);
  for (const [lang, chosen, accept, read] of languages) {
    await t.test(JSON.stringify([lang, chosen, accept]), async () => {
      const { status } = await stack.api('PUT', '/preferences', { user: 'bob', json: { lang: chosen } });
      assert.equal(status, 200);
      assert.equal(await title({ lang, accept }), read);
    });
  }
});

test('a strict category refuses what its templates lack, alone and in a batch', async () => {
  await setCategory({ strict: true, templates: { en: { title: '{sender} likes {extra.what}' } } });
  const refused = await send({ sender: 'Ann' });
  assert.equal(refused.status, 422);
  assert.match(refused.json.error.message, /lacks \{extra\.what\}, which the template "en" of category "likes" names/);
  const messages = [{ to: 'bob' }, { to: 'bob', extra: { what: 'it' } }];
  const batch = await stack.api('POST', '/messages/batch', { ...service, json: { atomic: false, defaults: { category: 'likes', sender: 'Ann' }, messages } });
  assert.deepEqual(batch.json.results.map(({ error, id }) => error?.code ?? typeof id), ['invalid', 'number']);
  assert.equal(await title({}), 'Ann likes it');
});

test('the templates of a category are changed, left as they are, and taken away', async () => {
  const templates = { en: { title: 'a', body: 'b' } };
  const none = { webhook: null, only_unseen_after: null };
  assert.deepEqual((await setCategory({ strict: false, templates })).json, { name: 'likes', critical: false, strict: false, templates, ...none });
  assert.deepEqual((await setCategory({ critical: true })).json, { name: 'likes', critical: true, strict: false, templates, ...none });
  assert.deepEqual((await setCategory({ templates: null })).json.templates, templates);
  assert.deepEqual((await setCategory({ templates: {} })).json.templates, {});
  const refused = await send({});
  assert.equal(refused.status, 422);
  assert.match(refused.json.error.message, /title is missing, and category "likes" has no template/);
});

test('the text of a broadcast that depends on the reader is nobody else\'s', async () => {
  await setCategory({ templates: { en: { title: 'For {user}' } } });
  const { id } = (await send({ to: '*' })).json;
  assert.equal((await stack.api('GET', await stack.broadcastPath(id))).status, 404);
  assert.equal(await title({}), 'For bob');
});
