// SPDX-License-Identifier: MIT
// Clients of back ends, which are no browsers: python-socketio as Debian has it, and PHP as elephant.io
// speaks. They bring a token, no cookie, and an Origin that no page has, or none; `origins` is set.
import assert from 'node:assert/strict';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

import { top, until, within } from '../../harness/index.mjs';
import { startScene } from './raw.mjs';
import { LEGACY, publish } from './raw.mjs';

const python = '/usr/bin/python3'; // Debian's own, which has its packages

// {events, ended}: the lines of JSON that it writes.
function startClient(t, command, script, job) {
  const child = spawn(command, [path.join(top, 'tests/integration/socketio', script)], { stdio: ['pipe', 'pipe', 'pipe'] });
  const client = { events: [], faults: '' };
  let text = '';
  child.stdout.on('data', (data) => {
    const lines = (text += data).split('\n');
    text = lines.pop();
    client.events.push(...lines.map((line) => JSON.parse(line)));
  });
  child.stderr.on('data', (data) => {
    client.faults += data;
  });
  client.ended = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  client.ended.catch(() => {});
  t.after(() => child.kill());
  child.stdin.end(JSON.stringify(job));
  return client;
}

const settings = { 'auth.origins': 'https://a.example', 'relay.legacy_publish': 'yes' };
const isOnline = async (scene, user) => (await scene.call('GET', `/online?user=${user}`)).json.online[user] === 1;

// It logs in, hears one text and leaves.
async function serve(scene, user, client, isReady) {
  const check = (condition) => async () => {
    if (client.faults) throw new Error(client.faults);
    return condition();
  };
  await until('the login', check(() => isOnline(scene, user)));
  await until('the client to be ready', check(isReady));
  await publish(scene, { to: user, content: 'hi' });
  assert.equal(await within(client.ended, 'the client to end'), 0, client.faults);
  await until('its session to be gone', async () => (await scene.metric('sessions')) === 0);
}

test('python-socketio', async (t) => {
  const scene = await startScene(t, settings);
  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    for (const by of ['auth', 'event']) {
      const what = `${transports} ${by}`;
      const client = startClient(t, python, 'client.py', { url: scene.origin, token: scene.token('42'), transports, by });
      await serve(scene, '42', client, () => client.events.some(({ event }) => event === 'login'));
      const heard = client.events.find(({ event }) => event === 'new_msg');
      assert.deepEqual(heard, { event: 'new_msg', text: 'hi', transport: transports.at(-1) }, what);
      assert.deepEqual(client.events.find(({ event }) => event === 'login').answer, { ok: true }, what);
    }
  }
});

test('PHP in the way of elephant.io keeps its login over an upgrade without a probe', async (t) => {
  const rows = [
    [settings, (scene) => scene.token('42')],
    [{ ...settings, ...LEGACY }, () => '42'],
  ];
  for (const [config, argument] of rows) {
    const scene = await startScene(t, config);
    for (const eio of [2, 3, 4]) {
      const client = startClient(t, 'php', 'client.php', { port: scene.port, eio, argument: argument(scene) });
      await serve(scene, '42', client, () => client.events.length > 0);
      assert.deepEqual(client.events[0], { event: 'upgrade', status: 101 });
      assert.equal(client.events.at(-1).text, '42["new_msg","hi"]');
    }
  }
});
