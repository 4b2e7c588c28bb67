// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { build, freePort, makeFolder, OPEN, startRedis, startStack, until, writeSettings } from '../../harness/index.mjs';
import { cutOff, healthOf, joined, ringsOf, startCable, startRelayOf, startSite } from './scene.mjs';

const run = promisify(execFile);
const asked = (bell, from) => bell.next((one) => one.type === 'ring' && one.seq === undefined, { from });

test('without Redis each relay rings its own pages, and all ask when it is back, empty', async (t) => {
  const redis = await startRedis(t);
  const relays = await startSite(t, redis);
  const bells = await Promise.all(relays.map((relay) => relay.connect('42')));
  await redis.kill();
  for (const relay of relays) await cutOff(relay);
  const { status, json } = await relays[0].ring({ to: ['42'], seq: 5 });
  assert.deepEqual([status, json], [200, { sessions: 1 }]);
  await bells[0].next((one) => one.seq === 5);
  assert.deepEqual((await relays[0].call('POST', '/publish', { json: { rings: [{ to: ['42', '1'] }], report: true } })).json,
    { sessions: 1, offline: ['1'], partial: true });
  assert.deepEqual((await relays[0].call('POST', '/online', { json: { users: ['42', '1'] } })).json, { users: ['42'], partial: true });
  assert.deepEqual(ringsOf(bells[1]), []);
  const from = bells.map((bell) => bell.frames.length);
  await redis.start();
  await joined(relays);
  for (const [i, bell] of bells.entries()) await asked(bell, from[i]);
  for (const { relay } of relays) assert.equal(relay.log.match(/linked again to Redis at .*\n.*pages here are told to ask/g).length, 1);
  assert.equal(await relays[0].metric('cluster_links_total'), 2);
  assert.ok((await relays[0].metric('cluster_lost_total')) >= 1);
  await relays[2].ring({ to: ['42'], seq: 6 });
  for (const bell of bells) await bell.next((one) => one.seq === 6);
});

test('a relay starts without Redis, and finds it later', async (t) => {
  const redis = await startRedis(t);
  await redis.stop();
  const relay = await startRelayOf(t, redis);
  await relay.relay.waitLog(/no link to Redis at 127\.0\.0\.1:\d+: .*Connection refused/);
  const bell = await relay.connect('42');
  assert.equal((await healthOf(relay)).cluster, 'cut off');
  await redis.start();
  await joined([relay]);
  await asked(bell, 1);
});

test('what others have missed of a relay that was cut off, they ask when it is back', async (t) => {
  const redis = await startRedis(t);
  const cable = await startCable(t, redis);
  const b = await startRelayOf(t, redis);
  const a = await startRelayOf(t, cable, {}, b);
  await joined([a, b]);
  const bell = await b.connect('42');
  await cable.cut();
  await cutOff(a);
  await cable.mend();
  await joined([a, b]);
  assert.deepEqual(ringsOf(bell), []); // nothing was missed
  await cable.cut();
  await cutOff(a);
  await a.ring({ to: ['42'], seq: 1 });
  await cable.mend();
  await joined([a, b]);
  await asked(bell, 1);
  assert.doesNotMatch(b.relay.log, /is cut/);
});

test('what a relay that dies takes along, pages at the others ask for', async (t) => {
  const redis = await startRedis(t);
  const cable = await startCable(t, redis);
  const b = await startRelayOf(t, redis);
  const a = await startRelayOf(t, cable, {}, b);
  await joined([a, b]);
  const bell = await b.connect('42');
  cable.freeze();
  assert.equal((await a.ring({ to: ['42'], seq: 1 })).status, 200);
  await a.relay.kill();
  await cable.cut();
  await asked(bell, 1);
  await b.relay.waitLog(/another relay is silent, and has not said that it goes/);
});

test('a Redis that is frozen is noticed, and nobody waits for it', async (t) => {
  const redis = await startRedis(t);
  const [a, b] = await startSite(t, redis, { count: 2 });
  const bells = await Promise.all([a.connect('42'), b.connect('42')]);
  redis.signal('SIGSTOP');
  await a.ring({ to: ['42'], seq: 1 });
  await bells[0].next((one) => one.seq === 1);
  const late = await a.connect('43');
  assert.deepEqual((await a.call('POST', '/online', { json: { users: ['42', '1'] } })).json, { users: ['42'], partial: true });
  await a.relay.waitLog(/nothing comes back any more/);
  await cutOff(b);
  redis.signal('SIGCONT');
  await joined([a, b]);
  for (const bell of [...bells, late]) await asked(bell, 1);
});

