// SPDX-License-Identifier: MIT
// relays.mjs - all relays of the site as one process, relays.c, which does nothing until it is told the time.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { build } from '../../harness/index.mjs';

export const START_MS = 100_000;
export const RING_ASK = 0;
export const RING_MANY = 1;
const COMMANDS_MAX = 15_000; // in a moment
const RECORD = { FRAME: 1, REFUSED: 2, ACCEPTED: 3, CLOSED: 4, TEXT: 5 };

export class Relays {
  texts = []; // of frames: {text, message}
  isWalking = false;
  #child;
  #commands = [];
  #chunks = [];
  #have = 0;
  #wanted = null;

  constructor(scope, count, pages, settings) {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    this.#child = spawn(path.join(build, 'bench', 'relays'), [count, pages, ...lines].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.on('data', (chunk) => this.#take(chunk));
    const exited = once(this.#child, 'exit').then(() => this.#wanted?.reject(new Error('relays ended')));
    scope.after(() => {
      this.#wanted = null;
      this.#child.stdin.end();
      return exited;
    });
  }

  open(relay, page) {
    this.#commands.push([1, relay, page]);
  }

  end(relay) {
    this.#commands.push([2, relay]);
  }

  ring(type, seq, add = 0) {
    this.#commands.push([3, type, seq, add]);
  }

  learn(epoch, seq) {
    this.#commands.push([4, Number(epoch), seq]);
  }

  get hasCommands() {
    return this.#commands.length > 0;
  }

  // One turn of all loops. Answers what they said, for readRecords().
  async turn(now) {
    const words = [now, ...this.#commands.splice(0, COMMANDS_MAX).flat()];
    this.#child.stdin.write(Buffer.from(Uint32Array.from([words.length, ...words]).buffer));
    const reply = await new Promise((resolve, reject) => { this.#wanted = { resolve, reject }; });
    this.isWalking = reply[1] !== 0;
    return this.#keepTexts(reply);
  }

  #take(chunk) {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    if (this.#have < 4 || (this.#chunks[0].length >= 4 && this.#have < 4 + 4 * this.#chunks[0].readUInt32LE(0))) return;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    if (bytes.length < 4 + 4 * bytes.readUInt32LE(0)) return;
    this.#chunks = [];
    this.#have = 0;
    this.#wanted.resolve(new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }

  #keepTexts(words) {
    let count = 0;
    for (let i = 2; i < words.length; count++) {
      if (words[i] === RECORD.TEXT) {
        const text = Buffer.from(words.buffer, 4 * (i + 2), words[i + 1]).toString();
        this.texts.push({ text, message: JSON.parse(text) });
      }
      i += lengthOf(words, i);
    }
    return count > 0 ? words : null;
  }
}

function lengthOf(words, i) {
  if (words[i] === RECORD.ACCEPTED) return 2;
  return words[i] === RECORD.TEXT ? 2 + Math.ceil(words[i + 1] / 4) : 3;
}

// on: {frame(page, number of its text), refused(page, status), accepted(page), closed(page, code)}
export function readRecords(words, on) {
  for (let i = 2; i < words.length; i += lengthOf(words, i)) {
    if (words[i] === RECORD.FRAME) on.frame(words[i + 1], words[i + 2]);
    else if (words[i] === RECORD.REFUSED) on.refused(words[i + 1], words[i + 2]);
    else if (words[i] === RECORD.ACCEPTED) on.accepted(words[i + 1]);
    else if (words[i] === RECORD.CLOSED) on.closed(words[i + 1], words[i + 2]);
  }
}
