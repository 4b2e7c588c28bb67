// SPDX-License-Identifier: MIT
// Service keys with names: each opens what it is for and nothing else, and a refusal says what to do.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { build, makeKey, startStack, top } from '../../harness/index.mjs';

const purposes = ['send', 'send:group', 'manage', 'statistics', 'metrics'];
const name = (purpose) => `only-${purpose.replace(':', '-')}`;
const keys = {
  ...Object.fromEntries(purposes.map((purpose) => [name(purpose), purpose])),
  forum: 'send:group statistics\ngroup = staff of the board',
};

const cleanUps = [];
let stack;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { relay: false, keys });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

// As the table of routes has them, so that a new one is here by itself.
const openedBy = {
  PUBLIC: ['metrics'], USER: [], CAPABILITY: [], SEND: ['send', 'send:group'], MANAGE: ['manage'], STATISTICS: ['statistics'], METRICS: ['metrics'],
};
const routes = [...readFileSync(path.join(top, 'fcgi-app/endpoints/routes.c'), 'utf8')
  .matchAll(/\{METHOD_(\w+), "([^"]+)", ACCESS_(\w+),/g)].map(([, method, route, access]) => ({ method, route, access }));

test('the table has routes of every access', () => {
  assert.deepEqual(new Set(routes.map(({ access }) => access)), new Set(Object.keys(openedBy)));
});

for (const { method, route, access } of routes) {
  test(`${method} ${route} is open to keys for ${openedBy[access].join(' and ') || 'nothing'}`, async () => {
    const uri = route.replace('{id}', '999999999').replace(/\{\w+\}/g, 'nobody');
    for (const purpose of purposes) {
      const from = stack.app.log.length;
      const { status, json } = await stack.api(method, uri, { key: name(purpose) });
      if (access === 'USER') {
        assert.equal(status, 401, purpose);
      } else if (access === 'CAPABILITY') {
        assert.equal(status, 404, purpose);
      } else if (openedBy[access].includes(purpose)) {
        assert.ok(status !== 401 && status !== 403, `${purpose}: ${status}`);
      } else {
        assert.deepEqual([status, json.error.code], [403, 'forbidden'], purpose);
        assert.match(json.error.message, new RegExp(`the key "${name(purpose)}" lacks "${openedBy[access][0]}": add it .*send_key_file`));
        const line = `refused ${method} ${route.replace(/[{}]/g, '.')}: the service key "${name(purpose)}" lacks the purpose "${openedBy[access][0]}"`;
        await stack.app.waitLog(new RegExp(line), { from });
      }
    }
  });
}

const send = (key, json) => stack.api('POST', '/messages', { key, json: { title: 'Title', ...json } });

test('a key for groups sends to any group, and to nobody else', async () => {
  assert.equal((await send('only-send-group', { group: 'editors' })).status, 201);
  for (const to of ['42', ['42', '43'], [], '*']) {
    const { status, json } = await send('only-send-group', { to });
    assert.equal(status, 403, JSON.stringify(to));
    assert.match(json.error.message, /the key "only-send-group" lacks "send"/);
  }
});

test('a key with a group sends to that group alone', async () => {
  const { status, json } = await send('forum', { group: 'staff of the board' });
  assert.equal(status, 201);
  assert.equal((await stack.api('GET', `/sent/${json.id}`, { key: 'forum' })).status, 200);
  for (const group of ['staff', 'staff of the board ', 'Staff of the board', 'editors']) {
    const refused = await send('forum', { group });
    assert.equal(refused.status, 403, group);
    assert.match(refused.json.error.message, /"forum" sends to one group.*"group" line in the send_key_file/);
  }
  assert.equal((await send('forum', { to: '42' })).status, 403);
});

test('an unknown key is 401, also one that differs in the last byte', async () => {
  for (const key of [`${stack.keys.forum}x`, stack.keys.forum.slice(0, -1), 'forum', '[forum]', `key = ${stack.keys.forum}`]) {
    const headers = { authorization: `Bearer ${key}` };
    assert.equal((await stack.api('POST', '/messages', { headers, json: { group: 'staff of the board', title: 'x' } })).status, 401);
  }
});

test('a reload takes a purpose away', async () => {
  const file = path.join(stack.dir, 'send.key');
  const before = readFileSync(file, 'utf8');
  const reload = async (text) => {
    const from = stack.app.log.length;
    writeFileSync(file, text);
    stack.app.signal('SIGHUP');
    await stack.app.waitLog(/reload/, { from });
  };
  await reload(before.replace('may = send\n', 'may = statistics\n'));
  assert.equal((await send('only-send', { to: '42' })).status, 403);
  await reload(before);
  assert.equal((await send('only-send', { to: '42' })).status, 201);
});

test('the commands of deploy/README.md divide the key', async () => {
  const [, block] = readFileSync(path.join(top, 'deploy/README.md'), 'utf8').match(/^## Keys that may do less$.*?^```sh\n(.*?)^```$/ms);
  const dir = path.join(stack.dir, 'etc');
  const conf = path.join(stack.dir, 'divided.conf');
  const old = stack.secrets.add(makeKey());
  mkdirSync(dir);
  writeFileSync(path.join(dir, 'send.key'), `${old}\n`);
  writeFileSync(conf, readFileSync(stack.confPath, 'utf8').replace(/send_key_file = .*/, `send_key_file = ${dir}/send.key`));
  // As any user, and without the programs of a site.
  const commands = block.replace('/etc/doorbell', dir).replace(/ -o \S+/g, '').replace(/^(chgrp|doorbell-app|systemctl) .*\n/gm, '');
  assert.match(commands, /^cd \S+\ncp /);
  const shell = spawnSync('sh', ['-eu'], { input: commands, encoding: 'utf8' });
  assert.equal(shell.status, 0, shell.stderr);
  const { status, stderr } = spawnSync(path.join(build, 'doorbell-app'), ['-c', conf, '-n'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(readFileSync(path.join(dir, 'php.key'), 'utf8'), `${old}\n`);
  assert.match(readFileSync(path.join(dir, 'send.key'), 'utf8'), new RegExp(`^\\[php\\]\\nmay = send manage\\nkey = ${old}\\n\\n\\[prometheus\\]`));
});

test('a fault of the file is told with its line, at -n too, and without a byte of a key', async () => {
  const file = path.join(stack.dir, 'bad.key');
  const conf = path.join(stack.dir, 'bad.conf');
  writeFileSync(file, `[shop]\nmay = send\nkey = ${stack.keys.forum}\n\n[cron]\nmay = sending\nkey = ${stack.keys['only-send']}\n`);
  writeFileSync(conf, readFileSync(stack.confPath, 'utf8').replace('send.key', 'bad.key'));
  for (const args of [[], ['-n']]) {
    const { status, stderr } = spawnSync(path.join(build, 'doorbell-app'), ['-c', conf, ...args], { encoding: 'utf8' });
    assert.equal(status, 78, stderr);
    assert.match(stderr, /bad\.conf:\d+: \S+bad\.key:6: "may" takes send, send:group, manage, statistics and metrics/);
    for (const key of Object.values(stack.keys)) assert.ok(!stderr.includes(key));
  }
});