test('pages at other relays are rung where a Redis that is slow for a moment could not tell that they are there', async (t) => {
  const redis = await startRedis(t);
  const stack = await startStack(t, { config: { 'relay.cluster': redis.url } });
  const b = await startRelayOf(t, redis, {}, stack);
  await b.relay.waitLog(/2 relays share/);
  const bell = await b.connect('42');
  redis.signal('SIGSTOP');
  assert.equal((await stack.api('POST', '/messages', { service: true, form: { to: '42', title: 'Hello' } })).status, 201);
  await until('the ring to have left', async () => (await stack.db.query('SELECT FROM doorbell.outbox')).rows.length === 0);
  redis.signal('SIGCONT');
  await bell.next('ring');
});

test('max_sessions_per_user holds as well for who is welcomed before a slow Redis has subscribed to them', async (t) => {
  const redis = await startRedis(t);
  const [a, b] = await startSite(t, redis, { count: 2, config: { 'relay.max_sessions_per_user': '1' } });
  const oldest = await a.connect('42');
  redis.signal('SIGSTOP');
  const late = await b.connect('42');
  redis.signal('SIGCONT');
  assert.equal((await oldest.untilClosed()).code, 4429);
  assert.equal(late.closed, null);
});

test('a password that is wrong is told, and no secret with it', async (t) => {
  const password = 'the-password-of-redis';
  const redis = await startRedis(t, { settings: [`requirepass ${password}`] });
  const relay = await startRelayOf(t, redis);
  await relay.relay.waitLog(/no link to Redis at 127\.0\.0\.1:\d+: NOAUTH/);
  writeFileSync(path.join(relay.dir, 'wrong'), 'not-that\n');
  writeFileSync(path.join(relay.dir, 'right'), `${password}\n`);
  const second = await startRelayOf(t, redis, { 'relay.cluster_password_file': path.join(relay.dir, 'wrong') }, relay);
  await second.relay.waitLog(/no link to Redis at 127\.0\.0\.1:\d+: WRONGPASS/);
  assert.doesNotMatch(second.relay.log, /not-that/);
  const third = await startRelayOf(t, redis, { 'relay.cluster_password_file': path.join(relay.dir, 'right') }, relay);
  await joined([third]);
  assert.doesNotMatch(third.relay.log, new RegExp(password));
});

test('a user with no more rights than the manual names is enough, on a socket', async (t) => {
  const acl = 'user doorbell on >secret resetchannels &shop:* +auth +role +publish +subscribe +unsubscribe +pubsub|numsub';
  const redis = await startRedis(t, { settings: [acl] });
  const config = { 'relay.cluster': `${redis.unixUrl}?db=3`, 'relay.cluster_prefix': 'shop', 'relay.cluster_user': 'doorbell', 'relay.cluster_password_file': 'redis.password' };
  const first = await startRelayOf(t, redis);
  writeFileSync(path.join(first.dir, 'redis.password'), 'secret');
  config['relay.cluster_password_file'] = path.join(first.dir, 'redis.password');
  const a = await startRelayOf(t, redis, config, first);
  const b = await startRelayOf(t, redis, config, first);
  await joined([a, b]);
  const bell = await b.connect('42');
  await first.ring({ to: ['42'], seq: 1 }); // another prefix, another site
  assert.deepEqual((await a.call('POST', '/publish', { json: { rings: [{ to: ['42'], seq: 2 }], report: true } })).json, { sessions: 1, offline: [] });
  await bell.next((one) => one.seq === 2);
  assert.deepEqual(ringsOf(bell).map(({ seq }) => seq), [2]);
});

