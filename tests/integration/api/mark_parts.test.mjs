// SPDX-License-Identifier: MIT
// A long history is marked in parts that are transactions of their own: the answer comes when all is done, and a part that fails leaves
// those before it done.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';

const messages = 1600; // more than three parts of 500

async function startWithHistory(t) {
  const stack = await startStack(t, { relay: false });
  await stack.api('GET', '/unread', { user: 'u' });
  const { rows } = await stack.db.query(`SELECT s.id FROM generate_series(1, $1::integer) i
    CROSS JOIN LATERAL doorbell.send(to_users => ARRAY['u', left('v', i)], title => 't') s ORDER BY 1`, [messages]);
  return { stack, ids: rows.map(({ id }) => id) };
}

const mark = (stack, how, json = { all: true }) => stack.api('POST', `/messages/${how}`, { user: 'u', json });
const check = async (stack) => (await stack.api('GET', '/unread', { user: 'u' })).json;

test('all is read, unread and read up to a position in one call, and the answer is of all parts', async (t) => {
  const { stack } = await startWithHistory(t);
  const { position } = (await stack.api('GET', '/messages', { user: 'u' })).json;
  for (const [how, num, json] of [['read', 0], ['unread', messages], ['read', 0, { upto: position }]]) {
    const answer = await mark(stack, how, json);
    assert.equal(answer.status, 200, answer.text);
    const state = await check(stack);
    assert.deepEqual(answer.json, { changed: messages, num, version: state.version, seq: state.seq, epoch: state.epoch, user: state.user });
    assert.equal((await mark(stack, how, json)).json.changed, 0);
  }
});

test('all is archived or deleted in one call, and with a position what came later stays', async (t) => {
  const { stack } = await startWithHistory(t);
  const { position } = (await stack.api('GET', '/messages', { user: 'u' })).json;
  assert.equal((await stack.api('POST', '/messages', { service: true, json: { to: 'u', title: 'later', category: 'news' } })).status, 201);
  for (const [how, json, changed, num] of [
    ['archive', { read: true }, 0, messages + 1], ['archive', { all: true, upto: position }, messages, 1], ['delete', { all: true, upto: position }, 0, 1],
    ['delete', { category: 'never' }, 0, 1], ['delete', { category: 'news' }, 1, 0],
  ]) {
    const answer = await mark(stack, how, json);
    assert.equal(answer.status, 200, answer.text);
    const state = await check(stack);
    assert.deepEqual(answer.json, { changed, num, version: state.version, seq: state.seq, epoch: state.epoch, user: state.user }, JSON.stringify({ how, json }));
  }
  const { rows } = await stack.db.query("SELECT state::text, count(*)::integer FROM doorbell.inbox WHERE user_id = 'u' GROUP BY 1 ORDER BY 1");
  assert.deepEqual(rows, [{ state: 'archived', count: messages }, { state: 'gone', count: 1 }]);
});

test('a part that fails is 503 and leaves those before it done; the same call again does the rest', async (t) => {
  const { stack, ids } = await startWithHistory(t);
  // As a lock that is not given: the 1,100th from the newest is in the third part.
  await stack.db.query(`CREATE FUNCTION public.busy() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''busy'' USING ERRCODE = ''55P03''; END'`);
  await stack.db.query(`CREATE TRIGGER busy BEFORE UPDATE ON doorbell.inbox FOR EACH ROW
    WHEN (OLD.message_id = ${ids.at(-1100)} AND OLD.user_id = 'u') EXECUTE FUNCTION public.busy()`);
  const failed = await mark(stack, 'read');
  assert.equal(failed.status, 503, failed.text);
  assert.equal((await check(stack)).num, messages - 1000);
  const { rows } = await stack.db.query("SELECT min(message_id) AS oldest FROM doorbell.inbox WHERE user_id = 'u' AND state = 'read'");
  assert.equal(rows[0].oldest, ids.at(-1000), 'the newest first');

  await stack.db.query('DROP TRIGGER busy ON doorbell.inbox');
  const answer = await mark(stack, 'read');
  assert.deepEqual([answer.status, answer.json.changed, answer.json.num], [200, messages - 1000, 0]);
  assert.deepEqual((await stack.db.query('SELECT * FROM doorbell.recount()')).rows, []);
});
