// SPDX-License-Identifier: MIT
// main.mjs - runs scenarios one after the other and prints what they found. It judges nothing: a
// machine that is busy with something else would decide.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { within } from '../harness/wait.mjs';
import { describeMachine } from './proc.mjs';
import { Scope } from './scope.mjs';
import { formatTable } from './table.mjs';
import { seed } from './turns.mjs';

const SCENARIO_MS = 300_000;
const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'scenarios');

function namesOfAll() {
  return readdirSync(folder).filter((file) => file.endsWith('.mjs')).map((file) => path.basename(file, '.mjs')).sort();
}

async function runScenario(name) {
  const { title, run, limitMs = SCENARIO_MS } = await import(path.join(folder, `${name}.mjs`));
  const scope = new Scope();
  process.stdout.write(`\n### ${name}: ${title}\n\n`);
  try {
    const tables = await within(run(scope), name, limitMs);
    for (const table of tables) process.stdout.write(`${formatTable(table)}\n`);
  } finally {
    await scope.close();
  }
}

const all = namesOfAll();
const names = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no scenario ${unknown.join(', ')}; there are ${all.join(', ')}\n`);
  process.exit(64);
}
process.stdout.write(`${describeMachine()}; order of turns by BENCH_SEED=${seed}\n`);
for (const name of names) {
  try {
    await runScenario(name);
  } catch (error) {
    process.stderr.write(`${name}: ${error.stack ?? error}\n`);
    process.exitCode = 1;
  }
}
