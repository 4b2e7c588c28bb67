// SPDX-License-Identifier: MIT
// The database moves: it turns read-only, a standby takes its place, a host says nothing. Sends are 503 while nothing
// can be written and work from then on, reads go on where they can, and the bell rings after each move.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { startApp, startStack, until, writeSettings } from '../../harness/index.mjs';
import { parseMetrics } from '../../harness/metrics_text.mjs';

const send = (stack, json) => stack.api('POST', '/messages', { service: true, json });
const unread = async (stack, user) => (await stack.api('GET', '/unread', { user })).json.num;
const databaseOf = (stack) => new URL(stack.ownerConninfo).pathname;

function urlOf(stack, hosts, parameters = '') {
  const list = hosts.map((host) => (typeof host === 'string' ? host : encodeURIComponent(host.dir))).join(',');
  return `postgresql://doorbell_app@${list}${databaseOf(stack)}${parameters}`;
}

// The app on another URL, and its relay and nginx.
async function startOn(stack, url) {
  writeSettings(stack.confPath, { ...stack.settings, 'database.url': url });
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
}

const gauges = async (stack) => {
  const families = parseMetrics((await stack.api('GET', '/metrics', { service: true })).text);
  return ['database_up', 'database_writable'].map((name) => families.get(`doorbell_app_${name}`)?.samples[0].value);
};

async function assertReadsOnly(stack, user) {
  for (let i = 0; i < 8; i++) {
    const answer = await send(stack, { to: user, title: 'x' });
    assert.equal(answer.status, 503, answer.text);
    assert.equal((await stack.api('GET', '/unread', { user })).status, 200);
    assert.equal((await stack.api('GET', '/messages', { user })).status, 200);
  }
  const bare = await until('health to know', async () => {
    const health = await stack.api('GET', '/health');
    return health.status === 503 && health;
  });
  assert.equal(bare.text, '{"ok":false}');
  const full = await stack.api('GET', '/health', { service: true });
  assert.deepEqual([full.status, full.json.ok, full.json.writable], [503, false, false]);
  assert.deepEqual(await gauges(stack), [1, 0]);
}

// Sends work soon, by whichever worker, and from then on; and the bell rings. A worker whose session can only be read
// looks for a better one every 2 s, so all of them work when 120 sends in a row do, and not when the first one does.
async function assertWrites(stack, bell, user) {
  let inRow = 0;
  await until('120 sends in a row', async () => {
    const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await send(stack, { to: user, title: 'x' })).status));
    inRow = statuses.every((status) => status === 201) ? inRow + statuses.length : 0;
    return inRow >= 120;
  });
  const num = await unread(stack, user);
  await bell.next((frame) => frame.type === 'ring' && frame.num === num);
  await until('health', async () => (await stack.api('GET', '/health')).status === 200);
  assert.equal((await stack.api('GET', '/health', { service: true })).json.writable, true);
  assert.deepEqual(await gauges(stack), [1, 1]);
}

// Accepts, and never says a word. It is ended with the test.
async function startSilent(t, where) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    silent.calls++;
  });
  const silent = { calls: 0 };
  server.listen(where);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  silent.port = server.address().port;
  return silent;
}

for (const [how, begin, end] of [
  ['for new sessions', (db) => `ALTER DATABASE ${db} SET default_transaction_read_only = on`, (db) => `ALTER DATABASE ${db} RESET default_transaction_read_only`],
  ['under open sessions', () => 'ALTER SYSTEM SET default_transaction_read_only = on', () => 'ALTER SYSTEM RESET default_transaction_read_only'],
]) {
  test(`a database that is read-only for a while, ${how}`, async (t) => {
    const stack = await startStack(t, { ownCluster: true });
    const user = '42';
    assert.equal(await unread(stack, user), 0, 'the first contact, which writes');
    const bell = await stack.connect(user);
    const db = databaseOf(stack).slice(1);
    const apply = async (sql) => {
      await stack.db.query('SET default_transaction_read_only = off');
      await stack.db.query(sql(db));
      await stack.db.query('SELECT pg_reload_conf()');
    };
    await apply(begin);
    if (how === 'for new sessions') await stack.db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'doorbell_app'");
    await until('sends to be refused', async () => (await send(stack, { to: user, title: 'x' })).status === 503);
    await assertReadsOnly(stack, user);
    await apply(end);
    await assertWrites(stack, bell, user);
    assert.match(stack.app.log, /PostgreSQL cannot be written/);
  });
}

// Nothing is served that might be from before what pages know.
async function assertServesNothing(stack, user) {
  for (const [method, call, options] of [['GET', '/unread', { user }], ['GET', '/messages', { user }], ['POST', '/messages', { service: true, json: { to: user, title: 'x' } }]]) {
    const answer = await until(`${call} to be refused`, async () => {
      const tried = await stack.api(method, call, options);
      return tried.status === 503 && tried;
    });
    assert.ok(answer.headers['retry-after']);
  }
  await until('health to know', async () => (await stack.api('GET', '/health')).status === 503);
}

const epochOf = async (stack, user) => (await stack.api('GET', '/unread', { user })).json.epoch;

