// SPDX-License-Identifier: MIT
// The composer package around doorbell.php: composer takes it, installs it without a network, and loads its classes.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, startStack, top } from '../../harness/index.mjs';
import { optionsOf, runPhp } from './php.mjs';

const source = path.join(top, 'www/php');

function composer(cwd, ...args) {
  const env = { ...process.env, COMPOSER_ALLOW_SUPERUSER: '1', COMPOSER_DISABLE_NETWORK: '1', COMPOSER_HOME: makeFolder() };
  return new Promise((resolve) => {
    execFile('composer', ['--no-interaction', '--no-ansi', ...args], { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, text: stdout + stderr });
    });
  });
}

test('composer validates it, strictly', async () => {
  const folder = path.join(makeFolder(), 'doorbell');
  mkdirSync(folder);
  cpSync(path.join(source, 'composer.json'), path.join(folder, 'composer.json'));
  const { code, text } = await composer(folder, 'validate', '--strict');
  assert.equal(code, 0, text);
});

test('composer installs it from a folder, without a network, and its classes are loaded when they are used', async (t) => {
  const stack = await startStack(t);
  const site = makeFolder();
  const share = path.join(makeFolder(), 'php');
  cpSync(source, share, { recursive: true });
  writeFileSync(path.join(site, 'composer.json'), JSON.stringify({ repositories: [{ 'packagist.org': false }] }));
  for (const args of [['config', 'repositories.doorbell', 'path', share], ['require', 'doorbell/doorbell:@dev']]) {
    const { code, text } = await composer(site, ...args);
    assert.equal(code, 0, text);
  }
  assert.ok(existsSync(path.join(site, 'vendor/doorbell/doorbell/doorbell.php')));
  const script = `require 'vendor/autoload.php';
    $bell = new Doorbell(json_decode(stream_get_contents(STDIN), true));
    echo $bell->send('42', 'Hello')['recipients'], $bell->unread('42')['num'];
    try { $bell->recall('x'); } catch (DoorbellError $e) { echo get_class($e); }
    echo count(DoorbellToken::claims($bell->token('42')));
    echo is_file((require 'vendor/composer/autoload_psr4.php')['Doorbell\\Symfony\\\\'][0] . '/DoorbellTransport.php');`;
  const { code, stdout, stderr } = await runPhp(['-r', script], JSON.stringify(optionsOf(stack)), { cwd: site });
  assert.deepEqual([code, stdout], [0, '11DoorbellError31'], stderr);
});
