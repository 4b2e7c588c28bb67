// SPDX-License-Identifier: MIT
// www/php/symfony/README.md: its examples are run in Debian's Symfony, with its DSN, in their order. What wires them is not:
// Debian's tests install neither Symfony's framework nor Twig.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { examplesOf, fences } from '../../harness/examples.mjs';
import { startStack, top } from '../../harness/index.mjs';
import { here, optionsOf, runPhp } from './php.mjs';

const document = readFileSync(path.join(top, 'www/php/symfony/README.md'), 'utf8');
const blocks = fences(document);

// The services that the document names, as Symfony would make them.
const prelude = `<?php
require ${JSON.stringify(path.join(here, 'symfony/bootstrap.php'))};
$factory = new Doorbell\\Symfony\\DoorbellTransportFactory(new Symfony\\Component\\EventDispatcher\\EventDispatcher());
$chatter = new Symfony\\Component\\Notifier\\Chatter((new Symfony\\Component\\Notifier\\Transport([$factory]))->fromString(getenv('DOORBELL_DSN')));
$doorbell = new Doorbell(json_decode(getenv('DOORBELL_OPTIONS'), true));
$user = new class { public function getUserIdentifier() { return 'ada'; } };
require __DIR__ . '/example.php';
`;

test('the examples answer what is below them', async (t) => {
  const stack = await startStack(t);
  const { host } = new URL(stack.url);
  const [, dsn] = blocks.find(({ tag }) => tag.endsWith('file=.env')).text.match(/^DOORBELL_DSN=(.*)\n$/);
  const env = {
    ...process.env,
    DOORBELL_DSN: `${dsn.replace('//default/', `//${host}/`).replace('/etc/doorbell/', `${stack.dir}/`)}&timeout=20&connect_timeout=20`,
    DOORBELL_OPTIONS: JSON.stringify(optionsOf(stack)),
  };
  writeFileSync(path.join(stack.dir, 'run.php'), prelude);
  for (const { text, expected, line } of examplesOf(blocks)) {
    writeFileSync(path.join(stack.dir, 'example.php'), text);
    const { code, stdout, stderr } = await runPhp(['run.php'], '', { cwd: stack.dir, env });
    assert.deepEqual([code, stderr], [0, ''], `line ${line}: ${stdout}`);
    assert.equal(stdout, expected.text.trimEnd(), `line ${line}`);
  }
});

test('the classes that its settings name are there', () => {
  const names = [...document.matchAll(/Doorbell\\Symfony\\(\w+)/g)];
  assert.ok(names.length > 2);
  for (const [, name] of names) assert.ok(existsSync(path.join(top, `www/php/symfony/${name}.php`)), name);
});
