// SPDX-License-Identifier: MIT
// Relays whose ways to Redis are a bad network: packets come late, are lost, or never come. Each way is a pair of devices from
// the network of the relays to that of Redis, and both are namespaces of this test's own. tc makes it bad, by netem where the kernel
// has it, else by a link that is too slow, whose queue delays what it does not drop.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { OPEN, Service, startRedis, until } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { joined, ringsOf, startRelayOf } from './scene.mjs';
import { Storm } from './storm.mjs';

const ROUNDS = Number(process.env.DOORBELL_STORM_ROUNDS ?? 2);
const STEPS = 40; // of a round
const SEED = Number(process.env.DOORBELL_SEED ?? randomInt(2 ** 31));
const isInside = process.env.DOORBELL_NETWORK === 'own';
const own = ['unshare', process.getuid() === 0 ? '-n' : '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, DOORBELL_NETWORK: 'own' };
const isPossible = (...command) => spawnSync(command[0], command.slice(1), { env }).status === 0;
const shapes = {
  netem: ['netem', 'delay', '60ms', '30ms', 'loss', '8%', 'duplicate', '1%'],
  'a slow link': ['tbf', 'rate', '64kbit', 'burst', '1600', 'limit', '4000'],
};

// A network for Redis, which lives as long as a process in it.
async function startNetwork(t) {
  const holder = new Service({ name: 'network', command: 'sleep', args: ['infinity'], wrap: ['unshare', '-n'] });
  t.after(() => holder.kill());
  holder.spawn();
  const file = `/proc/${holder.pid}/ns/net`;
  await until('the network of Redis', () => readlinkSync(file) !== readlinkSync('/proc/self/ns/net'));
  return { pid: holder.pid, wrap: ['nsenter', `--net=${file}`] };
}

const run = (wrap, ...words) => execFileSync([...wrap, ...words][0], [...wrap, ...words].slice(1));

// A way: fine, bad, silent (nothing gets through, and nobody is told), down (the relay is told).
function layWay(network, i, shape) {
  const [here, there] = [`h${i}`, `r${i}`];
  const ends = [[[], here], [network.wrap, there]];
  run([], 'ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', String(network.pid));
  for (const [n, [wrap, device]] of ends.entries()) run(wrap, 'ip', 'address', 'add', `10.9.${i}.${n + 1}/30`, 'dev', device);
  const turn = (how) => ends.forEach(([wrap, device]) => run(wrap, 'ip', 'link', 'set', device, how));
  const shapeBoth = (...words) => ends.forEach(([wrap, device]) => run(wrap, 'tc', 'qdisc', words[0], 'dev', device, 'root', ...words.slice(1)));
  const enter = {
    fine: () => {},
    bad: () => shapeBoth('add', ...shape),
    silent: () => run(network.wrap, 'ip', 'link', 'set', there, 'down'),
    down: () => run([], 'ip', 'link', 'set', here, 'down'),
  };
  let mode = 'fine';
  turn('up');
  return {
    host: `10.9.${i}.2`,
    modes: Object.keys(enter),
    silent: 'silent',
    gone: 'down',
    set: (next) => {
      if (mode === 'bad') shapeBoth('del');
      turn('up');
      mode = next;
      enter[mode]();
    },
  };
}

// Three relays, each with a way of its own.
async function startSite(t) {
  const shape = isPossible('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'limit', '10000') ? 'netem' : 'a slow link';
  spawnSync('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
  t.diagnostic(`bad is ${shape}`);
  const network = await startNetwork(t);
  const redis = await startRedis(t, { settings: ['bind 0.0.0.0', 'protected-mode no'], wrap: network.wrap });
  t.after(() => until('the ways to go with the network', () => !/: h\d/.test(run([], 'ip', 'link'))));
  const [relays, ways] = [[], []];
  for (let i = 0; i < 3; i++) {
    ways.push(layWay(network, i, shapes[shape]));
    relays.push(await startRelayOf(t, { url: `redis://${ways[i].host}:${redis.port}` }, OPEN, relays[0]));
  }
  await joined(relays);
  return { redis, relays, ways };
}

if (!isInside) {
  const skip = !isPossible(...own, 'ip', 'link', 'add', 'h0', 'type', 'veth', 'peer', 'name', 'r0') && 'needs network namespaces and iproute2';
  test(`relays on a bad network (DOORBELL_SEED=${SEED})`, { skip }, (t) => {
    const inside = { ...env, DOORBELL_SEED: String(SEED) };
    delete inside.NODE_TEST_CONTEXT; // it is no part of this run
    const { status, stdout } = spawnSync(own[0], [...own.slice(1), process.execPath, '--test', fileURLToPath(import.meta.url)], { env: inside, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    t.diagnostic(stdout.match(/bad is .*/)[0]);
  });
} else {
  test('rings get through while packets are late and lost', async (t) => {
    const { relays, ways } = await startSite(t);
    const bells = await Promise.all(relays.map((relay) => relay.connect('42')));
    for (const way of ways) way.set('bad');
    for (let seq = 1; seq <= 60; seq++) await relays[seq % 3].ring({ to: ['42'], seq });
    for (const bell of bells) await bell.next((one) => one.type === 'ring' && (one.seq === 60 || one.seq === undefined));
    for (const way of ways) way.set('fine');
    await joined(relays);
    await relays[0].ring({ to: ['42'], seq: 61 });
    for (const bell of bells) {
      await bell.next((one) => one.seq === 61);
      assert.ok(ringsOf(bell).length <= 70, 'each once, but for what is asked');
    }
  });

  test('a partition is noticed, and both sides ask once it is over', async (t) => {
    const { relays: [a, b, c], ways } = await startSite(t);
    const bells = await Promise.all([a, b, c].map((relay) => relay.connect('42')));
    ways[0].set('silent');
    await a.ring({ to: ['42'], seq: 1 });
    await a.relay.waitLog(/nothing comes back any more|the link to Redis at .* is cut/);
    await b.ring({ to: ['42'], seq: 2 });
    await bells[0].next((one) => one.seq === 1);
    for (const bell of bells.slice(1)) await bell.next((one) => one.seq === 2);
    ways[0].set('fine');
    await joined([a, b, c]);
    for (const bell of bells) await bell.next((one) => one.type === 'ring' && one.seq === undefined, { from: 1 });
  });

  test(`${ROUNDS} rounds of ${STEPS} random steps on a bad network: after each every page knows of its last event (DOORBELL_SEED=${SEED})`, async (t) => {
    const storm = new Storm(t, { ...(await startSite(t)), random: makeRandom(SEED) });
    await storm.rounds(ROUNDS, STEPS);
  });
}
