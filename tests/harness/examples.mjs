// SPDX-License-Identifier: MIT
// examples.mjs - the examples of a document: blocks that are run, and the answers shown below them.

import assert from 'node:assert/strict';

// Fenced blocks, those of lists included: {line, tag ('sh test'), text, heading}.
export function fences(markdown) {
  const blocks = [];
  let heading = '';
  let open = null;
  markdown.split('\n').forEach((line, i) => {
    const [, indent, tag] = line.match(/^( *)```(.*)$/) ?? [];
    if (open && indent === open.indent && tag === '') {
      blocks.push({ ...open, text: `${open.lines.join('\n')}\n` });
      open = null;
    } else if (open) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    } else if (tag !== undefined) {
      open = { tag, indent, line: i + 1, lines: [], heading };
    } else if (/^#+ /.test(line)) {
      heading = line.replace(/^#+ /, '');
    }
  });
  assert.equal(open, null, 'a block is not closed');
  return blocks;
}

// Each block that is to be run, with the answer that follows it.
export function examplesOf(blocks) {
  return blocks.flatMap((block, i) => {
    if (!block.tag.endsWith(' test')) return [];
    const next = blocks[i + 1];
    return [{ ...block, language: block.tag.split(' ')[0], expected: next && /^(json|text)$/.test(next.tag) ? next : null }];
  });
}

// In an example's answer these match any number, "eyJ…" for any text that begins so, and "…" at the
// end of a list for more of the same.
const ANY_NUMBER = new Set(['id', 'gone', 'latest', 'version', 'seq', 'scope', 'groups', 'created_at', 'expires_at', 'as_of', 'at', 'depth', 'age_s']);

export function assertLike(got, expected, where = '') {
  if (typeof expected === 'string' && expected.endsWith('…')) {
    assert.equal(typeof got, 'string', where);
    assert.ok(got.startsWith(expected.slice(0, -1)), `${where}: ${got}`);
  } else if (typeof expected === 'number' && ANY_NUMBER.has(where.split('.').pop().replace(/\[.*/, ''))) {
    assert.equal(typeof got, 'number', where);
  } else if (Array.isArray(expected)) {
    const isOpen = expected.at(-1) === '…';
    const items = isOpen ? expected.slice(0, -1) : expected;
    assert.ok(isOpen ? got.length > items.length : got.length === items.length, `${where} has ${got.length} items`);
    items.forEach((item, i) => assertLike(got[i], item, `${where}[${i}]`));
  } else if (expected !== null && typeof expected === 'object') {
    assert.deepEqual(Object.keys(got).sort(), Object.keys(expected).sort(), where);
    for (const [name, value] of Object.entries(expected)) assertLike(got[name], value, `${where}.${name}`);
  } else {
    assert.equal(got, expected, where);
  }
}
