// SPDX-License-Identifier: MIT
// The lint of settings finds each way in which the manual or the sample can differ from the table.

import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, top } from '../../harness/folder.mjs';
import { runLint } from './run.mjs';

const lint = (tree) => runLint('settings', tree);

async function copySources() {
  const tree = makeFolder();
  for (const part of ['common', 'deploy/doorbell.conf', 'tests/lint']) {
    await cp(path.join(top, part), path.join(tree, part), { recursive: true });
  }
  return tree;
}

const manual = 'common/config/doorbell.conf.5';
const sample = 'deploy/doorbell.conf';
const breaches = [
  ['a setting without a place in the manual', manual, '.It Cm pace = 1000', '.It Cm pacing = 1000'],
  ['another default in the manual', manual, '.It Cm pace = 1000', '.It Cm pace = 100'],
  ['another range in the manual', manual, 'From 1 to 256.', 'From 1 to 255.'],
  ['another program in the manual', manual, 'Used by doorbell-app; a', 'Used by both programs; a'],
  ['a restart that the manual does not tell', manual, '; a change needs a restart', ''],
  ['a setting without a place in the sample', sample, '#pace = 1000\n', ''],
  ['a setting that only the sample has', sample, '#pace = 1000\n', '#pace = 1000\n#extra = 1\n'],
  ['another default in the sample', sample, '#workers = 4\n', '#workers = 5\n'],
  ['a section that only the sample has', sample, '[relay]\n', '[really]\n'],
  ['another sentence in the sample', sample, '# path of the API; empty: the root\n', '# path of the API\n'],
  ['a sample that the programs refuse', sample, '[app]\n', '[app]\nworkers = 0\n'],
  ['a setting that only the table has', 'common/config/settings.c', '"pace", SETTING_INT', '"paces", SETTING_INT'],
];

test('the table, the manual and the sample agree', async () => {
  assert.deepEqual(await lint(top), { code: 0, stdout: '', stderr: '' });
});

for (const [what, file, before, after] of breaches) {
  test(`a planted breach is found: ${what}`, async () => {
    const tree = await copySources();
    const text = await readFile(path.join(tree, file), 'utf8');
    assert.ok(text.includes(before));
    await writeFile(path.join(tree, file), text.replace(before, after));
    const { code, stdout, stderr } = await lint(tree);
    assert.notEqual(code, 0);
    assert.notEqual(stdout + stderr, '');
  });
}
