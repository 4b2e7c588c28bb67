// SPDX-License-Identifier: MIT
// clock.mjs - a clock for one program, which a test sets wrong and right while the program runs. Only the time of day is
// wrong: what a program measures by the monotonic clock goes on.
import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function findLibrary() {
  for (const name of await readdir('/usr/lib')) {
    const file = `/usr/lib/${name}/faketime/libfaketimeMT.so.1`;
    if (await stat(file).catch(() => null)) return file;
  }
  throw new Error('faketime is not installed: deploy/deps check');
}

export class Clock {
  // Of the environment of the program.
  static async make(t) {
    const clock = new Clock();
    clock.dir = await mkdtemp(join(tmpdir(), 'doorbell-clock-'));
    t.after(() => rm(clock.dir, { recursive: true, force: true }));
    await chmod(clock.dir, 0o711);
    clock.file = join(clock.dir, 'time');
    clock.env = {
      LD_PRELOAD: await findLibrary(),
      FAKETIME_TIMESTAMP_FILE: clock.file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
    };
    await clock.set(0);
    return clock;
  }

  // The clock is that many seconds ahead from now on, or behind.
  async set(seconds) {
    await writeFile(`${this.file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    await rename(`${this.file}.new`, this.file);
  }
}

export const HOUR = 3600;
export const DAY = 24 * HOUR;
export const TEN_YEARS = 3652 * DAY;
