// SPDX-License-Identifier: MIT
// The transport for Symfony's notifier, in Debian's Symfony: Symfony's own tests of transports, and sends to a real
// Doorbell, by phpunit.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';
import { here, optionsOf, phpunit } from './php.mjs';

test('the transport and its factory pass Symfony\'s own tests, and send', async (t) => {
  const stack = await startStack(t);
  const { host } = new URL(stack.url);
  const env = {
    DOORBELL_DSN: `doorbell://${host}/doorbell?timeout=20&connect_timeout=20&send_key_file=${stack.dir}/send.key`,
    DOORBELL_OPTIONS: JSON.stringify(optionsOf(stack)),
  };
  const { code, stdout } = await phpunit(path.join(here, 'symfony'), env);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^OK\b/m);
});
