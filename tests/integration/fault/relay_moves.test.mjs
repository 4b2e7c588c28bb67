// SPDX-License-Identifier: MIT
// The relay moves to another address of the same name while the app runs: rings arrive at the new one.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Bell, freePort, startApp, startRelay, startStack, writeSettings } from '../../harness/index.mjs';

// The app alone sees another /etc/hosts.
const withHosts = (file) => ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', file];
const canSeeOtherHosts = process.getuid() === 0 && spawnSync('unshare', ['-m', 'mount', '--bind', '/etc/hosts', '/etc/hosts']).status === 0;

// A relay at 127.0.0.1, which the app knows by name, and one at 127.0.0.2.
async function startTwo(t) {
  const stack = await startStack(t, { app: false });
  const { publish } = stack.ports;
  const hosts = path.join(stack.dir, 'hosts');
  const move = (address) => writeFileSync(hosts, `${address} relay.test\n`);
  move('127.0.0.1');
  const listens = [`127.0.0.2:${await freePort()}`, `127.0.0.2:${publish}`];
  const confPath = path.join(stack.dir, 'other.conf');
  writeSettings(confPath, { ...stack.settings, 'relay.listen': listens[0], 'relay.publish_listen': listens[1] });
  await startRelay(t, { confPath, listens });
  writeSettings(stack.confPath, { ...stack.settings, 'app.relay_url': `http://relay.test:${publish}` });
  return { stack, hosts, move, otherUrl: `ws://${listens[0]}/ws` };
}

async function connectTo(t, stack, url) {
  const bell = new Bell(url, { token: stack.token('42') });
  t.after(() => bell.close());
  await bell.next('welcome');
  return bell;
}

const send = async (stack) => (await stack.api('POST', '/messages', { service: true, json: { to: '42', title: 'x' } })).json.id;

async function assertRings(stack, bell) {
  const id = await send(stack);
  await bell.next((frame) => frame.id === id);
}

const skip = !canSeeOtherHosts && 'needs a mount namespace';

// An app that has rung at the old one, and a page that is at the new one already.
async function startMoved(t) {
  const { stack, hosts, move, otherUrl } = await startTwo(t);
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']], wrap: withHosts(hosts) });
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).status, 200);
  await assertRings(stack, await stack.connect('42'));
  const bell = await connectTo(t, stack, otherUrl);
  move('127.0.0.2');
  return { stack, bell };
}

test('the old one was stopped', { skip }, async (t) => {
  const { stack, bell } = await startMoved(t);
  await stack.relay.stop();
  await assertRings(stack, bell);
});

test('the old one is silent', { skip }, async (t) => {
  const { stack, bell } = await startMoved(t);
  stack.relay.process.kill('SIGSTOP');
  await assertRings(stack, bell);
  stack.relay.process.kill('SIGCONT');
});

test('the old one goes on: pages at the new one ask for what was rung there', { skip }, async (t) => {
  const { stack, bell } = await startMoved(t);
  await send(stack);
  await bell.next((frame) => frame.type === 'ring' && frame.id === undefined && frame.seq === undefined);
  await assertRings(stack, bell);
});
