// SPDX-License-Identifier: MIT
// Reads that standbys answer: the newest at any lag, and the primary's wherever a standby is too old, stopped, silent,
// promoted, of another history or at another time.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import test from 'node:test';
import pg from 'pg';

import { startApp, startStack, until, writeSettings } from '../../harness/index.mjs';
import { Clock } from '../../harness/clock.mjs';
import { parseMetrics } from '../../harness/metrics_text.mjs';
import { makeRandom } from '../../harness/random.mjs';

const WORKERS = 4;
const databaseOf = (stack) => new URL(stack.ownerConninfo).pathname;
const urlOf = (stack, hosts) => `postgresql://doorbell_app@${hosts.map(({ dir }) => encodeURIComponent(dir)).join(',')}${databaseOf(stack)}`;

async function startOn(stack, standbys, settings = {}) {
  const all = { ...stack.settings, 'app.workers': String(WORKERS), 'app.user_rate': '0', 'database.read_url': urlOf(stack, standbys), ...settings };
  writeSettings(stack.confPath, all);
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
}

// The owner's connection to a standby, closed before the standby is removed.
async function ownerOf(t, stack, standby) {
  const client = new pg.Client({ host: standby.dir, port: 5432, user: 'doorbell', database: databaseOf(stack).slice(1) });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.end().catch(() => {}));
  return client;
}

// A stack whose app reads from so many standbys.
async function startWith(t, count, { settings, env, relay = false } = {}) {
  const stack = await startStack(t, { ownCluster: true, app: false, relay });
  const standbys = [];
  for (let i = 0; i < count; i++) {
    standbys.push(await stack.cluster.startStandby({ env }));
    t.after(() => standbys[i].remove());
  }
  await startOn(stack, standbys, settings);
  return { stack, standbys };
}

async function numbers(stack) {
  const families = parseMetrics((await stack.api('GET', '/metrics', { service: true })).text);
  const found = { connected: families.get('doorbell_app_workers_with_standby')?.samples[0].value };
  for (const { labels, value } of families.get('doorbell_app_standby_reads_total')?.samples ?? []) found[labels.result] = value;
  return found;
}

