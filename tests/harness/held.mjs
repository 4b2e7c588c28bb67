// SPDX-License-Identifier: MIT
// held.mjs - relays on listeners that another process holds, as under systemd's socket units: they can
// be started and stopped while no connection is refused.

import net from 'node:net';
import path from 'node:path';

import { build, top } from './folder.mjs';
import { failRun, Service } from './process.mjs';

const BACKLOG = 4096; // as of a listener that the relay opens itself

function listen() {
  const server = net.createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => resolve(server));
  });
}

const addressOf = (server) => `127.0.0.1:${server.address().port}`;

export class HeldListeners {
  // For doorbell.conf.
  static settings = { 'relay.listen': 'fd:3', 'relay.publish_listen': 'fd:4' };

  #servers;
  #scope;

  static async open(scope) {
    const held = new HeldListeners();
    held.#scope = scope;
    held.#servers = [await listen(), await listen()];
    [held.clients, held.publish] = held.#servers.map(addressOf);
    return held;
  }

  // The first relay. From here on the holder alone has the listeners.
  async start(confPath) {
    this.service = new Service({
      name: 'hold',
      command: path.join(top, 'tests/harness/hold'),
      args: [path.join(build, 'doorbell-relay'), confPath],
      stdin: 'pipe',
      descriptors: this.#servers.map((server) => server._handle),
      okCodes: [null],
    });
    this.#scope.after(() => this.service.stop().catch(failRun));
    await this.service.start();
    for (const server of this.#servers) server.close();
    return this.startAnother();
  }

  // Beside those that run; answers {pid} once it serves.
  async startAnother() {
    const from = this.service.log.length;
    this.service.process.stdin.write('\n');
    const [, pid] = await this.service.waitLog(/^started (\d+)$/m, { from });
    await this.service.waitLog(/serving/, { from });
    return { pid: Number(pid) };
  }

  // SIGTERM; answers once it has said so, and a promise of its end.
  async stop({ pid }) {
    const from = this.service.log.length;
    process.kill(pid, 'SIGTERM');
    await this.service.waitLog(/stopping/, { from });
    return { ended: this.service.waitLog(/stopped/, { from, timeoutMs: 60_000 }) };
  }
}
