// SPDX-License-Identifier: MIT
// www/php/laravel/NOTIFYNDER.md is run by php-cli, in its order.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertLike, examplesOf, fences } from '../../harness/examples.mjs';
import { startStack, top } from '../../harness/index.mjs';
import { client, optionsOf, runPhp } from './php.mjs';

test('the examples answer what is below them', async (t) => {
  const stack = await startStack(t, { relay: false });
  const blocks = fences(readFileSync(path.join(top, 'www/php/laravel/NOTIFYNDER.md'), 'utf8'));
  const file = blocks.find(({ tag }) => tag.endsWith('file=bell.php')).text;
  const bell = file.replace('http://127.0.0.1/doorbell', optionsOf(stack).url).replace('/etc/doorbell/send.key', path.join(stack.dir, 'send.key'));
  assert.notEqual(bell, file);
  writeFileSync(path.join(stack.dir, 'bell.php'), bell.replace("'send_key_file'", "'timeout' => 20, 'connect_timeout' => 20, 'send_key_file'"));
  copyFileSync(client, path.join(stack.dir, 'doorbell.php'));
  const examples = examplesOf(blocks);
  assert.ok(examples.length > 7);
  for (const { text, expected, line } of examples) {
    writeFileSync(path.join(stack.dir, 'example.php'), text);
    const { code, stdout, stderr } = await runPhp(['example.php'], '', { cwd: stack.dir });
    assert.equal(code, 0, `line ${line}: ${stdout}${stderr}`);
    if (expected.tag === 'json') assertLike(JSON.parse(stdout), JSON.parse(expected.text));
    else assert.equal(stdout.trimEnd(), expected.text.trimEnd(), `line ${line}`);
  }
});