const send = async (stack, json) => {
  const answer = await stack.api('POST', '/messages', { service: true, json: { title: 'x', ...json } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.id;
};

async function list(stack, user) {
  const answer = await stack.api('GET', '/messages?limit=100', { user });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

// Until a standby answers a list: it has what was done.
const untilUsed = (stack, user = '42') => until('a standby to be read', async () => {
  const before = await numbers(stack);
  await list(stack, user);
  return (await numbers(stack)).used > before.used;
});

// While all workers are asked.
const untilAll = (stack, what, isSo) => until(what, async () => {
  await Promise.all(Array.from({ length: 2 * WORKERS }, (_, i) => list(stack, `w${i}`)));
  return isSo(await numbers(stack));
});
const untilConnected = (stack) => untilAll(stack, 'all workers to be connected', ({ connected }) => connected === WORKERS);
const untilLeft = (stack) => untilAll(stack, 'all workers to have left it', ({ connected }) => connected === 0);

test('lists, messages, parts of the count and preferences come from a standby', async (t) => {
  const { stack } = await startWith(t, 1);
  const id = await send(stack, { to: '42', category: 'news' });
  assert.equal((await list(stack, '42')).num, 1, 'the first contact, which writes');
  await untilConnected(stack);
  await untilUsed(stack);
  const { position } = await list(stack, '42');
  const calls = ['/messages', `/messages?after=${position}`, `/messages/${id}`, '/unread?by=category', '/preferences'];
  for (const call of calls) {
    const before = await numbers(stack);
    const answer = await stack.api('GET', call, { user: '42' });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual({ ...(await numbers(stack)), connected: 0 }, { ...before, used: before.used + 1, connected: 0 }, call);
  }
  assert.equal((await stack.api('GET', `/messages?after=${position}`, { user: '42' })).json.reset, false);
  const { rows: [{ epoch }] } = await stack.db.query('SELECT epoch FROM doorbell.current_epoch');
  assert.equal((await list(stack, '42')).epoch, epoch);
  const { json } = await stack.api('GET', '/health', { service: true });
  assert.equal(json.workers_with_standby, WORKERS);
});

test('a check that memory does not answer is computed by a standby', async (t) => {
  const { stack } = await startWith(t, 1);
  const users = Array.from({ length: 5 }, (_, i) => `c${i}`);
  let sent = 0;
  const send5 = async () => { await send(stack, { to: users }); sent++; };
  const check5 = () => Promise.all(users.map(async (user) => {
    const { status, json } = await stack.api('GET', '/unread', { user });
    assert.deepEqual([status, json.num, json.latest > 0, json.user], [200, sent, true, user]);
    return json;
  }));
  const used = async (act) => {
    const before = await numbers(stack);
    await act();
    return (await numbers(stack)).used - before.used;
  };
  await send5();
  await check5(); // the first contact, which writes
  await until('a standby to compute them', async () => {
    await send5();
    return await used(check5) === users.length;
  });
  assert.equal(await used(check5), 0, 'from memory');
  const { rows: [{ epoch }] } = await stack.db.query('SELECT epoch::text FROM doorbell.current_epoch');
  assert.ok((await check5()).every((json) => json.epoch === epoch));
  const headers = { authorization: `Bearer ${stack.token('c0', { iat: Math.floor(Date.now() / 1000) - 10 })}` };
  await stack.api('POST', '/users/c0/revoke', { service: true });
  assert.equal((await stack.api('GET', '/unread', { headers })).status, 401);
});

test('without read_url there is no word of standbys', async (t) => {
  const stack = await startStack(t, { relay: false });
  assert.doesNotMatch((await stack.api('GET', '/metrics', { service: true })).text, /standby/);
  assert.doesNotMatch((await stack.api('GET', '/health', { service: true })).text, /workers_with_standby/);
});

test('a standby that lags is passed over, and its answers are never shown', async (t) => {
  const { stack, standbys: [standby] } = await startWith(t, 1);
  const ids = [await send(stack, { to: '42' }), await send(stack, { to: '*' }), await send(stack, { to: '42' })];
  await list(stack, '42');
  await untilUsed(stack);
  const there = await ownerOf(t, stack, standby);
  await there.query('SELECT pg_wal_replay_pause()');
  await until('the pause', async () => (await there.query('SELECT pg_get_wal_replay_pause_state() AS state')).rows[0].state === 'paused');
  const before = await numbers(stack);

  await t.test('after a send', async () => {
    ids.push(await send(stack, { to: '42' }));
    assert.deepEqual((await list(stack, '42')).messages.map((m) => m.id), [...ids].reverse());
    const shown = await stack.api('GET', `/messages/${ids.at(-1)}`, { user: '42' });
    assert.equal(shown.status, 200, 'a message that the standby does not have');
  });
  await t.test('after a broadcast', async () => {
    ids.push(await send(stack, { to: '*' }));
    assert.equal((await list(stack, '42')).num, ids.length);
  });
  await t.test('after a mark by the same user', async () => {
    assert.equal((await stack.api('POST', `/messages/${ids[0]}/read`, { user: '42' })).status, 200);
    const { messages, num } = await list(stack, '42');
    assert.equal(num, ids.length - 1);
    assert.equal(messages.find((m) => m.id === ids[0]).read, true);
  });
  await t.test('after a recall', async () => {
    assert.equal((await stack.api('DELETE', `/sent/${ids[1]}`, { service: true })).status, 200);
    assert.equal((await stack.api('GET', `/messages/${ids[1]}`, { user: '42' })).status, 404);
  });
  await t.test('after an erasure, for the user who comes back', async () => {
    const { rows: [{ joined_pos: place }] } = await stack.db.query("SELECT joined_pos FROM doorbell.first_seen WHERE user_id = '42'");
    assert.equal((await stack.api('DELETE', '/users/42', { service: true })).status, 200);
    await list(stack, '42');
    await stack.db.query("UPDATE doorbell.first_seen SET joined_pos = $1 WHERE user_id = '42'", [place]);
    const { messages } = await list(stack, '42');
    for (const id of [ids[0], ids[2], ids[3]]) assert.ok(!messages.some((m) => m.id === id), 'nothing of before');
  });
  await t.test('after a revocation', async () => {
    const token = stack.token('43', { iat: Math.floor(Date.now() / 1000) - 10 });
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await stack.api('GET', '/messages', { headers })).status, 200);
    assert.equal((await stack.api('POST', '/users/43/revoke', { service: true })).status, 200);
    assert.equal((await stack.api('GET', '/messages', { headers })).status, 401);
  });
  const after = await numbers(stack);
  assert.equal(after.used, before.used, 'nothing was read there');
  assert.ok(after.behind > before.behind);
  await untilLeft(stack);
  await until('the log', () => /a standby of \[database\] read_url is left.*older than the primary/.test(stack.app.log));
  await there.query('SELECT pg_wal_replay_resume()');
  await untilUsed(stack);
  await until('the log', () => /is read again/.test(stack.app.log));
});

test('a commit that a standby shows before the primary does is not shown', async (t) => {
  const { stack, standbys: [standby] } = await startWith(t, 1);
  await send(stack, { to: '42' });
  const first = await list(stack, '42');
  await untilUsed(stack);
  const there = await ownerOf(t, stack, standby);
  const other = await stack.connectDatabase();
  t.after(() => other.end().catch(() => {}));
  const waitFor = async (names) => {
    await stack.db.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await stack.db.query('SELECT pg_reload_conf()');
    await until('the setting', async () => (await other.query('SHOW synchronous_standby_names')).rows[0].synchronous_standby_names === names);
  };
  await waitFor('nobody');
  for (const to of ["ARRAY['42']", 'to_all => true']) {
    const before = await list(stack, '42');
    const sent = other.query(`SELECT doorbell.send(${to}, title => 'x')`);
    await until('it there', async () => (await there.query("SELECT num::integer FROM doorbell.unread('42')")).rows[0].num === before.num + 1);
    const { behind } = await numbers(stack);
    const { num, version, seq } = await list(stack, '42');
    assert.deepEqual({ num, version, seq }, { num: before.num, version: before.version, seq: before.seq });
    assert.equal((await numbers(stack)).behind, behind + 1);
    await stack.db.query("ALTER SYSTEM SET synchronous_standby_names = ''");
    await stack.db.query('SELECT pg_reload_conf()');
    await sent;
    assert.equal((await list(stack, '42')).num, before.num + 1);
    await waitFor('nobody');
  }
  await waitFor('');
  assert.equal((await list(stack, '42')).num, first.num + 2);
});

test('recovery_min_apply_delay makes a standby useless and harmless', async (t) => {
  const { stack, standbys: [standby] } = await startWith(t, 1);
  await send(stack, { to: '42' });
  await list(stack, '42');
  await untilUsed(stack);
  const there = await ownerOf(t, stack, standby);
  await there.query("ALTER SYSTEM SET recovery_min_apply_delay = '1h'");
  await there.query('SELECT pg_reload_conf()');
  await until('the setting', async () => (await there.query('SHOW recovery_min_apply_delay')).rows[0].recovery_min_apply_delay === '1h');
  for (let n = 2; n < 20; n++) {
    await send(stack, { to: '42' });
    assert.equal((await list(stack, '42')).num, n);
  }
});

test('a standby that is stopped or killed in the middle costs no answer', async (t) => {
  const { stack, standbys: [standby] } = await startWith(t, 1);
  await send(stack, { to: '42' });
  await list(stack, '42');
  for (const how of ['stop', 'kill']) {
    await untilUsed(stack);
    await untilConnected(stack);
    let isOver = false;
    let asked = 0;
    const readers = Array.from({ length: 6 }, async (_, i) => {
      while (!isOver) {
        assert.equal((await list(stack, i ? '42' : '43')).num, i ? 1 : 0);
        asked++;
      }
    });
    await until('reads', () => asked > 50);
    await standby[how]();
    const then = asked;
    await until('reads', () => asked > then + 50);
    isOver = true;
    await Promise.all(readers);
    const { connected, failed } = await numbers(stack);
    assert.equal(connected, 0);
    assert.ok(failed > 0);
    assert.match(stack.app.log, /a standby of \[database\] read_url is left/);
    await standby.start();
  }
  await untilUsed(stack);
});

test('a standby that falls silent is left for the primary', async (t) => {
  const { stack, standbys: [standby] } = await startWith(t, 1, { settings: { 'database.statement_timeout': '200ms' } });
  await send(stack, { to: '42' });
  await list(stack, '42');
  await untilUsed(stack);
  const there = await ownerOf(t, stack, standby);
  const { rows } = await there.query("SELECT pid FROM pg_stat_activity WHERE usename = 'doorbell_app'");
  const frozen = [standby.pid, ...rows.map(({ pid }) => pid)];
  for (const pid of frozen) process.kill(pid, 'SIGSTOP');
  try {
    const checks = await Promise.all(['42', '43', '44', '42', '45'].map((user) => stack.api('GET', '/unread', { user })));
    assert.deepEqual(checks.map(({ json }) => json.num), [1, 0, 0, 1, 0]);
    await untilLeft(stack);
    assert.equal((await list(stack, '42')).num, 1);
    assert.ok((await numbers(stack)).failed > 0);
  } finally {
    for (const pid of frozen) process.kill(pid, 'SIGCONT');
  }
  await untilUsed(stack);
});

test('a host that accepts and says nothing takes one worker at a time, and no answer', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false, relay: false });
  const open = new Set();
  let calls = 0;
  let most = 0;
  const silent = net.createServer((socket) => {
    calls++;
    open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)).resume());
    // The end of the one before has come already, and is heard of within this turn of the loop.
    setImmediate(() => setImmediate(() => { most = Math.max(most, open.size); }));
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    silent.close();
  });
  const { port } = silent.address();
  await startOn(stack, [], { 'database.read_url': `postgresql://doorbell_app@127.0.0.1:${port}${databaseOf(stack)}` });
  await send(stack, { to: '42' });
  await until('some calls', async () => {
    assert.equal((await list(stack, '42')).num, 1);
    return calls >= 5;
  });
  assert.equal(most, 1);
  assert.equal((await numbers(stack)).connected, 0);
  assert.match(stack.app.log, /read_url is left.*no reply within 1000 ms/);
});