test('a reload leaves the link what needs a restart, and takes a new password from the file', async (t) => {
  const acl = 'user doorbell on >first resetchannels &doorbell:* +auth +role +publish +subscribe +unsubscribe +pubsub|numsub';
  const redis = await startRedis(t, { settings: [acl] });
  const password = path.join(makeFolder(), 'redis.password');
  writeFileSync(password, 'first');
  const relay = await startRelayOf(t, redis, { 'relay.cluster_user': 'doorbell', 'relay.cluster_password_file': password });
  await joined([relay]);
  writeFileSync(`${password}.next`, 'second');
  const settings = { ...relay.settings, 'relay.cluster_user': 'another', 'relay.cluster_password_file': `${password}.next` };
  for (const [given, right] of [['first', 'first'], ['third', 'third']]) {
    await redis.cli('acl', 'setuser', 'doorbell', 'resetpass', `>${right}`);
    writeFileSync(password, given);
    writeSettings(relay.confPath, settings);
    const from = relay.relay.log.length;
    relay.relay.signal('SIGHUP');
    await relay.relay.waitLog(/reloaded/, { from });
    assert.match(relay.relay.log.slice(from), /cluster_user stays as it was[^]*cluster_password_file stays as it was/);
    await redis.cli('client', 'kill', 'type', 'pubsub');
    await relay.relay.waitLog(/linked again/, { from });
  }
});

test('a replica is passed over, a dead address as well, and a failover followed', async (t) => {
  const [one, two] = [await startRedis(t), await startRedis(t)];
  await two.cli('replicaof', '127.0.0.1', String(one.port));
  const config = { 'relay.cluster': `redis://127.0.0.1:${await freePort()}, ${two.url} redis://localhost:${one.port}` };
  const relays = await startSite(t, one, { count: 2, config });
  const bell = await relays[1].connect('42');
  await two.cli('replicaof', 'no', 'one');
  await one.cli('replicaof', '127.0.0.1', String(two.port));
  await until('both relays at the new master', async () => (await two.cli('pubsub', 'numsub', 'doorbell:all')).endsWith('\n2'));
  await joined(relays);
  await relays[0].ring({ to: ['42'], seq: 1 });
  await bell.next((frame) => frame.seq === 1);
  for (const relay of relays) {
    assert.equal((await healthOf(relay)).redis, `127.0.0.1:${two.port}`);
    assert.equal(await relay.metric('cluster_master_changes_total'), 1);
    await relay.relay.waitLog(new RegExp(`the master of Redis is now 127\\.0\\.0\\.1:${two.port}, and was localhost:${one.port}`));
  }
});

test('what Redis does not take has a ceiling', async (t) => {
  const redis = await startRedis(t);
  const config = { 'relay.max_publish_body': '32768', 'relay.cluster_max_pending': '65536' };
  const [a] = await startSite(t, redis, { count: 1, config });
  redis.signal('SIGSTOP');
  const users = Array.from({ length: 3000 }, (_, i) => String(i));
  await until('the ceiling', async () => {
    await a.ring({ to: users });
    return /more than cluster_max_pending bytes wait/.test(a.relay.log);
  });
  await cutOff(a);
  redis.signal('SIGCONT');
  await joined([a]);
});

test('a Redis that is full carries on', async (t) => {
  const redis = await startRedis(t, { settings: ['maxmemory 1mb', 'maxmemory-policy noeviction'] });
  const [a, b] = await startSite(t, redis, { count: 2 });
  assert.match(await redis.cli('set', 'one', 'more'), /OOM/);
  const bell = await b.connect('42');
  await a.ring({ to: ['42'], seq: 1 });
  await bell.next((one) => one.seq === 1);
});

test('a relay that Redis drops as a slow reader asks when it is back', async (t) => {
  const redis = await startRedis(t, { settings: ['client-output-buffer-limit pubsub 1mb 1mb 1'] });
  const [a, b] = await startSite(t, redis, { count: 2 });
  const bell = await b.connect('42');
  const users = Array.from({ length: 9000 }, (_, i) => `user-${i}`);
  b.relay.signal('SIGSTOP');
  await until('the reader to be dropped', async () => {
    for (let i = 0; i < 20; i++) await a.ring({ to: users });
    return (await redis.cli('client', 'list', 'type', 'pubsub')).split('\n').length === 1;
  });
  b.relay.signal('SIGCONT');
  await b.relay.waitLog(/the link to Redis at .* is cut: .*closed/);
  await joined([a, b]);
  await asked(bell, 1);
});

test('many users are subscribed to again, and nobody else', async (t) => {
  const redis = await startRedis(t);
  const config = OPEN;
  const [a, b] = await startSite(t, redis, { count: 2, config });
  const bells = Array.from({ length: 1500 }, (_, i) => b.bell({ token: b.token(`user-${i}`) }));
  for (const bell of bells) await bell.next('welcome');
  await redis.kill();
  await cutOff(b);
  for (const bell of bells.slice(1000)) bell.close();
  await redis.start();
  await joined([a, b]);
  await until('the channels', async () => (await redis.cli('pubsub', 'channels', 'doorbell:user:*')).split('\n').length === 1000);
  const { json } = await a.call('POST', '/online', { json: { users: ['user-999', 'user-1000'] } });
  assert.deepEqual(json, { users: ['user-999'] });
});

