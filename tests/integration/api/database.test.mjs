// SPDX-License-Identifier: MIT
// PostgreSQL goes away and comes back: 503 while it is down, never a wrong number, nothing sent twice.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';

import { startApp, startStack, until, writeSettings } from '../../harness/index.mjs';

const send = (stack, json) => stack.api('POST', '/messages', { service: true, json });

function assertUnavailable(answer) {
  assert.equal(answer.status, 503, answer.text);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  assert.equal(answer.json.error.code, 'unavailable');
}

test('a restart of PostgreSQL: 503 at once while it is down, the right number afterwards', async (t) => {
  const stack = await startStack(t, { relay: false, ownCluster: true });
  await send(stack, { to: '42', title: 'x' });
  const before = (await stack.api('GET', '/unread', { user: '42' })).text;
  const etag = (await stack.api('GET', '/unread', { user: '42' })).headers.etag;
  await stack.cluster.stop();
  for (let i = 0; i < 30; i++) {
    const started = Date.now();
    assertUnavailable(await stack.api('GET', '/unread', { user: '42', headers: { 'if-none-match': etag } }));
    assert.ok(Date.now() - started < 2000);
  }
  assertUnavailable(await send(stack, { to: '42', title: 'y' }));
  assertUnavailable(await stack.api('POST', '/messages/read', { user: '42', json: { all: true } }));
  const health = await stack.api('GET', '/health');
  assert.equal(health.status, 503);
  assert.equal(health.text, '{"ok":false}');
  assert.ok(Number(health.headers['retry-after']) >= 1);
  // What needs no database is answered all the while.
  assert.equal((await stack.api('POST', '/tokens', { service: true, json: { user: '1' } })).status, 200);
  assert.equal((await stack.api('GET', '/unread')).status, 401);
  await stack.cluster.start();
  const answer = await until('the app to be back', async () => {
    const got = await stack.api('GET', '/unread', { user: '42' });
    return got.status === 200 && got;
  });
  assert.equal(answer.text, before);
});

test('a session of PostgreSQL that was ended is noticed before anything is sent', async (t) => {
  const stack = await startStack(t, { relay: false });
  const ours = "FROM pg_stat_activity WHERE application_name = 'doorbell-app'";
  for (let i = 1; i <= 20; i++) {
    const { rows } = await stack.db.query(`SELECT pid, pg_terminate_backend(pid) ${ours}`);
    await until('the sessions to end', () => rows.every((row) => !existsSync(`/proc/${row.pid}`)));
    assert.equal((await send(stack, { to: 'ended', title: `${i}` })).status, 201);
    assert.equal((await stack.api('GET', '/unread', { user: 'ended' })).json.num, i);
  }
});

// The session in which a send waits is ended: its outcome is unknown to the app.
async function endSessionOfSend(stack, json) {
  await send(stack, { to: 'lost', title: 'first' });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = 'lost' FOR UPDATE");
  const answer = send(stack, json);
  const pid = await until('the send to wait', async () => {
    const { rows } = await stack.db.query('SELECT pid FROM pg_locks WHERE NOT granted LIMIT 1');
    return rows[0]?.pid;
  });
  await stack.db.query('SELECT pg_terminate_backend($1)', [pid]);
  await until('the session to end', async () => {
    const { rows } = await stack.db.query('SELECT FROM pg_locks WHERE pid = $1', [pid]);
    return rows.length === 0;
  });
  await stack.db.query('COMMIT');
  return answer;
}