test('one of two standbys is enough', async (t) => {
  const { stack, standbys } = await startWith(t, 2);
  await send(stack, { to: '42' });
  await list(stack, '42');
  await untilUsed(stack);
  await untilConnected(stack);
  const owners = await Promise.all(standbys.map((standby) => ownerOf(t, stack, standby)));
  await until('the workers to share them, and one for checks at the first', async () => {
    const counts = await Promise.all(owners.map((owner) => owner.query("SELECT FROM pg_stat_activity WHERE usename = 'doorbell_app'")));
    return `${counts.map(({ rowCount }) => rowCount)}` === `${[WORKERS / 2 + 1, WORKERS / 2]}`;
  });
  await standbys[0].stop();
  await untilConnected(stack);
  await untilUsed(stack);
});

test('a standby that is promoted while sends go on is not read any more', async (t) => {
  const { stack, standbys: [standby] } = await startWith(t, 1);
  await send(stack, { to: '42' });
  await list(stack, '42');
  await untilUsed(stack);
  const there = await ownerOf(t, stack, standby);
  let sent = 1;
  const promoted = standby.promote();
  for (let i = 0; i < 30; i++) {
    await send(stack, { to: '42' });
    assert.equal((await list(stack, '42')).num, ++sent);
  }
  await promoted;
  const { used } = await numbers(stack);
  for (let i = 0; i < 40; i++) {
    await there.query("SELECT doorbell.send(ARRAY['42'], title => 'of the other')");
    assert.equal((await list(stack, '42')).num, sent);
  }
  assert.equal((await numbers(stack)).used, used);
  await untilLeft(stack);
  await until('the log', () => /it has been promoted|is no standby/.test(stack.app.log));
});

