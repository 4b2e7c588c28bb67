// SPDX-License-Identifier: MIT
// faults.mjs - lets calls of one program fail, by tests/faults/faults.c.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';

import { build, makeFolder, removeFolder } from './folder.mjs';

const CALLS = ['accept', 'send', 'allocate'];
const ROW = 16; // bytes: after, times, code, failed

export class Faults {
  #fd;

  // `env` is for the program.
  constructor(t) {
    const dir = makeFolder();
    t.after(() => removeFolder(dir));
    const file = path.join(dir, 'faults');
    this.#fd = openSync(file, 'w+');
    t.after(() => closeSync(this.#fd));
    writeSync(this.#fd, Buffer.alloc(CALLS.length * ROW));
    this.env = {
      LD_PRELOAD: path.resolve(build, 'faults.so'),
      DOORBELL_FAULTS: file,
      ASAN_OPTIONS: [process.env.ASAN_OPTIONS, 'verify_asan_link_order=0'].filter(Boolean).join(':'),
    };
  }

  // After so many calls that many fail with this error, EMFILE for example; without one, only half of what is sent is taken. Only
  // what is sent to clients counts.
  fail(call, { after = 0, times = 1, error } = {}) {
    const row = Buffer.alloc(ROW);
    row.writeInt32LE(after, 0);
    row.writeInt32LE(times, 4);
    row.writeInt32LE(error ? constants.errno[error] : 0, 8);
    writeSync(this.#fd, row, 0, ROW, CALLS.indexOf(call) * ROW);
  }

  // How many have failed since.
  failed(call) {
    const row = Buffer.alloc(ROW);
    readSync(this.#fd, row, 0, ROW, CALLS.indexOf(call) * ROW);
    return row.readInt32LE(12);
  }
}
