// SPDX-License-Identifier: MIT
// core.mjs - a simulated program as a process that does nothing until it is told: see wire.h.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { build } from '../harness/index.mjs';

export class Core {
  #child;
  #lines = [];
  #rest = '';
  #wanted = null; // who waits for a line
  #exited;

  constructor(program) {
    this.program = program;
    this.#child = spawn(path.join(build, 'sim', program), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.setEncoding('utf8').on('data', (text) => this.#take(text));
    this.#child.on('exit', () => this.#wanted?.reject(new Error(`${program} ended`)));
    this.#exited = once(this.#child, 'exit');
  }

  #take(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    this.#lines.push(...lines);
    if (this.#lines.length > 0) this.#wanted?.resolve();
  }

  say(now, ...fields) {
    this.#child.stdin.write(`${[now * 1000, ...fields].join('\t')}\n`);
  }

  // Its next line, as fields.
  async hear() {
    if (this.#lines.length === 0) await new Promise((resolve, reject) => { this.#wanted = { resolve, reject }; });
    this.#wanted = null;
    return this.#lines.shift().split('\t');
  }

  // As a crash, if it has not ended by itself. What it has not said is not said.
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
