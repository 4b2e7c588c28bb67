// SPDX-License-Identifier: MIT
// relay-algorithms.mjs - what an accept with its login costs by the algorithm of the token, beside the bare loop's accept, which
// checks none.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { makeFolder, makeKey, signToken } from '../../harness/index.mjs';
import { makePair, signAlone } from '../../harness/key_pair.mjs';
import { withCpu } from '../proc.mjs';
import { startRelayAlone, writeTokens } from '../relay.mjs';
import { median } from '../table.mjs';
import { startReference, Swarm } from '../tools.mjs';
import { takeTurns } from '../turns.mjs';

const FIRST = 500; // open beforehand
const COUNT = 2500;
const ROUNDS = 3;
const PAIRS = ['EdDSA', 'ES256', 'RS256'];

export const title = 'CPU per accept and login, by the algorithm of the token';

// {settings, sign}
function makeKeys(folder, algorithm, secret) {
  if (algorithm === 'HS256') return { settings: {}, sign: (user) => signToken(secret, user) };
  const { publicKey, privateKey } = makePair(algorithm);
  const file = path.join(folder, `${algorithm}.pem`);
  writeFileSync(file, publicKey);
  const settings = { 'auth.algorithm': algorithm, 'auth.secret_file': undefined, 'auth.public_key_file': file };
  return { settings, sign: (user) => signAlone(algorithm, privateKey, user) };
}

const measure = (start, tokens) => async (scope) => {
  const side = await start(scope);
  const swarm = await Swarm.start(scope, side.clients, tokens);
  await swarm.open(FIRST);
  const { cpu } = await withCpu({ server: side.pid }, () => swarm.open(FIRST + COUNT));
  return cpu.server / COUNT;
};

export async function run(scope) {
  const folder = makeFolder(scope);
  const secret = makeKey();
  const sides = { none: measure(startReference, writeTokens(folder, secret, FIRST + COUNT)) };
  for (const [i, algorithm] of ['HS256', ...PAIRS].entries()) {
    const { settings, sign } = makeKeys(folder, algorithm, secret);
    const tokens = writeTokens(folder, secret, FIRST + COUNT, (i + 1) * 100_000, sign);
    sides[algorithm] = measure((turn) => startRelayAlone(turn, settings, { secret }), tokens);
  }
  const costs = await takeTurns(ROUNDS, sides);
  const bare = median(costs.none);
  return [
    {
      columns: ['token', 'CPU µs per session', '× the bare loop'],
      rows: Object.entries(costs).map(([name, all]) => [name === 'none' ? 'bare epoll loop, none' : name, median(all), median(all) / bare]),
      note: `Medians of ${ROUNDS} turns each, of the sessions from ${FIRST} to ${FIRST + COUNT}.`,
    },
  ];
}
