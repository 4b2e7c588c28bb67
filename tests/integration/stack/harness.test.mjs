// SPDX-License-Identifier: MIT
// What the harness promises: a child that ends wrongly, leaves a sanitizer's report or shows a secret
// fails the test, and none outlives the test's process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import test from 'node:test';

import { top } from '../../harness/folder.mjs';
import { Service } from '../../harness/process.mjs';
import { formatSettings } from '../../harness/programs.mjs';
import { Secrets } from '../../harness/secret.mjs';
import { until } from '../../harness/wait.mjs';

const shell = (script, more = {}) => new Service({ name: 'stub', command: 'sh', args: ['-c', script], ...more });
const stoppable = (line) => `trap 'exit 0' TERM; ${line}; while :; do sleep 0.01; done`;

test('a child that stops in order is fine', async () => {
  const service = await shell(stoppable('echo up')).start();
  await service.waitLog(/up/);
  await service.stop();
});

test('a child that ends with a code fails', async () => {
  const service = await shell('exit 3').start();
  await service.exited;
  await assert.rejects(service.stop(), /ended with 3/);
});

test('a child that died of a signal fails, unless the test sent it', async () => {
  const service = await shell('kill -SEGV $$').start();
  await service.exited;
  await assert.rejects(service.stop(), /ended with SIGSEGV/);

  const killed = await shell('sleep 60').start();
  await killed.kill();
  await killed.stop();
});

for (const report of [
  '==7==ERROR: AddressSanitizer: heap-use-after-free',
  'x.c:3:1: runtime error: signed integer overflow',
  'WARNING: ThreadSanitizer: data race',
  '==9== ERROR SUMMARY: 2 errors from 1 contexts',
]) {
  test(`a report in the log fails: ${report}`, async () => {
    const service = await shell(stoppable(`echo '${report}' >&2`)).start();
    await service.waitLog(/:/);
    await assert.rejects(service.stop(), (error) => error.message.includes(report.slice(-20)));
  });
}

test('a child that ends before it is ready says why', async () => {
  const service = shell('echo no such setting >&2; exit 78', { ready: () => false });
  await assert.rejects(service.start(), /ended at start \(78\):\nno such setting/);
});

test('a secret in a log, or in the process list, fails without being told', async () => {
  const secrets = new Secrets();
  const key = secrets.add('0123456789abcdef0123456789abcdef');
  secrets.assertUnseen({ log: 'nothing here' });
  assert.throws(
    () => secrets.assertUnseen({ 'the log': `key=${key}` }),
    (error) => /a secret is in the log/.test(error.message) && !error.message.includes(key),
  );

  const shown = await shell(`: ${key}; sleep 60`).start();
  await until('the command line', async () => {
    try {
      secrets.assertUnseen({});
      return false;
    } catch (error) {
      return /process list/.test(error.message);
    }
  });
  await shown.kill();
});

test('children do not outlive a killed runner', async () => {
  const script = `
    import { Service } from '${top}/tests/harness/process.mjs';
    const service = new Service({ name: 'stub', command: 'sleep', args: ['60'] });
    await service.start();
    console.log(service.pid);
    setInterval(() => {}, 1000);`;
  const runner = spawn(process.execPath, ['--input-type=module', '-e', script]);
  const [text] = await once(runner.stdout, 'data');
  const pid = Number(text.toString());
  assert.ok(existsSync(`/proc/${pid}`));
  runner.kill('SIGKILL');
  await until('the child to die', () => !existsSync(`/proc/${pid}`));
});

test('settings are grouped by section', () => {
  const settings = { 'app.workers': 2, 'relay.pace': 0, 'app.prefix': '/x', 'relay.listen': null };
  assert.equal(formatSettings(settings), '[app]\nworkers = 2\nprefix = /x\n[relay]\npace = 0\n');
});
