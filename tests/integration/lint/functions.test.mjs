// SPDX-License-Identifier: MIT
// The lint of functions finds a long one, and a file that doorbell-migrate would not read.

import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, top } from '../../harness/folder.mjs';
import { readLint } from './run.mjs';

const lint = (tree) => readLint('functions', tree);

async function copyFunctions() {
  const tree = makeFolder();
  await cp(path.join(top, 'sql/functions'), path.join(tree, 'sql/functions'), { recursive: true });
  return tree;
}

// A function of so many lines.
const makeFunction = (lines) => ['', 'CREATE OR REPLACE FUNCTION doorbell_internal.planted() RETURNS void',
  'LANGUAGE plpgsql AS $$', 'BEGIN', ...Array(lines - 5).fill('    NULL;'), 'END', '$$;', ''].join('\n');

test('every function fits on a screen', async () => {
  assert.deepEqual(await lint(top), { code: 0, text: '' });
});

test('a function of 50 lines passes, one of 51 is found', async () => {
  const tree = await copyFunctions();
  await appendFile(path.join(tree, 'sql/functions/inbox/unread.sql'), makeFunction(50));
  assert.deepEqual(await lint(tree), { code: 0, text: '' });
  await appendFile(path.join(tree, 'sql/functions/inbox/list.sql'), makeFunction(51));
  const { code, text } = await lint(tree);
  assert.equal(code, 1);
  assert.match(text, /^sql\/functions\/inbox\/list\.sql:\d+: doorbell_internal\.planted\(\) has 51 lines, more than 50; split it by idea\n$/);
});

for (const name of ['planted.sql', 'inbox/deeper/planted.sql']) {
  test(`a file that doorbell-migrate would not read is found: ${name}`, async () => {
    const tree = await copyFunctions();
    await mkdir(path.join(tree, 'sql/functions', path.dirname(name)), { recursive: true });
    await writeFile(path.join(tree, 'sql/functions', name), '-- planted\n');
    const { code, text } = await lint(tree);
    assert.equal(code, 1);
    assert.ok(text.startsWith(`sql/functions/${name}: doorbell-migrate reads`), text);
  });
}
