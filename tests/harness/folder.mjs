// SPDX-License-Identifier: MIT
// folder.mjs - a temporary folder of a test, and where the project's own files are.

import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = path.resolve(top, process.env.DOORBELL_BUILD || 'build');
// The same for make, which takes no blanks; the checkout's path may have some.
export const buildFromTop = path.relative(top, build);

// Removed at the end of the process: what `after` hooks stop may need its folder until then.
const folders = new Set();
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

// Others may pass through it, not list it: a web server started by root works as another user.
export function makeFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorbell-test-'));
  folders.add(folder);
  chmodSync(folder, 0o711);
  return folder;
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

// What web servers serve; copied, as the checkout may lie where their user cannot read.
export function copyPages(folder) {
  const target = path.join(folder, 'www');
  cpSync(path.join(top, 'www'), target, { recursive: true });
  return target;
}
