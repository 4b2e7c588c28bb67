// SPDX-License-Identifier: MIT
// php artisan doorbell:ring says which hop is broken.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';
import { here, optionsOf, runPhp } from './php.mjs';

test('a test ring names the hop that is broken, or rings', async (t) => {
  const stack = await startStack(t, { ownCluster: true });
  const ring = async (options = {}, { user = '42', wait = 60 } = {}) => {
    const env = { ...process.env, DOORBELL_OPTIONS: JSON.stringify({ ...optionsOf(stack), ...options }) };
    const { code, stdout, stderr } = await runPhp([path.join(here, 'laravel/ring.php'), user, `${wait}`], '', { env });
    assert.equal(stderr, '');
    return `${code} ${stdout}`;
  };
  const bell = await stack.connect('42');
  assert.match(await ring(), /^0 key, app, database: ok, message \d+ is stored\nrelay: ok, it has taken the ring;/);
  await bell.next('ring');

  assert.match(await ring({ send_key_file: '/none' }), /^1 key: broken: send_key_file = \/none cannot be read by PHP/);
  const wrong = path.join(stack.dir, 'wrong.key');
  writeFileSync(wrong, `${'x'.repeat(44)}\n`);
  assert.match(await ring({ send_key_file: wrong }), /^1 key: broken: .* returned 401 unauthorized: .*check that send_key_file holds/);
  assert.match(await ring({}, { user: '*' }), /^1 user: broken: a user must be an id/);
  assert.match(await ring({ url: 'http://127.0.0.1:1/doorbell' }), /^1 app: broken: no reply .*check that the address is right/);
  assert.match(await ring({ url: `${stack.url}/nowhere` }), /^1 app: broken: .*not from doorbell-app/);

  await stack.relay.stop();
  assert.match(await ring({}, { wait: 0 }), /^1 key, app, database: ok, message \d+ is stored\nrelay: broken: \d+ rings wait for it: see that doorbell-relay runs/);
  await stack.cluster.stop();
  assert.match(await ring(), /^1 database: broken: .* returned 503 unavailable/);
});

test('a key that may not see the queue is told how', async (t) => {
  const stack = await startStack(t, { keys: { php: 'send' } });
  const key = path.join(stack.dir, 'php.key');
  writeFileSync(key, `${stack.keys.php}\n`);
  const env = { ...process.env, DOORBELL_OPTIONS: JSON.stringify({ ...optionsOf(stack), send_key_file: key }) };
  const { code, stdout } = await runPhp([path.join(here, 'laravel/ring.php'), '42', '60'], '', { env });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /relay: not known, since GET \/health returned 403 forbidden: the key "php" lacks "metrics"/);
});
