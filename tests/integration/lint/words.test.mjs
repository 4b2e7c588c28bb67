// SPDX-License-Identifier: MIT
// The lint of words finds each phrase that the project has given up, and leaves alone what is meant well.

import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, top } from '../../harness/folder.mjs';
import { readLint } from './run.mjs';

const lint = (tree) => readLint('words', tree);

async function makeTree(text) {
  const tree = makeFolder();
  await cp(path.join(top, 'tests/lint'), path.join(tree, 'tests/lint'), { recursive: true });
  await mkdir(path.join(tree, 'relay'));
  await writeFile(path.join(tree, 'relay/planted.c'), `/* planted */\n${text}\n`);
  return tree;
}

test('no file says what has been given up', async () => {
  assert.deepEqual(await lint(top), { code: 0, text: '' });
});

for (const [line, found, remedy] of [
  ['/* 503 while the database is away. */', 'is away', 'say unreachable, or down'],
  ['// what stands in the log', 'stands', 'say is'],
  ['-- Two rows stand there.', 'stand', 'say is'],
  ['Who wants a badge, adds one.', 'Who wants', 'begin with a noun: a user who, a client that'],
  ["test('who sends nothing is closed', run);", "'who sends", 'begin with a noun: a user who, a client that'],
  ['The key, and a blank behind it.', 'behind it', 'say after it, after them'],
  ['A user sees his messages.', 'his', 'say they, them, their'],
  ['He', 'He', 'say they, them, their'],
  ['answers NULL for a user who is not known', 'answers NULL', 'say returns'],
]) {
  test(`it finds: ${line}`, async () => {
    const expected = `relay/planted.c:2: "${found}": ${remedy}\n`;
    assert.deepEqual(await lint(await makeTree(line)), { code: 1, text: expected });
  });
}

for (const line of [
  'Most users are away when a message comes.', 'a token is taken away', 'Numbers stand for users.', 'a stand-in for the relay',
  'Who may call what', 'A user who wants a badge adds one.', '"who is asking is not proven"', 'the web server behind an address',
  'the history, this and the other', 'it answers 503', 'an answer is null',
]) {
  test(`it lets pass: ${line}`, async () => {
    assert.deepEqual(await lint(await makeTree(line)), { code: 0, text: '' });
  });
}
