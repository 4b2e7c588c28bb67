// SPDX-License-Identifier: MIT
// cluster-broadcast.mjs - a ring to everybody on several relays that a Redis joins, beside one relay, and beside socket.io, alone
// and with its Redis adapter.

import { makeFolder, makeKey, request, startRedis, until } from '../../harness/index.mjs';
import { startNode } from '../peers.mjs';
import { withCpu } from '../proc.mjs';
import { nowUs, ring, startRelayAlone, writeTokens } from '../relay.mjs';
import { median, ratioOf } from '../table.mjs';
import { Swarm } from '../tools.mjs';
import { takeTurns } from '../turns.mjs';

const EACH = Number(process.env.BENCH_SESSIONS || 10_000);
const SEVERAL = 3;
const ROUNDS = 3;
const WAVES = 10;
const WAVE_MS = 60_000;

export const title = `one ring to ${EACH.toLocaleString('en-US')} sessions on each of ${SEVERAL} servers, pace = 0`;
export const limitMs = 1_200_000;

async function isJoined(side) {
  const { json } = await request(`http://${side.publish}`, 'GET', '/health', { headers: { authorization: `Bearer ${side.key}` } });
  return json.cluster === 'linked' && json.relays === SEVERAL;
}

// {pids of the servers, redis, the address of each, what swarms need, tell(seq)}
async function startRelays(scope, count) {
  const redis = count > 1 ? await startRedis(scope) : null;
  const keys = { secret: makeKey(), publishKey: makeKey() };
  const config = { 'relay.pace': 0, ...(redis && { 'relay.cluster': redis.url }) };
  const sides = [];
  for (let i = 0; i < count; i++) sides.push(await startRelayAlone(scope, config, keys));
  if (redis) await until('the relays to know each other', async () => (await Promise.all(sides.map(isJoined))).every(Boolean));
  return {
    pids: sides.map(({ pid }) => pid),
    redis: redis?.pid,
    addresses: sides.map(({ clients }) => clients),
    tokens: (i) => writeTokens(sides[i].folder, keys.secret, EACH, i * EACH),
    tell: (seq) => ring(sides[0], { all: true, seq }),
  };
}

// A client of theirs brings no token, so any will do.
async function startSocketio(scope, count) {
  const redis = count > 1 ? await startRedis(scope) : null;
  const nodes = [];
  for (let i = 0; i < count; i++) nodes.push(await startNode(...(redis ? ['socket.io-redis', redis.url] : ['socket.io']))(scope));
  return {
    pids: nodes.map(({ pid }) => pid),
    redis: redis?.pid,
    addresses: nodes.map(({ port }) => `127.0.0.1:${port}`),
    tokens: () => writeTokens(makeFolder(scope), makeKey(), 1),
    options: { socketio: true },
    tell: (seq) => nodes[0].tellAll(JSON.stringify({ type: 'ring', seq, spread_ms: 2000 })), // as the relay's
  };
}

// Tells all, once each swarm counts anew; answers when the last session had it, in ms.
async function wave(side, swarms) {
  let waiting = swarms.length;
  let tellNow;
  const told = new Promise((resolve) => {
    tellNow = () => resolve(side.tell(nowUs()));
  });
  const work = () => {
    if (--waiting === 0) tellNow();
    return told;
  };
  const waves = await Promise.all(swarms.map((swarm) => swarm.wave(EACH, WAVE_MS, work)));
  if (waves.some(({ reached }) => reached !== EACH)) throw new Error(`not all were reached: ${JSON.stringify(waves)}`);
  return Math.max(...waves.map(({ many }) => many.max)) / 1000;
}

const measure = (start, count) => async (scope) => {
  const side = await start(scope, count);
  const swarms = [];
  for (const [i, address] of side.addresses.entries()) {
    swarms.push(await Swarm.start(scope, address, side.tokens(i), side.options));
    await swarms[i].open(EACH);
  }
  await wave(side, swarms); // not counted: it brings memory and caches to where they stay
  const lasts = [];
  const pids = { ...side.pids, ...(side.redis && { redis: side.redis }) };
  const { cpu } = await withCpu(pids, async () => {
    for (let i = 0; i < WAVES; i++) lasts.push(await wave(side, swarms));
  });
  const frames = WAVES * EACH * count;
  const sum = Object.values(cpu).reduce((total, us) => total + us, 0);
  return { us: sum / frames, redisUs: (cpu.redis ?? 0) / frames, lastMs: median(lasts) };
};

const sides = {
  'one doorbell-relay': measure(startRelays, 1),
  'three doorbell-relays and Redis': measure(startRelays, SEVERAL),
  'one socket.io': measure(startSocketio, 1),
  'three socket.io with the Redis adapter': measure(startSocketio, SEVERAL),
};

export async function run() {
  const found = await takeTurns(ROUNDS, sides);
  const relay = found['one doorbell-relay'];
  const of = (rounds, part) => median(rounds.map((round) => round[part]));
  const row = ([name, rounds]) => [
    name,
    of(rounds, 'us'),
    rounds === relay ? '1' : ratioOf(rounds.map(({ us }, i) => us / relay[i].us)),
    of(rounds, 'redisUs') || '–',
    of(rounds, 'lastMs'),
  ];
  return [
    {
      columns: ['servers', 'CPU µs per frame', 'ratio: median (range of rounds)', 'of it Redis', 'the last has it, ms'],
      rows: Object.entries(found).map(row),
      note: `${ROUNDS} turns a side, of ${WAVES} rings, each by one call to one server; CPU of all servers and of Redis. All of them and all sessions are on this machine.`,
    },
  ];
}