test('notices of PostgreSQL are lines of the log, without what users wrote', async (t) => {
  const stack = await startStack(t, { relay: false, config: { 'app.workers': 1 } });
  await stack.db.query("UPDATE pg_database SET datcollversion = '0' WHERE datname = current_database()");
  await stack.db.query(`
    CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE E'a %\nb', NEW.title; RETURN NEW; END$$;
    CREATE TRIGGER shout BEFORE INSERT ON doorbell.message FOR EACH ROW EXECUTE FUNCTION shout()`);
  const ours = "FROM pg_stat_activity WHERE application_name = 'doorbell-app'";
  const { rows } = await stack.db.query(`SELECT pid, pg_terminate_backend(pid) ${ours}`);
  await until('the sessions to end', () => rows.every((row) => !existsSync(`/proc/${row.pid}`)));
  assert.equal((await send(stack, { to: '42', title: 'for 42 alone' })).status, 201);
  await stack.app.stop();
  const lines = stack.app.log.split('\n').filter((line) => line);
  assert.ok(lines.every((line) => /^<\d>/.test(line)), stack.app.log);
  assert.ok(lines.some((line) => /^<4>PostgreSQL says: .*collation version/.test(line)), stack.app.log);
  assert.ok(lines.some((line) => /^<6>a statement had a notice: SQLSTATE 00000/.test(line)), stack.app.log);
  assert.doesNotMatch(stack.app.log, /for 42 alone/);
});

test('a send without a key whose outcome is unknown is 503 and not sent again', async (t) => {
  const stack = await startStack(t, { relay: false });
  const answer = await endSessionOfSend(stack, { to: 'lost', title: 'second' });
  assertUnavailable(answer);
  assert.match(answer.json.error.message, /may or may not have been sent/);
  assert.equal((await stack.api('GET', '/unread', { user: 'lost' })).json.num, 1);
});

test('a send with a key is sent again, once', async (t) => {
  const stack = await startStack(t, { relay: false });
  const answer = await endSessionOfSend(stack, { to: 'lost', title: 'second', key: 'k' });
  assert.equal(answer.status, 201, answer.text);
  assert.equal((await stack.api('GET', '/unread', { user: 'lost' })).json.num, 2);
  const again = await send(stack, { to: 'lost', title: 'second', key: 'k' });
  assert.deepEqual(again.json, { ...answer.json, duplicate: true });
});

test('a write that waits longer than lock_timeout is 503, a check does not wait', async (t) => {
  const stack = await startStack(t, { relay: false, config: { 'database.lock_timeout': '100ms' } });
  await send(stack, { to: 'held', title: 'x' });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = 'held' FOR UPDATE");
  assertUnavailable(await stack.api('POST', '/messages/read', { user: 'held', json: { all: true } }));
  assert.equal((await stack.api('GET', '/unread', { user: 'held' })).json.num, 1);
  assert.equal((await send(stack, { to: 'other', title: 'x' })).status, 201);
  await stack.db.query('COMMIT');
  assert.equal((await stack.api('POST', '/messages/read', { user: 'held', json: { all: true } })).json.num, 0);
});

test('a write that meets the site in a deadlock gives way, and is run again', async (t) => {
  const stack = await startStack(t, { relay: false });
  const { json } = await send(stack, { to: '42', title: 'x' });
  await stack.db.query("SET deadlock_timeout = '1min'"); // so that it is not the site that gives way
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.inbox WHERE user_id = '42' FOR UPDATE");
  const marked = stack.api('POST', '/messages/read', { user: '42', json: { ids: [json.id] } });
  await until('the write to wait', async () => (await stack.db.query('SELECT FROM pg_locks WHERE NOT granted')).rows.length > 0);
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = '42' FOR UPDATE");
  await stack.db.query('COMMIT');
  const { status, text, json: read } = await marked;
  assert.equal(status, 200, text);
  assert.equal(read.num, 0);
});

