// SPDX-License-Identifier: MIT
// A real PgBouncer in between. In transaction mode a session is lent for a transaction: all calls work, in their roles
// and within their time, and nothing of theirs is left for the next one that gets the session.

import assert from 'node:assert/strict';
import test from 'node:test';

import pg from 'pg';

import { startApp, startStack, until, writeSettings } from '../../harness/index.mjs';
import { startPgBouncer } from '../../harness/pgbouncer.mjs';

const send = (stack, json) => stack.api('POST', '/messages', { service: true, json });

async function startBehind(t, settings, options = {}) {
  const stack = await startStack(t, { ownCluster: true, app: false, ...options });
  stack.bouncer = await startPgBouncer(t, { dir: stack.dir, cluster: stack.cluster, settings });
  stack.database = new URL(stack.ownerConninfo).pathname.slice(1);
  writeSettings(stack.confPath, { ...stack.settings, 'database.url': stack.bouncer.conninfo(stack.database) });
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
  return stack;
}

// A session of the site's, which gets one of those that the app used.
async function asSite(t, stack) {
  const site = new pg.Client({ connectionString: stack.bouncer.conninfo(stack.database) });
  site.on('error', () => {}); // PgBouncer may end before it
  await site.connect();
  t.after(() => site.end().catch(() => {}));
  return site;
}

async function assertCallsWork(stack) {
  const user = '42';
  assert.equal((await stack.api('GET', '/unread', { user })).json.num, 0);
  const bell = await stack.connect(user);
  const sent = await Promise.all(Array.from({ length: 12 }, (_, i) => send(stack, { to: user, title: `${i}` })));
  assert.deepEqual([...new Set(sent.map(({ status }) => status))], [201]);
  await bell.next((frame) => frame.type === 'ring' && frame.num === 12);
  const { json } = await stack.api('GET', '/messages', { user });
  assert.equal(json.messages.length, 12);
  assert.equal((await stack.api('POST', `/messages/${json.messages[0].id}/read`, { user })).json.num, 11);
  assert.equal((await stack.api('PUT', '/groups/g/members/42', { service: true })).status, 200);
  assert.equal((await send(stack, { group: 'g', title: 'x', url: 'javascript:x' })).status, 422);
  assert.equal((await send(stack, { group: 'g', title: 'x' })).status, 201);
  assert.equal((await stack.api('GET', '/unread', { user })).json.num, 12);
  assert.equal((await stack.api('POST', '/messages/read', { user, json: { all: true } })).json.num, 0);
  assert.equal((await send(stack, { to: Array.from({ length: 5000 }, (_, i) => `u${i}`), title: 'x' })).json.recipients, 5000);
  assert.equal((await stack.api('GET', '/health', { service: true })).json.writable, true);
  assert.equal((await stack.api('GET', '/categories', { service: true })).status, 200);
}

for (const pool_mode of ['transaction', 'session']) {
  test(`all kinds of calls, in pool_mode = ${pool_mode}`, async (t) => {
    const stack = await startBehind(t, { pool_mode, default_pool_size: pool_mode === 'session' ? 20 : 2 });
    await assertCallsWork(stack);
    await stack.app.stop();
    assert.doesNotMatch(stack.app.log, /^<[34]>/m);
  });
}

test('nothing is left in a session for the next one', async (t) => {
  const stack = await startBehind(t, { default_pool_size: 1 });
  const site = await asSite(t, stack);
  const asked = ['statement_timeout', 'lock_timeout', 'jit', 'role', 'plan_cache_mode', 'enable_seqscan'];
  const settings = async (client) => (await client.query(`SELECT pg_backend_pid() AS pid, ${asked.map((name) => `current_setting('${name}') AS ${name}`)}`)).rows[0];
  const before = await settings(site);
  await assertCallsWork(stack);
  assert.deepEqual(await settings(site), before);
  assert.deepEqual((await site.query('SELECT name FROM pg_prepared_statements')).rows, []);
});

test('what another one has left in a session does not matter', async (t) => {
  const stack = await startBehind(t, { default_pool_size: 1 });
  const site = await asSite(t, stack);
  await site.query("SET ROLE doorbell_user_calls; SET search_path = 'nowhere'; SET jit = on; SET plan_cache_mode = force_custom_plan");
  await assertCallsWork(stack);
});

test('roles and time-outs hold in a transaction', async (t) => {
  const config = { 'database.lock_timeout': '300ms', 'database.statement_timeout': '2s' };
  const stack = await startBehind(t, { default_pool_size: 1 }, { relay: false, config });
  await stack.db.query('REVOKE EXECUTE ON FUNCTION doorbell.list FROM doorbell_user_calls');
  assert.equal((await stack.api('GET', '/messages', { user: 'u' })).status, 503);
  await stack.db.query('GRANT EXECUTE ON FUNCTION doorbell.list TO doorbell_user_calls');
  assert.equal((await stack.api('GET', '/messages', { user: 'u' })).status, 200);
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
  const mark = () => stack.api('POST', '/messages/read', { user: 'u', json: { all: true } });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = 'u' FOR UPDATE");
  assert.equal((await mark()).status, 503);
  await stack.app.waitLog(/failed: SQLSTATE 55P03/);
  await stack.db.query('COMMIT');
  await stack.db.query('CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(60); RETURN NEW; END$$');
  await stack.db.query('CREATE TRIGGER slow BEFORE INSERT ON doorbell.message FOR EACH ROW EXECUTE FUNCTION slow()');
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 503);
  await stack.app.waitLog(/statement "send" failed: SQLSTATE 57014/);
  await stack.db.query('DROP FUNCTION slow CASCADE');
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
  assert.equal((await mark()).json.num, 0);
});

test('PgBouncer and PostgreSQL restart: 503 meanwhile, then the right number', async (t) => {
  const stack = await startBehind(t, {}, { relay: false });
  const num = async () => (await stack.api('GET', '/unread', { user: 'u' })).json.num;
  await num();
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
  await stack.bouncer.kill();
  assert.equal((await stack.api('GET', '/unread', { user: 'u' })).status, 503);
  await stack.bouncer.start();
  await until('the app to be back', async () => (await num()) === 1);
  await stack.db.end();
  await stack.cluster.stop();
  assert.equal((await stack.api('GET', '/unread', { user: 'u' })).status, 503);
  await stack.cluster.start();
  await until('the app to be back', async () => (await num()) === 1);
});

test('behind PgBouncer, a database that is read-only for a while', async (t) => {
  const stack = await startBehind(t, { server_lifetime: 1, server_idle_timeout: 1 }, { relay: false });
  await stack.api('GET', '/unread', { user: 'u' });
  const set = async (value) => {
    await stack.db.query('SET default_transaction_read_only = off');
    await stack.db.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
    await stack.db.query('SELECT pg_reload_conf()');
  };
  await set('on');
  await until('sends to be refused', async () => (await send(stack, { to: 'u', title: 'x' })).status === 503);
  assert.equal((await stack.api('GET', '/unread', { user: 'u' })).status, 200);
  assert.equal((await stack.api('GET', '/health', { service: true })).json.writable, false);
  await set('off');
  await until('sends', async () => (await send(stack, { to: 'u', title: 'x' })).status === 201);
});
