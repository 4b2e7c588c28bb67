// SPDX-License-Identifier: MIT
// process.mjs - a server under test as a child process: its log, its readiness, its end. A child that
// ends wrongly, or leaves a sanitizer's report, fails the test; none outlives the test's process.

import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';

import { PATIENCE_MS, until, within } from './wait.mjs';

const STOP_MS = 20_000;
const LAST_WORDS_MS = 1_000;
const TAIL_LINES = 20;
const TAILS_MAX = 16;
const SANITIZER_REPORT = /(Sanitizer: |runtime error: |^==\d+==ERROR|ERROR SUMMARY: [1-9])/m;

const alive = new Set();
const started = [];

process.on('exit', (code) => {
  for (const child of alive) child.kill('SIGKILL');
  if (code !== 0 || process.exitCode) printTails();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1));
}

function printTails() {
  for (const service of started.filter(({ log }) => log !== '').slice(-TAILS_MAX)) {
    const lines = service.log.trimEnd().split('\n');
    process.stderr.write(`--- end of the log of ${service.name}\n${lines.slice(-TAIL_LINES).join('\n')}\n`);
  }
}

// A command in front of ours: DOORBELL_WRAP="setarch -R" for sanitizers.
const wrapOfAll = (process.env.DOORBELL_WRAP ?? '').split(' ').filter(Boolean);

export class Service extends EventEmitter {
  // spec: {name, command, args, env, cwd, wrap, deathSignal, stopSignal, okCodes, stdin, descriptors,
  // ready}. `descriptors` are its own from 3 on; `ready` is asked again and again until it returns true.
  constructor(spec) {
    super();
    this.setMaxListeners(0);
    this.name = spec.name;
    this.log = ''; // of all its lives
    this.spec = spec;
    this.process = null;
    started.push(this);
  }

  get pid() {
    return this.process?.pid;
  }

  get isRunning() {
    return this.process !== null && alive.has(this.process);
  }

  async start() {
    this.spawn();
    await this.becomeReady();
    return this;
  }

  spawn() {
    const { command, args = [], env = {}, cwd, wrap = [], deathSignal = 'KILL', stdin, descriptors = [] } = this.spec;
    // The kernel ends it with the test's process, however that ends.
    const words = ['--pdeathsig', deathSignal, '--', ...wrapOfAll, ...wrap, command, ...args];
    const child = spawn('setpriv', words, {
      env: { ...process.env, ...env },
      cwd,
      stdio: [stdin ?? 'ignore', 'pipe', 'pipe', ...descriptors],
    });
    this.process = child;
    this.isExpectedToDie = false;
    alive.add(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        this.log += text;
        this.emit('log');
      });
    }
    // 'close' comes after the last byte of the log; or never, while a grandchild holds the pipe.
    this.exited = new Promise((resolve) => {
      child.on('error', (error) => {
        this.log += `${error}\n`;
        alive.delete(child);
        resolve({ code: null, signal: null });
        this.emit('log');
      });
      child.on('exit', (code, signal) => {
        alive.delete(child);
        setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
          resolve({ code, signal });
        }, LAST_WORDS_MS).unref();
      });
      child.on('close', (code, signal) => {
        resolve({ code, signal });
        this.emit('log');
      });
    });
  }

  async becomeReady(timeoutMs = PATIENCE_MS) {
    const { ready } = this.spec;
    if (!ready) return;
    await until(
      `${this.name} to be ready`,
      async () => {
        if (!this.isRunning) return true;
        return ready();
      },
      { timeoutMs },
    );
    if (!this.isRunning) {
      const { code, signal } = await this.exited;
      throw new Error(`${this.name} ended at start (${signal ?? code}):\n${this.log}`);
    }
  }

  // The first match of `pattern` in the log behind position `from`.
  async waitLog(pattern, { from = 0, timeoutMs = PATIENCE_MS } = {}) {
    let look;
    const found = new Promise((resolve) => {
      look = () => {
        const match = this.log.slice(from).match(pattern);
        if (match) resolve(match);
      };
      this.on('log', look);
      look();
    });
    try {
      return await within(found, `${pattern} in the log of ${this.name}:\n${this.log.slice(-2000)}`, timeoutMs);
    } finally {
      this.off('log', look);
    }
  }

  signal(name) {
    return this.process.kill(name);
  }

  // Ends it by force, or by any other signal; answers {code, signal}.
  async kill(signal = 'SIGKILL') {
    this.isExpectedToDie = true;
    if (this.isRunning) this.process.kill(signal);
    return within(this.exited, `${this.name} to end on ${signal}`, STOP_MS);
  }

  async restart() {
    if (this.isRunning) await this.kill();
    return this.start();
  }

  // The orderly end. Throws unless it goes in time, with exit code 0 and without a report.
  async stop() {
    if (!this.process) return;
    const wasRunning = this.isRunning;
    if (wasRunning) this.process.kill(this.spec.stopSignal ?? 'SIGTERM');
    let end;
    try {
      end = await within(this.exited, `${this.name} to stop`, STOP_MS);
    } catch (error) {
      this.process.kill('SIGKILL');
      throw error;
    }
    this.assertHealthy();
    const okCodes = this.spec.okCodes ?? [0];
    if (!this.isExpectedToDie && !okCodes.includes(end.code)) {
      throw new Error(`${this.name} ended with ${end.signal ?? end.code}:\n${this.log.slice(-4000)}`);
    }
  }

  assertHealthy() {
    const report = this.log.match(SANITIZER_REPORT);
    if (report) {
      throw new Error(`${this.name}: ${this.log.slice(report.index, report.index + 6000)}`);
    }
  }
}

// For a failed clean-up: the test runner of Node 18 does not count what `after` throws.
export function failRun(error) {
  process.exitCode = 1;
  process.stderr.write(`${error.stack ?? error}\n`);
  throw error;
}