test('a site that keeps the line of broadcasts open holds up only them: 503 by lock_timeout, and nothing twice', async (t) => {
  const stack = await startStack(t, { relay: false, config: { 'database.lock_timeout': '100ms' } });
  await stack.api('GET', '/unread', { user: 'u' });
  await stack.api('PUT', '/groups/g/members/u', { service: true });
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT doorbell.send(to_all => true, title => 'x')");
  const waiting = [{ to: '*', title: 'x', key: 'all' }, { group: 'g', title: 'x', key: 'group' }];
  for (const message of waiting) assertUnavailable(await send(stack, message));
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
  assert.equal((await stack.api('GET', '/unread', { user: 'u' })).json.num, 1);
  assert.equal((await stack.api('POST', '/messages/read', { user: 'u', json: { all: true } })).json.num, 0);
  await stack.db.query('COMMIT');
  for (const status of [201, 200]) {
    for (const message of waiting) assert.equal((await send(stack, message)).status, status);
  }
  assert.equal((await stack.api('GET', '/unread', { user: 'u' })).json.num, 3);
});

test('started while PostgreSQL is down, it serves 503 and then the truth', async (t) => {
  const stack = await startStack(t, { relay: false, app: false, ownCluster: true });
  await stack.cluster.stop();
  const listens = [stack.settings['app.listen']];
  stack.app = await startApp(null, { confPath: stack.confPath, listens });
  assertUnavailable(await stack.api('GET', '/unread', { user: '42' }));
  await stack.cluster.start();
  await until('the app to serve', async () => (await stack.api('GET', '/unread', { user: '42' })).status === 200);
});

test('a schema that lacks a statement stops the start', async (t) => {
  const stack = await startStack(t, { relay: false, app: false, server: null });
  await stack.db.query('ALTER FUNCTION doorbell.list RENAME TO list_of_old');
  await assert.rejects(startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] }), (error) => {
    assert.match(error.message, /ended at start \(78\)/);
    assert.match(error.message, /statement "list"/);
    assert.match(error.message, /doorbell-migrate/);
    return true;
  });
});

test('a user without rights stops the start, and is told whose they are', async (t) => {
  const stack = await startStack(t, { relay: false, app: false, server: null });
  const name = `stranger_${process.pid}`;
  await stack.db.query(`CREATE ROLE ${name} LOGIN`);
  const config = { ...stack.settings, 'database.url': stack.conninfo.replace('doorbell_app@', `${name}@`) };
  writeSettings(stack.confPath, config);
  const start = () => startApp(null, { confPath: stack.confPath, listens: [config['app.listen']] });
  await assert.rejects(start(), /permission denied for schema doorbell[^]*doorbell-migrate[^]*GRANT doorbell_app/);
  await stack.db.query(`GRANT doorbell_app TO ${name}`);
  stack.app = await start();
});

test('a user who may not take the roles of calls stops the start, and is told so', async (t) => {
  const stack = await startStack(t, { relay: false, app: false, server: null, ownCluster: true });
  await stack.db.query('REVOKE doorbell_service_calls FROM doorbell_app');
  const start = () => startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
  await assert.rejects(start(), /permission denied to set role "doorbell_service_calls"[^]*doorbell-migrate[^]*GRANT doorbell_app/);
  await stack.db.query('GRANT doorbell_service_calls TO doorbell_app');
  stack.app = await start();
});

// With one worker, so that all calls but the check share a connection.
const withOneWorker = { relay: false, ownCluster: true, config: { 'app.workers': '1' } };

test('each kind of call runs in its own role, in any order', async (t) => {
  const stack = await startStack(t, withOneWorker);
  const calls = {
    doorbell_user_calls: () => stack.api('GET', '/messages', { user: 'u' }),
    doorbell_service_calls: () => send(stack, { to: 'u', title: 'x' }),
  };
  const functions = { doorbell_user_calls: 'doorbell.list', doorbell_service_calls: 'doorbell.send' };
  const assertBoth = async () => {
    for (const call of [...Object.values(calls), ...Object.values(calls)]) assert.ok((await call()).status < 300);
  };
  await assertBoth();
  for (const [role, call] of Object.entries(calls)) {
    // doorbell_app may still execute it.
    await stack.db.query(`REVOKE EXECUTE ON FUNCTION ${functions[role]} FROM ${role}`);
    assertUnavailable(await call());
    for (const [other, allowed] of Object.entries(calls)) if (other !== role) assert.ok((await allowed()).status < 300);
    assertUnavailable(await call());
    await stack.db.query(`GRANT EXECUTE ON FUNCTION ${functions[role]} TO ${role}`);
    await assertBoth();
  }
});