test('after a failover the other standby is read once it follows the new primary, and not before', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false, relay: false });
  const standbys = [await stack.cluster.startStandby(), await stack.cluster.startStandby()];
  for (const standby of standbys) t.after(() => standby.remove());
  const [next, other] = standbys;
  await startOn(stack, [other], { 'database.url': urlOf(stack, [stack.cluster, next]) });
  for (let i = 0; i < 3; i++) await send(stack, { to: '42' });
  const first = await list(stack, '42');
  await untilUsed(stack);
  const { rows: [{ lsn }] } = await stack.db.query('SELECT pg_current_wal_flush_lsn() AS lsn');
  const nextOwner = await ownerOf(t, stack, next);
  await until('the next primary', async () => (await nextOwner.query('SELECT pg_last_wal_replay_lsn() >= $1 AS is', [lsn])).rows[0].is);
  await stack.db.end();
  await stack.cluster.kill();
  await next.promote();
  await until('the new primary', async () => (await stack.api('GET', '/messages', { user: '42' })).status === 200);
  const moved = await until('its epoch', async () => {
    await nextOwner.query('SELECT doorbell.keep_epoch()');
    const answer = await list(stack, '42');
    return answer.epoch && answer.epoch !== first.epoch && answer;
  });
  assert.equal(moved.num, 3);
  const { used } = await numbers(stack);
  for (let i = 0; i < 20; i++) assert.equal((await list(stack, '42')).epoch, moved.epoch);
  assert.equal((await numbers(stack)).used, used, 'a copy of the history before, with the same numbers');
  const there = await ownerOf(t, stack, other);
  await there.query(`ALTER SYSTEM SET primary_conninfo = 'host=${next.dir} port=5432 user=doorbell'`);
  await there.query('SELECT pg_reload_conf()');
  await untilUsed(stack);
  assert.equal((await list(stack, '42')).epoch, moved.epoch);
});

