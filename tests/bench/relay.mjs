// SPDX-License-Identifier: MIT
// relay.mjs - the relay and the bare loop side by side, each with a swarm of its own: what a side of a
// comparison is ({name, pid, clients, publish, key, swarm}), and how it is rung.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { build, freePort, makeFolder, makeKey, request, signToken, startRelay, writeSettings } from '../harness/index.mjs';
import { startReference, Swarm, writeRequests } from './tools.mjs';

// Limits that would stand in the way of a load from one machine, as far as this relay has them.
const UNLIMITED = ['max_sessions', 'max_sessions_per_address', 'max_publishes_per_second', 'max_accepts_per_second'];
// Stands for the time of sending, which load.c writes into it.
const TIME = '@'.repeat(16);

const userName = (n) => `u${n}`;
export const nowUs = () => Number(process.hrtime.bigint() / 1000n);

function unlimited() {
  const help = execFileSync(path.join(build, 'doorbell-relay'), ['--help'], { encoding: 'utf8' });
  const known = UNLIMITED.filter((name) => help.includes(`    ${name} = `));
  return Object.fromEntries(known.map((name) => [`relay.${name}`, 0]));
}

// Session n of a swarm is user n.
function writeTokens(folder, secret, count) {
  const tokens = Array.from({ length: count }, (_, n) => signToken(secret, userName(n)));
  const file = path.join(folder, 'tokens');
  writeFileSync(file, `${tokens.join('\n')}\n`, { mode: 0o600 });
  return file;
}

async function startRelaySide(scope, folder, secret, config) {
  const keys = { auth: secret, publish: makeKey() };
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
  const service = await startRelay(scope, { confPath, listens: [side.clients, side.publish] });
  return { ...side, pid: service.pid, service };
}

// The relay first, then the bare loop; each with a swarm that has `users` tokens and no session yet.
export async function startSides(scope, users, config = {}) {
  const folder = makeFolder(scope);
  const secret = makeKey();
  const tokens = writeTokens(folder, secret, users);
  const sides = [await startRelaySide(scope, folder, secret, config), await startReference(scope)];
  for (const side of sides) {
    side.folder = folder;
    side.swarm = await Swarm.start(scope, side.clients, tokens);
  }
  return sides;
}

export async function ringAll(side) {
  const answer = await request(`http://${side.publish}`, 'POST', '/publish', {
    headers: { authorization: `Bearer ${side.key}` },
    json: { rings: [{ all: true, seq: nowUs() }] },
  });
  if (answer.status !== 200) throw new Error(`${side.name}: ${answer.status} ${answer.text}`);
}

function shuffled(count) {
  const order = Array.from({ length: count }, (_, n) => n);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// A file of personal publish calls for load.c, to all the users in a random order.
export function writeRings(side, users) {
  const file = path.join(side.folder, `rings-${side.pid}`);
  const requests = shuffled(users).map((n) => ({
    method: 'POST',
    path: '/publish',
    headers: { Authorization: `Bearer ${side.key}`, 'Content-Type': 'application/json' },
    body: `{"rings":[{"to":["${userName(n)}"],"version":57,"seq":94,"num":4,"hit":1,"id":${TIME}}]}`,
  }));
  writeRequests(file, requests);
  return file;
}
