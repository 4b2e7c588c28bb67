// SPDX-License-Identifier: MIT
// DELETE /sent: what it refuses, parts, and that open badges are corrected. What is taken back is in sql/recall_matching.test.mjs.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';

const cleanUps = [];
let stack;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

const send = async (json) => (await stack.api('POST', '/messages', { service: true, json: { title: 'x', ...json } })).json.id;
const recall = (query) => stack.api('DELETE', `/sent?${query}`, { service: true });

for (const [what, query, pattern] of [
  ['no filter', '', /subject_type with subject_id, sender or category is needed/],
  ['a time alone', 'since=1', /is needed/],
  ['an unknown parameter', 'category=ads&sendr=Shop', /"sendr" is unknown/],
  ['a user', 'category=ads&user=42', /"user" is unknown/],
  ['an empty value, which asks for all', 'category=ads&sender=', /"sender" is empty/],
  ['one twice', 'category=ads&category=news', /"category" is given twice/],
  ['half a subject', 'subject_type=order', /go together/],
  ['a time that is none', 'category=ads&since=yesterday', /"since"/],
  ['a time of 0', 'category=ads&since=0', /"since"/],
  ['a time in the year 10000', 'category=ads&since=253402300800', /"since"/],
  ['a limit of 0', 'category=ads&limit=0', /"limit" must be from 1 to 1000/],
  ['a limit of 1,001', 'category=ads&limit=1001', /"limit" must be from 1 to 1000/],
  ['a cursor of another list', 'category=ads&before=c1-00000000-5', /before is not/],
]) {
  test(`recall with ${what} is 422`, async () => {
    const id = await send({ to: 'keeps', category: 'ads', sender: 'Shop' });
    const answer = await recall(query);
    assert.equal(answer.status, 422, answer.text);
    assert.match(answer.json.error.message, pattern);
    assert.equal((await stack.api('GET', `/sent/${id}`, { service: true })).json.recalled, false);
  });
}

test('recall of a category that does not exist is 404', async () => assert.equal((await recall('category=never')).status, 404));

test('part by part to the end, and the badges of open pages are right', async () => {
  const shown = await send({ to: 'reads' });
  for (let i = 0; i < 5; i++) {
    await send({ to: i % 2 ? '*' : 'reads', sender: 'Spam & co', subject_type: 'post', subject_id: 'ü/7' });
  }
  const num = async () => (await stack.api('GET', '/unread', { user: 'reads' })).json.num;
  assert.equal(await num(), 6);
  const page = await stack.connect('reads');
  const total = { parts: 0, recalled: 0 };
  for (let next = ''; next !== null;) {
    const { status, json, text } = await recall(`subject_type=post&subject_id=${encodeURIComponent('ü/7')}&sender=Spam%20%26%20co&limit=2${next && `&before=${next}`}`);
    assert.equal(status, 200, text);
    assert.deepEqual(Object.keys(json), ['recalled', 'next']);
    total.parts++;
    total.recalled += json.recalled;
    next = json.next;
  }
  assert.deepEqual(total, { parts: 3, recalled: 5 });
  await page.next((frame) => frame.num === 1);
  assert.equal(await num(), 1);
  assert.deepEqual((await stack.api('GET', '/messages', { user: 'reads' })).json.messages.map(({ id }) => id), [shown]);
  assert.deepEqual((await stack.db.query('SELECT * FROM doorbell.recount()')).rows, []);
});
