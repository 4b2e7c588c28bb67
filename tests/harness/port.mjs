// SPDX-License-Identifier: MIT
// port.mjs - TCP ports for the servers of a test. They lie below the range from which the kernel
// gives ports to clients, so that no connection of another test can take one in between.

import { randomInt } from 'node:crypto';
import net from 'node:net';

const LOWEST = 10_240;
const HIGHEST = 32_000;

const given = new Set();

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export async function freePort() {
  for (let tries = 0; tries < 1000; tries++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error('no free port');
}
