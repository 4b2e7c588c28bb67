// SPDX-License-Identifier: MIT
// Relays that ask Redis Sentinel where the master is, with real sentinels; those that answer nonsense are sockets.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { freePort, startRedis, startSentinel, until } from '../../harness/index.mjs';
import { bySentinels, cutOff, healthOf, joined, SENTINEL_PATIENCE, startRelayOf, startSite, startWatchedRedis, watch } from './scene.mjs';

const asked = (bell, from) => bell.next((one) => one.type === 'ring' && one.seq === undefined, { from });

const linkedTo = (relays, port) => until('the link to the master', async () => {
  for (const relay of relays) if ((await healthOf(relay)).redis !== `127.0.0.1:${port}`) return false;
  return true;
}, SENTINEL_PATIENCE);

// All pages ask, and rings go from each relay to the pages of the others.
async function assertRung(relays, bells, from) {
  for (const [i, bell] of bells.entries()) await asked(bell, from[i]);
  for (const [i, relay] of relays.entries()) {
    await relay.ring({ to: ['42'], seq: 10 + i });
    for (const bell of bells) await bell.next((one) => one.seq === 10 + i);
  }
}

async function follow(t, { master, replica, config }, change) {
  const relays = await startSite(t, { url: '' }, { config });
  await linkedTo(relays, master.port);
  const bells = await Promise.all(relays.map((relay) => relay.connect('42')));
  const from = bells.map((bell) => bell.frames.length);
  await change();
  await linkedTo(relays, replica.port);
  await joined(relays);
  await assertRung(relays, bells, from);
  for (const relay of relays) {
    const line = new RegExp(`the master of Redis is now 127\\.0\\.0\\.1:${replica.port}, and was 127\\.0\\.0\\.1:${master.port}`, 'g');
    assert.equal(relay.relay.log.match(line).length, 1);
    assert.equal(await relay.metric('cluster_master_changes_total'), 1);
    assert.equal(await relay.metric('cluster_connected'), 1);
  }
  return relays;
}

test('a failover that is ordered is followed', async (t) => {
  const site = await startWatchedRedis(t);
  await follow(t, site, async () => assert.equal(await site.failOver(), 'OK'));
});

test('a failover of a master that is killed is followed, by those sentinels that are left', async (t) => {
  const site = await startWatchedRedis(t);
  const relays = await follow(t, site, async () => {
    await site.sentinels[0].kill();
    await site.master.kill();
  });
  for (const relay of relays) assert.match(relay.relay.log, /the link to Redis at .* is cut: /);
  // The old master comes back as a replica: nobody is cut, and nobody goes there.
  await site.master.start();
  await until('the old master to follow', async () => /role:slave/.test(await site.master.cli('info', 'replication')), SENTINEL_PATIENCE);
  await linkedTo(relays, site.replica.port);
  for (const relay of relays) assert.equal(await relay.metric('cluster_links_total'), 2);
});

test('sentinels that are dead, know nothing of the name, or name a replica are passed over', async (t) => {
  const [master, replica] = [await startRedis(t), await startRedis(t)];
  await replica.cli('replicaof', '127.0.0.1', String(master.port));
  await until('the replica', async () => /master_link_status:up/.test(await replica.cli('info', 'replication')));
  const dead = { port: await freePort() };
  dead.url = `sentinel://127.0.0.1:${dead.port}`;
  const [stranger, liar, good] = [await startSentinel(t), await watch(t, replica.port, { quorum: 9 }), await watch(t, master.port)];
  const relay = await startRelayOf(t, {}, bySentinels([dead, stranger, liar, good]));
  await joined([relay]);
  assert.equal((await healthOf(relay)).redis, `127.0.0.1:${master.port}`);
  for (const [address, why] of [
    [`by the sentinel at 127.0.0.1:${dead.port}`, 'Connection refused'],
    [`by the sentinel at 127.0.0.1:${stranger.port}`, 'it knows no master of the name in cluster_sentinel_master'],
    [`at 127.0.0.1:${replica.port}`, 'it is a replica, though a sentinel has named it'],
  ]) assert.equal(relay.relay.log.split(`no link to Redis ${address}: ${why}; `).length, 2, `${address}: ${why}\n${relay.relay.log}`);
  assert.equal(await relay.metric('cluster_sentinel_failures_total'), 2);
  assert.equal(await relay.metric('cluster_master_changes_total'), 0);
});

test('a relay starts without any sentinel, and finds one later; a link needs none', async (t) => {
  const redis = await startRedis(t);
  const sentinel = await watch(t, redis.port);
  await sentinel.stop();
  const relay = await startRelayOf(t, {}, bySentinels([sentinel]));
  await relay.relay.waitLog(/no link to Redis by the sentinel at 127\.0\.0\.1:\d+: Connection refused; this relay rings its own pages alone/);
  assert.equal((await healthOf(relay)).cluster, 'cut off');
  const bell = await relay.connect('42');
  await sentinel.start();
  await joined([relay]);
  await asked(bell, 1);
  await sentinel.stop();
  assert.equal((await healthOf(relay)).cluster, 'linked');
  await redis.cli('client', 'kill', 'type', 'pubsub');
  await cutOff(relay);
});

