// SPDX-License-Identifier: MIT
// Two programs, two users, two sets of keys, laid out as systemd does it for the units: what each user can reach, and that
// the line works.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { formatSettings, startApp, startNginx, startRelay, startStack } from '../../harness/index.mjs';

const skip = process.getuid() !== 0 && 'needs other users';

// The web server's user is nobody, in nogroup; the app is in that group, as by SupplementaryGroups=.
const WEB = { uid: 65534, gid: 65534 };
const APP = { uid: 61101, gid: 61101, groups: '65534', keys: ['auth.secret', 'publish.key', 'send.key', 'database.url'] };
const RELAY = { uid: 61102, gid: 61102, keys: ['auth.secret', 'publish.key'] };
const OTHER = { uid: 61103, gid: 61103 };

const as = ({ uid, gid, groups }) =>
  ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...(groups ? [`--groups=${groups}`] : ['--clear-groups']), '--no-new-privs', '--'];

function runAs(user, ...command) {
  const [program, ...args] = [...as(user), ...command];
  return spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });
}

// A folder of the user's own, for a socket or for credentials.
function makeOwn(file, user, mode) {
  mkdirSync(file, { recursive: true });
  chownSync(file, user.uid, user.gid);
  chmodSync(file, mode);
  return file;
}

function makeCredentials(stack, name, user) {
  const folder = path.join(stack.dir, 'credentials', `${name}.service`);
  mkdirSync(folder, { recursive: true });
  for (const key of user.keys) {
    const file = path.join(folder, key);
    copyFileSync(path.join(stack.dir, key), file);
    chownSync(file, user.uid, user.gid);
    chmodSync(file, 0o400);
  }
  return makeOwn(folder, user, 0o500);
}

// As deploy/README.md leaves /etc/doorbell: one configuration for all, keys of root's.
async function startPlace(t) {
  const stack = await startStack(t, { app: false, relay: false, server: null });
  stack.appSocket = path.join(makeOwn(path.join(stack.dir, 'run'), APP, 0o755), 'app.sock');
  const { 'auth.secret_file': secret, 'auth.send_key_file': send, 'auth.publish_key_file': publish, 'database.url': url, ...rest } = stack.settings;
  const settings = { ...rest, 'app.listen': `unix:${stack.appSocket}`, 'app.listen_mode': '0660', 'app.listen_group': 'nogroup', 'database.url_file': 'database.url' };
  writeFileSync(stack.confPath, formatSettings(settings), { mode: 0o644 });
  chmodSync(stack.confPath, 0o644);
  writeFileSync(path.join(stack.dir, 'database.url'), `${url}\n`, { mode: 0o600 });
  chownSync(send, 0, WEB.gid);
  chmodSync(send, 0o640);
  return { stack, settings };
}

const start = (program, stack, user, listens) => program(null, {
  confPath: stack.confPath,
  listens,
  wrap: as(user),
  env: { CREDENTIALS_DIRECTORY: user.credentials },
});

test('two users: the line works, and each reaches its own', { skip }, async (t) => {
  const { stack, settings } = await startPlace(t);
  APP.credentials = makeCredentials(stack, 'doorbell-app', APP);
  RELAY.credentials = makeCredentials(stack, 'doorbell-relay', RELAY);
  stack.relay = await start(startRelay, stack, RELAY, [settings['relay.listen'], settings['relay.publish_listen']]);
  stack.app = await start(startApp, stack, APP, []);
  await stack.app.waitLog(/serving/);
  stack.server = await startNginx(null, { dir: stack.dir, port: stack.ports.web, appSocket: stack.appSocket, relayPort: stack.ports.relay });

  await t.test('a message goes through nginx, both programs and back', async () => {
    const bell = await stack.connect('42', { through: true });
    const sent = await stack.api('POST', '/messages', { service: true, form: { to: '42', title: 'Tea' } });
    assert.equal(sent.status, 201, sent.text);
    await bell.next('ring');
  });

  await t.test('both reload', async () => {
    for (const program of [stack.app, stack.relay]) {
      program.signal('SIGHUP');
      await program.waitLog(/reload/);
      assert.doesNotMatch(program.log, /reload: the settings have faults/);
    }
    assert.equal((await stack.api('GET', '/unread', { user: '42' })).json.num, 1);
  });

  await t.test('a user reads the keys of its own program, and no other', () => {
    const files = [...APP.keys.map((key) => path.join(stack.dir, key)),
      ...[APP, RELAY].flatMap(({ credentials, keys }) => keys.map((key) => path.join(credentials, key)))];
    const script = 'for file; do ! cat "$file" >/dev/null 2>&1 || echo "$file"; done';
    const readable = (user) => runAs(user, 'sh', '-c', script, 'sh', ...files).stdout.split('\n').filter(Boolean);
    assert.deepEqual(readable({ ...APP, groups: undefined }), APP.keys.map((key) => path.join(APP.credentials, key)));
    assert.deepEqual(readable(RELAY), RELAY.keys.map((key) => path.join(RELAY.credentials, key)));
    assert.deepEqual(readable(WEB), [path.join(stack.dir, 'send.key')]);
    assert.deepEqual(readable(OTHER), []);
  });

  await t.test('the web server\'s group alone connects to the app\'s socket', () => {
    // 7: cannot connect; by FastCGI there is no answer for curl, but a connection.
    const connects = (user) => runAs(user, 'curl', '-s', '-m', '1', '--unix-socket', stack.appSocket, 'http://app/').status !== 7;
    assert.ok(connects(WEB));
    assert.ok(!connects(RELAY));
    assert.ok(!connects(OTHER));
  });
});

test('a relay that is told of more than it may read does not try', { skip }, async (t) => {
  const { stack, settings } = await startPlace(t);
  RELAY.credentials = makeCredentials(stack, 'doorbell-relay', RELAY);
  const more = { 'auth.send_key_file': path.join(stack.dir, 'send.key'), 'database.url_file': path.join(stack.dir, 'none') };
  writeFileSync(stack.confPath, formatSettings({ ...settings, ...more }));
  stack.relay = await start(startRelay, stack, RELAY, [settings['relay.listen'], settings['relay.publish_listen']]);
  assert.equal((await stack.publish('GET', '/health')).status, 200);
});
