// SPDX-License-Identifier: MIT
// run.mjs - a lint of tests/lint over a tree.

import { execFile } from 'node:child_process';
import path from 'node:path';

import { top } from '../../harness/folder.mjs';

/** {code, stdout, stderr} */
export function runLint(name, tree) {
  return new Promise((resolve) => {
    execFile(path.join(top, 'tests/lint', name), [tree], (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

/** {code, text}, of both streams */
export async function readLint(name, tree) {
  const { code, stdout, stderr } = await runLint(name, tree);
  return { code, text: stdout + stderr };
}