test('what hands on garbage harms nobody', async (t) => {
  const redis = await startRedis(t);
  const [a, b] = await startSite(t, redis, { count: 2 });
  const bell = await b.connect('42');
  for (const text of ['', 'doorbell1', 'doorbell2 rings 1 0\n{}', 'doorbell1 rings 1 0\n{"rings":[{"to":["42"]', 'doorbell1 hello 7 0\n{"life":-1}',
    'doorbell1 answer 7 1\n{"sessions":[1,2,3]}', 'doorbell1 ask 7 1\n{"users":[1,2,"*"]}', 'doorbell1 kick 7 1\n{}', 'doorbell1 text 7 0\n{"text":7}',
    'doorbell1 revoked 7 0\n[]', `doorbell1 rings 7 0\n${'['.repeat(10_000)}`]) {
    await redis.cli('publish', 'doorbell:all', text);
    await redis.cli('publish', 'doorbell:user:42', text);
  }
  await a.ring({ to: ['42'], seq: 1 });
  await bell.next((one) => one.seq === 1);
  assert.deepEqual(ringsOf(bell).length, 1);
});

test('a message has a ceiling, too', async (t) => {
  const redis = await startRedis(t);
  const config = { 'relay.max_publish_body': '32768', 'relay.cluster_max_pending': '65536' };
  const [a] = await startSite(t, redis, { count: 1, config });
  const socket = net.connect(redis.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const text = Buffer.alloc(24 * 1024 * 1024);
  socket.write(`*3\r\n$7\r\nPUBLISH\r\n$12\r\ndoorbell:all\r\n$${text.length}\r\n`);
  socket.write(text);
  socket.write('\r\n');
  await a.relay.waitLog(/sends a message of more than twice cluster_max_pending bytes/);
  await joined([a]);
});

test('a server that is no Redis is told', async (t) => {
  for (const [text, why] of [
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /no link to Redis at 127\.0\.0\.1:\d+: Protocol error/],
    [`*${2 ** 31 - 1}\r\n`, /no link to Redis at 127\.0\.0\.1:\d+: it sends an array that is too long/],
  ]) {
    const port = await freePort();
    const server = net.createServer((socket) => socket.on('error', () => {}).write(text));
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    t.after(() => server.close());
    const relay = await startRelayOf(t, { url: `redis://127.0.0.1:${port}` });
    await relay.relay.waitLog(why);
  }
});

test('a setting that cannot be meant stops the start', async (t) => {
  const relay = await startRelayOf(t, { url: '' });
  for (const [settings, why] of [
    [{ 'relay.cluster': 'rediss://redis:6379' }, /stunnel/],
    [{ 'relay.cluster': 'redis://u:p@redis' }, /cluster_password_file/],
    [{ 'relay.cluster': 'redis:6379' }, /redis:\/\/host:port/],
    [{ 'relay.cluster': 'redis://a/1 redis://b/2' }, /same number/],
    [{ 'relay.cluster': 'redis://a', 'relay.cluster_user': 'x' }, /needs cluster_password_file/],
    [{ 'relay.cluster_password_file': 'x' }, /needs cluster/],
    [{ 'relay.cluster': 'redis://a', 'relay.cluster_password_file': '/none' }, /none: no such file/],
    [{ 'relay.cluster': 'sentinel://a' }, /DOORBELL_RELAY_CLUSTER: cluster: sentinels need cluster_sentinel_master/],
    [{ 'relay.cluster': 'sentinel://a', 'relay.cluster_sentinel_master': 'm', 'relay.cluster_sentinel_password_file': '/none' }, /none: no such file/],
    [{ 'relay.cluster_prefix': 'a b' }, /letters, digits/],
    [{ 'relay.cluster_max_pending': '65536' }, /twice max_publish_body/],
  ]) {
    const env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`DOORBELL_${name.toUpperCase().replace('.', '_')}`, value]));
    const { stderr, code } = await run(path.join(build, 'doorbell-relay'), ['-n', '-c', relay.confPath], { env: { ...process.env, ...env } }).catch((error) => error);
    assert.equal(code, 78);
    assert.match(stderr, why);
  }
});
