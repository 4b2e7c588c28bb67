// SPDX-License-Identifier: MIT
// A program that serves has a filter over its system calls, in each thread, and all that it does goes on under it: threads and
// names, a lost database, a reload, the end.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { startApp, startStack, until } from '../../harness/index.mjs';

const skip = Boolean(process.env.SANITIZE) && 'sanitizers make processes';

// Of each thread: 2 is a filter, 0 is none.
function modesOf({ pid }) {
  return readdirSync(`/proc/${pid}/task`).map((task) => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8').match(/^Seccomp:\s+(\d)$/m)[1]);
}

async function ring(stack, bell, user) {
  const sent = await stack.api('POST', '/messages', { service: true, form: { to: user, title: 'Tea' } });
  assert.equal(sent.status, 201, sent.text);
  await bell.next('ring');
}

test('both programs do all their work under a filter', { skip }, async (t) => {
  const stack = await startStack(t, { app: false });
  // A name, which libcurl looks up in a thread of its own.
  const { port } = new URL(stack.publishUrl);
  const env = { DOORBELL_APP_RELAY_URL: `http://localhost:${port}` };
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']], env });
  const bell = await stack.connect('42', { through: true });
  await ring(stack, bell, '42');
  for (const program of [stack.app, stack.relay]) {
    const modes = modesOf(program);
    assert.deepEqual(modes, modes.map(() => '2'), program.name);
  }
  assert.ok(modesOf(stack.app).length > 4);

  await stack.db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'doorbell_app' AND datname = current_database()");
  await until('the app to be back', async () => (await stack.api('GET', '/unread', { user: '42' })).status === 200);
  await ring(stack, bell, '42');

  for (const program of [stack.app, stack.relay]) {
    program.signal('SIGHUP');
    await program.waitLog(/reloaded/);
  }
  await ring(stack, bell, '42');
  const next = await stack.connect('42', { through: true });
  await ring(stack, next, '42');
});

test('seccomp = no serves without', { skip }, async (t) => {
  const stack = await startStack(t, { server: null, config: { 'app.seccomp': 'no', 'relay.seccomp': 'no' } });
  for (const program of [stack.app, stack.relay]) {
    const modes = modesOf(program);
    assert.deepEqual(modes, modes.map(() => '0'), program.name);
  }
});
