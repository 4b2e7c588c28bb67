// SPDX-License-Identifier: MIT
// The lint of statements finds one that no connection would prepare.

import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, top } from '../../harness/folder.mjs';
import { readLint } from './run.mjs';

const lint = (tree) => readLint('statements', tree);

test('every statement is in a list, and every list is prepared', async () => {
  assert.deepEqual(await lint(top), { code: 0, text: '' });
});

const slips = [
  ['of one line', 'messages.c', '&recall, NULL', 'NULL', /messages\.c:\d+: recall is in no list of statements/],
  ['of several lines', 'marks.c', '&mark_seen,', '', /marks\.c:\d+: mark_seen is in no list of statements/],
  ['of lists', 'query.c', 'users_statements,', '', /users\.c:\d+: users_statements is not in query\.c/],
];

for (const [list, file, listed, left, finding] of slips) {
  test(`a statement left out of a list ${list} is found`, async () => {
    const tree = makeFolder();
    const source = path.join(tree, 'fcgi-app/store', file);
    await cp(path.join(top, 'fcgi-app/store'), path.dirname(source), { recursive: true });
    const text = await readFile(source, 'utf8');
    assert.ok(text.includes(listed));
    await writeFile(source, text.replace(listed, left));
    const { code, text: found } = await lint(tree);
    assert.equal(code, 1);
    assert.match(found, finding);
    assert.equal(found.trim().split('\n').length, 1);
  });
}
