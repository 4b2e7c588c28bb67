// SPDX-License-Identifier: MIT
// The lint of PHP finds what PHP 5.6 cannot read, and what it does not have, in doorbell.php and in the WordPress plugin.

import assert from 'node:assert/strict';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, top } from '../../harness/folder.mjs';
import { readLint } from './run.mjs';

const lint = (tree) => readLint('php', tree);

async function makeTree(line) {
  const tree = makeFolder();
  for (const folder of ['tests/lint', 'tests/harness']) await cp(path.join(top, folder), path.join(tree, folder), { recursive: true });
  await symlink(path.join(top, 'tests/node_modules'), path.join(tree, 'tests/node_modules'));
  await mkdir(path.join(tree, 'www/php'), { recursive: true });
  await writeFile(path.join(tree, 'www/php/doorbell.php'), `<?php\nclass Ours {}\n${line}\n`);
  return tree;
}

test('doorbell.php and the plugin are for PHP 5.6', async () => {
  assert.deepEqual(await lint(top), { code: 0, text: '' });
});

for (const [line, fault] of [
  ['function f($a) { return $a ?? 1; }', "syntax error, unexpected '?'"],
  ['function f(): int { return 1; }', "syntax error, unexpected ':'"],
  ['function f(?Ours $a) {}', "syntax error, unexpected '?'"],
  ['class A { private const B = 1; }', "syntax error, unexpected 'const'"],
  ['class A { private int $b; }', "syntax error, unexpected 'int'"],
  ['class A { function list() {} }', "syntax error, unexpected 'list'"],
  ['function f($a) { [$b] = $a; }', "syntax error, unexpected '='"],
  ['$a = fn($b) => $b;', "syntax error, unexpected '=>'"],
  ['function f() { return 1 <=> 2; }', "syntax error, unexpected '>'"],
  ['function f($a) { $a?->b(); }', "syntax error, unexpected '->'"],
  ['function f() { g(1, 2,); }', "syntax error, unexpected ')'"],
  ['function f() { return random_bytes(1); }', 'PHP 5.6 has no function random_bytes'],
  ['function f() { return \\str_contains("a", "b"); }', 'PHP 5.6 has no function str_contains'],
  ['function f() { return PHP_OS_FAMILY; }', 'PHP 5.6 has no constant PHP_OS_FAMILY'],
  ['function f() { throw new TypeError(); }', 'PHP 5.6 has no class TypeError'],
  ['function f() { try { f(); } catch (Throwable $e) {} }', 'PHP 5.6 has no class Throwable'],
  ['function f() { return CURLOPT_UNIX_SOCKET_PATH; }', 'PHP 5.6 has no constant CURLOPT_UNIX_SOCKET_PATH'],
]) {
  test(`it finds: ${line}`, async () => {
    const { code, text } = await lint(await makeTree(line));
    assert.equal(code, 1, text);
    assert.ok(text.startsWith(`www/php/doorbell.php:3: ${fault}`), text);
  });
}

for (const [line, fault] of [
  ['function f($a) { return $a ?? 1; }', "syntax error, unexpected '?'"],
  ['function f() { return random_bytes(1); }', 'PHP 5.6 has no function random_bytes'],
  ['function f() { return add_action("init", esc_html(PLUGIN_FILE)); }', null],
]) {
  test(`in a plugin it ${fault ? 'finds' : 'lets pass'}: ${line}`, async () => {
    const tree = await makeTree('');
    await mkdir(path.join(tree, 'www/php/wordpress'));
    const file = 'www/php/wordpress/part.php';
    await writeFile(path.join(tree, file), `<?php\nnamespace Plugin;\ndefined('ABSPATH') || exit;\n${line}\n`);
    const { code, text } = await lint(tree);
    assert.equal(code, fault ? 1 : 0, text);
    assert.ok(text.startsWith(fault ? `${file}:4: ${fault}` : ''), text);
  });
}

for (const line of [
  'class A extends Ours { const B = 1; function f(array $a = []) { return self::B + strlen("a") + PHP_INT_MAX + $this->random_bytes(); } }',
  'function f(#[\\SensitiveParameter]\n $a) { curl_reset(curl_init()); return new Ours; }',
]) {
  test(`it lets pass: ${line}`, async () => {
    assert.deepEqual(await lint(await makeTree(line)), { code: 0, text: '' });
  });
}
