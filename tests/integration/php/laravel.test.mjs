// SPDX-License-Identifier: MIT
// The package for Laravel, in Debian's Laravel: an application with a real Doorbell, by phpunit.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';
import { here, laravelConnections, optionsOf, phpunit } from './php.mjs';

test('an application notifies by the channel, and by the table', async (t) => {
  const stack = await startStack(t);
  const { code, stdout } = await phpunit(path.join(here, 'laravel'), {
    DOORBELL_OPTIONS: JSON.stringify(optionsOf(stack)),
    DOORBELL_CONNECTIONS: JSON.stringify(await laravelConnections(stack)),
  });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^OK\b/m);
});