test('a sentinel that is silent is left in time', async (t) => {
  const redis = await startRedis(t);
  const [silent, good] = [await watch(t, redis.port), await watch(t, redis.port)];
  silent.signal('SIGSTOP');
  const relay = await startRelayOf(t, {}, bySentinels([silent, good]));
  await relay.ring({ to: ['42'], seq: 1 });
  await relay.relay.waitLog(/by the sentinel at 127\.0\.0\.1:\d+: it does not answer/);
  await joined([relay]);
});

test('sentinels may name a host, and an address of IPv6', async (t) => {
  for (const [host, bind, text] of [['localhost', '127.0.0.1', 'localhost'], ['::1', '::1', '[::1]']]) {
    const redis = await startRedis(t, { settings: [`bind ${bind}`] });
    const sentinel = await watch(t, redis.port, { host });
    const relay = await startRelayOf(t, {}, bySentinels([sentinel]));
    await joined([relay]);
    assert.equal((await healthOf(relay)).redis, `${text}:${redis.port}`);
  }
});

test('sentinels have a password of their own, and a user with no more rights than the manual names', async (t) => {
  const redis = await startRedis(t, { settings: ['requirepass of-redis'] });
  const acl = 'user doorbell on >of-the-sentinels resetchannels +auth +sentinel|get-master-addr-by-name';
  const sentinel = await watch(t, redis.port, { settings: ['sentinel auth-pass mymaster of-redis', 'requirepass another', acl] });
  const relay = await startRelayOf(t, {}, bySentinels([sentinel]));
  await relay.relay.waitLog(/no link to Redis by the sentinel at 127\.0\.0\.1:\d+: NOAUTH/);
  const write = (name, text) => {
    writeFileSync(path.join(relay.dir, name), `${text}\n`);
    return path.join(relay.dir, name);
  };
  const config = { ...bySentinels([sentinel]), 'relay.cluster_sentinel_user': 'doorbell', 'relay.cluster_password_file': write('redis', 'of-redis') };
  const second = await startRelayOf(t, {}, { ...config, 'relay.cluster_sentinel_password_file': write('wrong', 'not-that') }, relay);
  await second.relay.waitLog(/by the sentinel at 127\.0\.0\.1:\d+: WRONGPASS/);
  const third = await startRelayOf(t, {}, { ...config, 'relay.cluster_sentinel_password_file': write('right', 'of-the-sentinels') }, relay);
  await joined([third]);
  for (const { log } of [second.relay, third.relay]) assert.doesNotMatch(log, /not-that|of-redis|of-the-sentinels/);
});

const bulk = (text) => `$${text.length}\r\n${text}\r\n`;
const named = (host, port) => `*2\r\n${bulk(host)}${bulk(String(port))}`;

// A socket that gives each connection the next of these answers, and the last to all that follow.
async function startNonsense(t, answers) {
  const port = await freePort();
  let next = 0;
  const server = net.createServer((socket) => {
    const answer = answers[Math.min(next++, answers.length - 1)];
    socket.on('error', () => {}).once('data', () => (answer === null ? socket.destroy() : socket.write(answer)));
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `sentinel://127.0.0.1:${port}` };
}

test('what a sentinel answers is believed only if it is an address, and harms nobody', async (t) => {
  const redis = await startRedis(t);
  const answers = [
    [named('/run/redis', 6379), /its answer is not a host and a port/],
    [named('127.0.0.1', 0), /its answer is not a host and a port/],
    [`*3\r\n${bulk('127.0.0.1')}${bulk('1')}${bulk('2')}`, /it sends an array that is too long/],
    [`*2\r\n*2\r\n${bulk('127.0.0.1')}`, /it sends an array that is too long/],
    ['*2\r\n:1\r\n*-1\r\n', /its answer is not a host and a port/],
    ['+OK\r\n+OK\r\n:7\r\n', /its answer is not a host and a port/],
    [`*2\r\n${bulk('x'.repeat(256))}${bulk('6379')}`, /its answer is not a host and a port/],
    ['-ERR unknown command\r\n', /ERR unknown command/],
    [null, /closed the connection/],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /Protocol error/],
    [`$${2 ** 29}\r\n${'x'.repeat(2 ** 20)}`, /its answer is too long/],
    [`*${2 ** 31 - 1}\r\n`, /it sends an array that is too long/],
  ];
  // An address for each, as the log tells of a sentinel once.
  for (const wrong of [answers.slice(0, 7), answers.slice(7)]) {
    const sentinel = await startNonsense(t, [...wrong.map(([answer]) => answer), named('127.0.0.1', redis.port) + named('127.0.0.1', 1)]);
    const relay = await startRelayOf(t, {}, { ...bySentinels(Array(8).fill(sentinel)), 'relay.cluster_prefix': `site-${wrong.length}` });
    await joined([relay]);
    const reasons = relay.relay.log.match(/no link to Redis by .*/g);
    assert.equal(reasons.length, wrong.length);
    for (const [i, reason] of reasons.entries()) assert.match(reason, wrong[i][1]);
    assert.equal(await relay.metric('cluster_sentinel_failures_total'), wrong.length);
  }
});
