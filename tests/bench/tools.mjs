// SPDX-License-Identifier: MIT
// tools.mjs - the C programs of this folder as services of a scenario.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { build, failRun, isConnectable, Service } from '../harness/index.mjs';

const execute = promisify(execFile);
const tool = (name) => path.join(build, 'bench', name);
const ANSWER_MS = 90_000;

// Sessions of one server; see swarm.c.
export class Swarm {
  // options: {ask: the address of the web server whom its pages ask, computing, deaf, socketio, spread: true}
  static async start(scope, address, tokensFile, { ask, computing, deaf, socketio, spread } = {}) {
    const swarm = new Swarm();
    const switches = [computing && '-c', deaf && '-d', socketio && '-e', spread && '-s'].filter(Boolean);
    const args = [...(ask ? ['-a', ask] : []), ...switches, address, tokensFile];
    swarm.service = new Service({ name: 'swarm', command: tool('swarm'), args, stdin: 'pipe', okCodes: [null] });
    scope.after(() => swarm.service.stop().catch(failRun));
    await swarm.service.start();
    return swarm;
  }

  async #command(line, answer, from = this.service.log.length) {
    this.service.process.stdin.write(`${line}\n`);
    return this.#wait(answer, from);
  }

  async #wait(answer, from, timeoutMs = ANSWER_MS) {
    const [, text] = await this.service.waitLog(new RegExp(`^${answer}(.*)\n`, 'm'), { from, timeoutMs });
    return text ? JSON.parse(text) : null;
  }

  // Until `count` in all are logged in.
  async open(count) {
    const answer = await this.#command(`open ${count}`, 'opened');
    if (answer.open !== count) throw new Error(`of ${count} sessions ${JSON.stringify(answer)}: ${this.service.log.slice(-500)}`);
    return answer;
  }

  // Counts and times the rings that `work` causes, until there are `frames` (0: for all of the time).
  async wave(frames, timeoutMs, work) {
    const from = this.service.log.length;
    await this.#command(`wave ${frames} ${timeoutMs}`, 'ready', from);
    const [result] = await Promise.all([this.#wait('wave', from), work()]);
    return result;
  }

  // While `work` takes their relay away: until each session was lost and is back.
  async comeBack(timeoutMs, work) {
    const from = this.service.log.length;
    await this.#command(`return ${timeoutMs}`, 'ready', from);
    const [result] = await Promise.all([this.#wait('return', from, timeoutMs + ANSWER_MS), work()]);
    return result;
  }
}

// The bare loop; see epoll_ref.c. Answers a side, as startRelaySide() does. With a file of their secret it checks tokens.
export async function startReference(scope, secretFile) {
  const service = new Service({ name: 'epoll_ref', command: tool('epoll_ref'), args: secretFile ? [secretFile] : [], okCodes: [null] });
  scope.after(() => service.stop().catch(failRun));
  await service.start();
  const [, clients, publish] = await service.waitLog(/^listening (\d+) (\d+)$/m);
  return { name: 'bare epoll loop', isReference: true, pid: service.pid, clients: `127.0.0.1:${clients}`, publish: `127.0.0.1:${publish}`, key: 'none' };
}

// libfcgi with a constant answer; see fcgi_const.c.
export async function startConstant(scope, socket, threads) {
  const service = new Service({
    name: 'fcgi_const',
    command: tool('fcgi_const'),
    args: [socket, String(threads)],
    stopSignal: 'SIGINT',
    okCodes: [null],
    ready: () => isConnectable({ path: socket }),
  });
  scope.after(() => service.stop().catch(failRun));
  return service.start();
}

// Writes whole requests for load.c: [{method, path, headers, body}].
export function writeRequests(file, requests) {
  const texts = requests.map(({ method = 'GET', path: target, headers = {}, body = '' }) => {
    const lines = Object.entries({ Host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}`);
    if (body) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    const text = `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
    return `${Buffer.byteLength(text)}\n${text}`;
  });
  writeFileSync(file, texts.join(''));
}

// HTTP load; see load.c. Answers its report.
export async function runLoad(address, requestsFile, { connections, seconds, rate }) {
  const args = [address, requestsFile, String(connections), String(seconds)];
  if (rate) args.push(String(rate));
  const { stdout } = await execute(tool('load'), args, { timeout: (seconds + 30) * 1000 });
  const report = JSON.parse(stdout);
  if (report.refused > 0 || report.broken > 0) throw new Error(`not all were answered well: ${stdout}`);
  return report;
}
