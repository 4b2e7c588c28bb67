#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// coverage_report.mjs FILE - the summary of llvm-cov as one line a folder.

import { readFileSync } from 'node:fs';
import path from 'node:path';

const { files } = JSON.parse(readFileSync(process.argv[2], 'utf8')).data[0];
const folders = new Map();

function add(folder, { lines, branches }) {
  const sum = folders.get(folder) ?? { lines: [0, 0], branches: [0, 0] };
  for (const [name, { covered, count }] of Object.entries({ lines, branches })) {
    sum[name][0] += covered;
    sum[name][1] += count;
  }
  folders.set(folder, sum);
}

for (const { filename, summary } of files) {
  const file = path.relative('.', filename);
  add(path.dirname(file), summary);
  add('all', summary);
}

const share = ([covered, count]) => `${count ? ((100 * covered) / count).toFixed(1).padStart(6) : '     –'} % of ${String(count).padStart(5)}`;
console.log(`${'folder'.padEnd(24)}${'lines'.padStart(17)}${'branches'.padStart(19)}`);
for (const folder of [...folders.keys()].filter((name) => name !== 'all').sort().concat('all')) {
  const { lines, branches } = folders.get(folder);
  console.log(`${folder.padEnd(24)}${share(lines)}  ${share(branches)}`);
}