test('a standby alone serves nothing; once it is promoted it does, in another epoch, and rings', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false });
  const standby = await stack.cluster.startStandby();
  t.after(() => standby.remove());
  await stack.db.query("SELECT doorbell.register('42'), doorbell.send(ARRAY['42'], title => 'x')");
  const { epoch } = (await stack.db.query('SELECT doorbell.keep_epoch()::text AS epoch')).rows[0];
  await startOn(stack, urlOf(stack, [standby]));
  await assertServesNothing(stack, '42');
  await until('the log', () => /PostgreSQL is unreachable.*is a standby/.test(stack.app.log));
  await stack.db.end();
  await stack.cluster.kill();
  await standby.promote();
  const bell = await stack.connect('42');
  await assertWrites(stack, bell, '42');
  assert.notEqual(await epochOf(stack, '42'), epoch);
});

test('the primary is found among the hosts, and its successor after a failover', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false });
  const standby = await stack.cluster.startStandby();
  t.after(() => standby.remove());
  await stack.db.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
  await stack.db.query('SELECT pg_reload_conf()');
  await startOn(stack, urlOf(stack, [standby, stack.cluster]));
  assert.equal((await send(stack, { to: '42', title: 'x', key: 'first' })).status, 201, 'the first send');
  assert.equal(await unread(stack, '42'), 1);
  const bell = await stack.connect('42');
  await assertWrites(stack, bell, '42');
  const num = await unread(stack, '42');
  const epoch = await epochOf(stack, '42');
  await stack.db.end();
  await stack.cluster.kill();
  await assertServesNothing(stack, '42');
  await standby.promote();
  await until('the inbox', async () => (await stack.api('GET', '/unread', { user: '42' })).status === 200);
  assert.equal(await unread(stack, '42'), num);
  assert.notEqual(await epochOf(stack, '42'), epoch);
  await assertWrites(stack, bell, '42');
  assert.equal((await send(stack, { to: '42', title: 'x', key: 'first' })).json.duplicate, true);
});

test('with target_session_attrs=read-write a read-only host is not even read', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false, relay: false });
  const db = databaseOf(stack).slice(1);
  await stack.db.query(`ALTER DATABASE ${db} SET default_transaction_read_only = on`);
  await startOn(stack, urlOf(stack, [stack.cluster], '?target_session_attrs=read-write'));
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).status, 503);
  await until('the log', () => /PostgreSQL is unreachable.*read-only/.test(stack.app.log));
  await stack.db.query(`ALTER DATABASE ${db} RESET default_transaction_read_only`);
  await until('a send', async () => (await send(stack, { to: '42', title: 'x' })).status === 201);
});

test('a host that accepts and says nothing is left for the next one, at its deadline', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false, relay: false });
  const silent = await startSilent(t, { host: '127.0.0.1', port: 0 });
  const started = Date.now();
  await startOn(stack, urlOf(stack, [`127.0.0.1:${silent.port}`, stack.cluster], '?connect_timeout=1').replace(encodeURIComponent(stack.cluster.dir), '$&:5432'));
  await until('a send', async () => (await send(stack, { to: '42', title: 'x' })).status === 201);
  for (let i = 0; i < 3; i++) assert.equal((await send(stack, { to: '42', title: 'x' })).status, 201);
  assert.equal(await unread(stack, '42'), 4);
  assert.ok(silent.calls > 0 && Date.now() - started >= 1000, 'it was tried first');
});


// The app alone sees another /etc/hosts.
const withHosts = (file) => ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', file];
const canSeeOtherHosts = process.getuid() === 0 && spawnSync('unshare', ['-m', 'mount', '--bind', '/etc/hosts', '/etc/hosts']).status === 0;

test('each address of a name is tried', { skip: !canSeeOtherHosts && 'needs a mount namespace' }, async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false, relay: false });
  const silent = await startSilent(t, { host: '127.0.0.1', port: 0 });
  const way = net.createServer((socket) => {
    const onward = net.connect(path.join(stack.cluster.dir, '.s.PGSQL.5432'));
    for (const [from, to] of [[socket, onward], [onward, socket]]) from.on('error', () => to.destroy()).pipe(to);
  });
  way.listen(silent.port, '127.0.0.2');
  await once(way, 'listening');
  t.after(() => way.close());
  const hosts = path.join(stack.dir, 'hosts');
  writeFileSync(hosts, '127.0.0.1 db.test\n127.0.0.2 db.test\n');
  writeSettings(stack.confPath, { ...stack.settings, 'database.url': urlOf(stack, [`db.test:${silent.port}`], '?connect_timeout=1') });
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']], wrap: withHosts(hosts) });
  await until('a send', async () => (await send(stack, { to: '42', title: 'x' })).status === 201);
  assert.ok(silent.calls > 0, 'the other address was tried first');
});

test('hosts that do not serve are all named in the log', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false, relay: false });
  const silent = await startSilent(t, { host: '127.0.0.1', port: 0 });
  await startOn(stack, urlOf(stack, ['/nowhere'.replaceAll('/', '%2F'), `127.0.0.1:${silent.port}`], '?connect_timeout=1').replace('%2Fnowhere', '$&:5432'));
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).status, 503);
  const line = stack.app.log.split('\n').find((text) => text.includes('PostgreSQL is unreachable'));
  assert.match(line, /nowhere.*No such file.*127\.0\.0\.1.*no reply within 1000 ms/);
});