test('a standby whose clock is off is not read', async (t) => {
  const clock = await Clock.make(t);
  const { stack } = await startWith(t, 1, { env: clock.env });
  await send(stack, { to: '42' });
  await list(stack, '42');
  await untilUsed(stack);
  for (const seconds of [-30, 30]) {
    await clock.set(seconds);
    const { used } = await numbers(stack);
    for (let i = 0; i < 10; i++) assert.equal((await list(stack, '42')).num, 1);
    assert.equal((await numbers(stack)).used, used);
    await until('the log', () => /its clock is more than a second away/.test(stack.app.log));
    await clock.set(0);
    await untilUsed(stack);
  }
});

test('a read_url that libpq cannot read stops the start, and is not repeated', async (t) => {
  const stack = await startStack(t, { app: false, relay: false });
  for (const [url, complaint] of [['nonsense', /read_url: must be/], ['postgresql://u:s3cret@h/d?nothing=1', /read_url: libpq cannot read it/], ['host=a s3cret=b', /read_url: libpq cannot read it/]]) {
    writeSettings(stack.confPath, { ...stack.settings, 'database.read_url': url });
    const fault = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] }).then(() => assert.fail('it started'), (error) => error);
    assert.match(fault.message, complaint);
    assert.doesNotMatch(fault.message, /s3cret/);
  }
});

// What an answer says of where its user is; later ones may not be before.
class Watch {
  constructor() {
    this.known = { version: 0, seq: 0 };
  }