test('a call that fails on the way to its role leaves the connection in order', async (t) => {
  const stack = await startStack(t, withOneWorker);
  const list = async () => (await stack.api('GET', '/messages', { user: 'u' })).json.num;
  for (let n = 1; n <= 3; n++) {
    await list();
    assert.equal((await send(stack, { to: 'u', title: 'x', url: 'javascript:x' })).status, 422);
    assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
    assert.equal(await list(), n);
  }
  assert.equal((await stack.api('GET', '/health', { service: true })).status, 200);
  const { rows } = await stack.db.query("SELECT count(*)::integer AS n FROM pg_stat_activity WHERE usename = 'doorbell_app'");
  assert.equal(rows[0].n, 3, 'the worker, the checker and the publisher');
});

test('a connection that is lost on the way to a role is opened anew, and the call is answered', async (t) => {
  const stack = await startStack(t, withOneWorker);
  const list = async () => (await stack.api('GET', '/messages', { user: 'u' })).status;
  assert.equal(await list(), 200);
  await stack.db.query('BEGIN');
  await stack.db.query('LOCK TABLE doorbell.category IN ACCESS EXCLUSIVE MODE');
  const answer = stack.api('GET', '/categories', { service: true });
  const waiting = 'SELECT pid FROM pg_locks WHERE NOT granted';
  await until('the call to wait', async () => (await stack.db.query(waiting)).rowCount === 1);
  await stack.db.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) w`);
  await stack.db.query('COMMIT');
  assert.equal((await answer).status, 200);
  assert.equal(await list(), 200);
});

// What fails on an old connection is tried on a new one, which is to serve the other calls.
test('a role that is taken away while it runs is 503, never another role', async (t) => {
  const stack = await startStack(t, withOneWorker);
  const list = () => stack.api('GET', '/messages', { user: 'u' });
  await list();
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
  await stack.db.query(`SELECT pg_sleep(extract(epoch FROM max(backend_start) + '1.1 s' - clock_timestamp()))
    FROM pg_stat_activity WHERE usename = 'doorbell_app'`);
  await stack.db.query('REVOKE doorbell_user_calls FROM doorbell_app');
  assertUnavailable(await list());
  assert.equal((await send(stack, { to: 'u', title: 'x' })).status, 201);
  await stack.db.query('GRANT doorbell_user_calls TO doorbell_app');
  assert.equal((await list()).json.num, 2);
});

test('a database that answers nothing costs a bounded time', async (t) => {
  const stack = await startStack(t, { relay: false, config: { 'database.statement_timeout': '300ms' } });
  await send(stack, { to: 'slow', title: 'x' });
  await stack.db.query('BEGIN');
  await stack.db.query('LOCK TABLE doorbell.unread_count IN ACCESS EXCLUSIVE MODE');
  const started = Date.now();
  assertUnavailable(await stack.api('GET', '/unread', { user: 'slow' }));
  assert.ok(Date.now() - started < 3000);
  await stack.db.query('COMMIT');
  assert.equal((await stack.api('GET', '/unread', { user: 'slow' })).json.num, 1);
});

test('faults of the settings: all of them, with exit 78', async (t) => {
  const stack = await startStack(t, { relay: false, app: false, server: null });
  writeSettings(stack.confPath, { ...stack.settings, 'app.workers': '0', 'app.nonsense': '1', 'auth.send_key_file': '/nowhere/send.key' });
  await assert.rejects(startApp(null, { confPath: stack.confPath, listens: [] }).then((app) => app.exited.then(() => app.stop())), /78/);
});
