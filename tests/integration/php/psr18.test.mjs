// SPDX-License-Identifier: MIT
// The calls of doorbell.php by a PSR-18 client of Debian's, to a real Doorbell, by phpunit.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';
import { here, optionsOf, phpunit } from './php.mjs';

test('a site\'s own HTTP client makes the calls', async (t) => {
  const stack = await startStack(t);
  const { code, stdout } = await phpunit(path.join(here, 'psr18'), { DOORBELL_OPTIONS: JSON.stringify(optionsOf(stack)) });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^OK\b/m);
});