  async read(stack, user, call) {
    const before = this.known;
    const { status, text, json } = await stack.api('GET', call, { user });
    assert.equal(status, 200, text);
    assert.ok(json.version >= before.version && json.seq >= before.seq, `${call} of ${user}: ${json.version}, ${json.seq} after ${before.version}, ${before.seq}`);
    this.known = { version: Math.max(this.known.version, json.version), seq: Math.max(this.known.seq, json.seq) };
    return json;
  }
}

test('whatever two standbys do, no answer is older than one before it, and at the end all agree', async (t) => {
  const seed = Number(process.env.DOORBELL_PROPERTY_SEED ?? Date.now() % 1e9);
  const operations = Number(process.env.DOORBELL_PROPERTY_OPS ?? 1500);
  t.diagnostic(`DOORBELL_PROPERTY_SEED=${seed}`);
  const { stack, standbys } = await startWith(t, 2, { settings: { 'app.workers': '6' } });
  const owners = await Promise.all(standbys.map((standby) => ownerOf(t, stack, standby)));
  const users = ['ann', 'bob', 'cat', 'dan'];
  await send(stack, { to: '*', category: 'news' });
  const watches = new Map(users.map((user) => [user, new Watch()]));
  let left = operations;

  const act = async (draw, user, watch) => {
    const kind = draw(20);
    if (kind < 2) return send(stack, { to: user, ...(draw(2) ? { category: 'news' } : {}) });
    if (kind === 2) return send(stack, { to: '*' });
    if (kind === 3) return stack.api('POST', '/messages/read', { user, json: { all: true } });
    if (kind === 4) return stack.api('PUT', '/preferences', { user, json: { muted: draw(2) ? ['news'] : [] } });
    if (kind === 5) return stack.api(draw(2) ? 'PUT' : 'DELETE', `/groups/g/members/${user}`, { service: true });
    if (kind === 6) return send(stack, { group: 'g' });
    if (kind < 9) return watch.read(stack, user, '/unread');
    if (kind < 11) return watch.read(stack, user, '/unread?by=category');
    const { messages, num } = await watch.read(stack, user, '/messages?state=unread&limit=100');
    assert.equal(messages.length, Math.min(num, 100), 'a list is of one moment');
    if (kind < 15 || messages.length === 0) return;
    const { id } = messages[draw(messages.length)];
    const { status } = await stack.api('POST', `/messages/${id}/read`, { user });
    if (status === 404) return; // muted meanwhile, or of a group that was left
    assert.equal(status, 200);
    const { messages: then } = await watch.read(stack, user, '/messages?state=unread&limit=100');
    assert.ok(!then.some((m) => m.id === id), 'what was marked before is marked');
  };
  const disturb = async (draw, owner) => {
    while (left > 0) {
      await owner.query(draw(2) ? 'SELECT pg_wal_replay_pause()' : 'SELECT pg_wal_replay_resume()');
      const next = Math.max(0, left - 20 - draw(60));
      await until('some operations', () => left <= next);
    }
    await owner.query('SELECT pg_wal_replay_resume()');
  };
  await Promise.all([
    ...users.flatMap((user, i) => [0, 1].map(async (n) => {
      const draw = makeRandom(seed + i * 10 + n);
      while (left-- > 0) await act(draw, user, watches.get(user));
    })),
    ...owners.map((owner, i) => disturb(makeRandom(seed + 100 + i), owner)),
  ]);

  for (const user of users) {
    await untilUsed(stack, user);
    const { num, messages } = await watches.get(user).read(stack, user, '/messages?state=unread&limit=100');
    const { rows: [count] } = await stack.db.query('SELECT num::integer FROM doorbell.unread($1)', [user]);
    assert.equal(num, count.num);
    assert.equal(messages.length, Math.min(num, 100));
  }
  const { rows } = await stack.db.query('SELECT * FROM doorbell.recount()');
  assert.deepEqual(rows, []);
  const { used, behind } = await numbers(stack);
  t.diagnostic(`${used} reads by standbys, ${behind} behind`);
  assert.ok(used > 0 && behind > 0);
});
