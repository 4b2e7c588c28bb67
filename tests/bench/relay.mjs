// SPDX-License-Identifier: MIT
// relay.mjs - the relay alone, or in turns with the bare loop and each with a swarm of its own: what a side of a
// comparison is ({name, pid, clients, publish, key, swarm}), and how it is rung.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { build, freePort, makeFolder, makeKey, OPEN, request, signToken, startRelay, writeSettings } from '../harness/index.mjs';
import { parseMetrics } from '../harness/metrics_text.mjs';
import { startReference, Swarm, writeRequests } from './tools.mjs';
import { shuffled, takeTurns } from './turns.mjs';

// Limits that would stand in the way of a load from one machine, as far as this relay has them.
const UNLIMITED = {
  ...OPEN,
  'relay.max_sessions': '0',
  'relay.max_sessions_per_address': '0',
  'relay.max_publishes_per_second': '0',
  'relay.max_accepts_per_second': '0',
};
// As the unit has it.
export const UNIT_ENV = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
// Stands for the time of sending, which load.c writes into it.
const TIME = '@'.repeat(16);

const userName = (n) => `u${n}`;
export const nowUs = () => Number(process.hrtime.bigint() / 1000n);

function unlimited() {
  const help = execFileSync(path.join(build, 'doorbell-relay'), ['--help'], { encoding: 'utf8' });
  return Object.fromEntries(Object.entries(UNLIMITED).filter(([name]) => help.includes(`    ${name.slice('relay.'.length)} = `)));
}

// Session n of a swarm is user first + n. `sign`: a token for a user.
export function writeTokens(folder, secret, count, first = 0, sign = (user) => signToken(secret, user)) {
  const tokens = Array.from({ length: count }, (_, n) => sign(userName(first + n)));
  const file = path.join(folder, `tokens-${first}`);
  writeFileSync(file, `${tokens.join('\n')}\n`, { mode: 0o600 });
  return file;
}

async function startRelaySide(scope, folder, { secret, publishKey }, config, env = UNIT_ENV) {
  const keys = { auth: secret, publish: publishKey };
  for (const [name, key] of Object.entries(keys)) writeFileSync(path.join(folder, `${name}.key`), `${key}\n`, { mode: 0o600 });
  const side = { name: 'doorbell-relay', clients: `127.0.0.1:${await freePort()}`, publish: `127.0.0.1:${await freePort()}`, key: keys.publish };
  const confPath = path.join(folder, 'doorbell.conf');
  writeSettings(confPath, {
    'auth.secret_file': path.join(folder, 'auth.key'),
    'auth.publish_key_file': path.join(folder, 'publish.key'),
    'relay.listen': side.clients,
    'relay.publish_listen': side.publish,
    'relay.drain_window': '0',
    ...unlimited(),
    ...config,
  });
  const service = await startRelay(scope, { confPath, listens: [side.clients, side.publish], env });
  return { ...side, pid: service.pid, service };
}

// The relay alone, and what its swarms need: {…side, folder, secret}.
export async function startRelayAlone(scope, config = {}, { env = UNIT_ENV, secret = makeKey(), publishKey = makeKey() } = {}) {
  const folder = makeFolder(scope);
  return { ...(await startRelaySide(scope, folder, { secret, publishKey }, config, env)), folder, secret };
}

// What sides of a comparison have in common: {secret, secretFile, withSwarm(start, measure)}, a turn in which `measure` gets the side
// that `start` starts, with a swarm that has `users` tokens and no session yet.
export function prepareSwarms(scope, users) {
  const folder = makeFolder(scope);
  const secret = makeKey();
  const tokens = writeTokens(folder, secret, users);
  const secretFile = path.join(folder, 'secret');
  writeFileSync(secretFile, `${secret}\n`, { mode: 0o600 });
  const withSwarm = (start, measure) => async (turn) => {
    const side = await start(turn);
    return measure({ ...side, folder, swarm: await Swarm.start(turn, side.clients, tokens) });
  };
  return { secret, secretFile, withSwarm };
}

// The bare loop and the relay in turns. Answers {bare, relay}: what `measure` found in each round.
export function compare(scope, { users, rounds, config }, measure) {
  const { secret, withSwarm } = prepareSwarms(scope, users);
  return takeTurns(rounds, {
    bare: withSwarm(startReference, measure),
    relay: withSwarm((turn) => startRelayAlone(turn, config, { secret }), measure),
  });
}

export const ringAll = (side) => ring(side, { all: true, seq: nowUs() });

export async function ring(side, one) {
  const answer = await request(`http://${side.publish}`, 'POST', '/publish', {
    headers: { authorization: `Bearer ${side.key}` },
    json: { rings: [one] },
  });
  if (answer.status !== 200) throw new Error(`${side.name}: ${answer.status} ${answer.text}`);
}

export async function metricsOf(side) {
  const { text } = await request(`http://${side.publish}`, 'GET', '/metrics', { headers: { authorization: `Bearer ${side.key}` } });
  return parseMetrics(text);
}

// A file of personal publish calls for load.c, to all of `users` from the first on in a random order,
// each call with so many rings.
export function writeRings(side, users, { first = 0, ringsPerCall = 1 } = {}) {
  const file = path.join(side.folder, `rings-${side.pid}-${first}`);
  const id = ringsPerCall === 1 ? TIME : 7; // load.c writes the time only once into a call
  const rings = shuffled(Array(users).keys()).map((n) => `{"to":["${userName(first + n)}"],"version":57,"seq":94,"num":4,"hit":1,"id":${id}}`);
  const requests = [];
  for (let i = 0; i < rings.length; i += ringsPerCall) {
    requests.push({
      method: 'POST',
      path: '/publish',
      headers: { Authorization: `Bearer ${side.key}`, 'Content-Type': 'application/json' },
      body: `{"rings":[${rings.slice(i, i + ringsPerCall).join()}]}`,
    });
  }
  writeRequests(file, requests);
  return file;
}
