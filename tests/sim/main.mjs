// SPDX-License-Identifier: MIT
// main.mjs [SEED [RUNS]] - runs RUNS seeds from SEED on, one fresh one without, and prints the traces of those that fail.

import { randomInt } from 'node:crypto';

import { without } from './breaks.mjs';
import { Server } from './database.mjs';
import { simulate } from './simulate.mjs';

const [first = randomInt(2 ** 31), runs = 1] = process.argv.slice(2).map(Number);
const options = process.env.DOORBELL_WITHOUT ? without(process.env.DOORBELL_WITHOUT) : {};
const server = await Server.start();
try {
  for (let seed = first; seed < first + runs; seed++) {
    const start = performance.now();
    console.log(`seed ${seed}`); // also of a run that does not end
    const { faults, text, ms } = await simulate(seed, server, options);
    if (faults.length > 0 || process.env.DOORBELL_TRACE) console.log(text);
    console.log(`${faults.length > 0 ? 'WRONG' : 'right'} (${ms} ms in ${Math.round(performance.now() - start)})`);
    if (faults.length > 0) process.exitCode = 1;
  }
} finally {
  await server.stop();
}
