// SPDX-License-Identifier: MIT
// www/README.zh-CN.md says what www/README.md says: the same headings, code and tables, in the same order.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { top } from '../../harness/folder.mjs';

const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((name) => readFileSync(path.join(top, 'www', name), 'utf8'));

const headings = (text) => [...text.matchAll(/^(#+) .*$/gm)].map(([, level]) => level);
const blocks = (text) => text.match(/(?<=\n\n)(?: {4}.*\n)+/g);
const spans = (text) => text.match(/(?<!`)`[^`]+`/g) ?? [];
const sections = (text) => text.split(/^#+ .*\n/m);
const others = (name) => new RegExp(`\\]\\(${name.replaceAll('.', '\\.')}\\)`);

// Of each row its cells, of each cell the code in it; the order of words is each language's own.
const rows = (text) => text.split('\n').filter((line) => line.startsWith('|'))
  .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => spans(cell).sort()));

test('each links to the other', () => {
  assert.match(english, others('README.zh-CN.md'));
  assert.match(chinese, others('README.md'));
});

test('as many headings, of the same levels', () => assert.deepEqual(headings(chinese), headings(english)));

test('the same code blocks', () => {
  assert.ok(blocks(english).length >= 8);
  assert.deepEqual(blocks(chinese), blocks(english));
});

test('the same rows of tables, and the same code in each cell', () => {
  assert.ok(rows(english).length > 80);
  assert.deepEqual(rows(chinese), rows(english));
});

test('the same code in the text of each section', () => {
  const said = (text) => sections(text).map((section) => spans(section).sort());
  assert.deepEqual(said(chinese), said(english));
});

test('no sentence is left in English', () => {
  const prose = chinese.replaceAll(/^ {4}.*$/gm, '').replaceAll(/`[^`]+`/g, '');
  assert.deepEqual(prose.match(/\b[A-Za-z]+(?: [a-z]+){3,}/g), null);
});
