// SPDX-License-Identifier: MIT
// Calls of the kernel that fail: they cost the connection that needed them, and nobody else anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { Faults, startStack } from '../../harness/index.mjs';

const health = { REQUEST_URI: '/doorbell/health' };

async function startFaulty(t) {
  const faults = new Faults(t);
  const stack = await startStack(t, { server: null, relay: false, appOptions: { env: faults.env } });
  return { faults, stack, ask: () => fastcgi({ path: stack.appSocket }, health) };
}

for (const error of ['EMFILE', 'ENFILE', 'ENOMEM']) {
  test(`accept fails by ${error}: it is told, and taken up again`, async (t) => {
    const { faults, stack, ask } = await startFaulty(t);
    faults.fail('accept', { error, times: 2 });
    const answers = await Promise.all([ask(), ask(), ask()]); // wait in the kernel
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
    assert.equal(faults.failed('accept'), 2);
    assert.match(stack.app.log, /cannot accept a connection: .*; if it is for want of descriptors, raise LimitNOFILE or lower max_connections/);
  });
}

test('an answer that is taken in part arrives whole', async (t) => {
  const { faults, ask } = await startFaulty(t);
  const whole = await ask();
  for (const fault of [{ times: 5 }, { error: 'EINTR', times: 3 }]) {
    faults.fail('send', fault);
    const answer = await ask();
    assert.equal(answer.status, 200);
    assert.equal(answer.text.length, whole.text.length);
    assert.ok(faults.failed('send') > 0);
  }
});

test('an answer that cannot be written ends its connection, and the next one is served', async (t) => {
  const { faults, ask } = await startFaulty(t);
  faults.fail('send', { error: 'EPIPE' });
  await assert.rejects(ask());
  assert.equal(faults.failed('send'), 1);
  assert.equal((await ask()).status, 200);
});
