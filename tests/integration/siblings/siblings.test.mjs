// SPDX-License-Identifier: MIT
// What both programs do, they do alike: options, exit codes, faults of the configuration, reloads, and
// who a request is from. Each row is asked of both.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { build, request, startStack, writeSettings } from '../../harness/index.mjs';

const NAMES = ['doorbell-app', 'doorbell-relay'];
const cleanUps = [];
let stack;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { server: null });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

function run(name, ...args) {
  const { status, stdout, stderr } = spawnSync(path.join(build, name), args, { encoding: 'utf8', timeout: 30_000 });
  return { status, stdout, stderr };
}

// What both say, if they say the same of themselves.
function ofBoth(...args) {
  const [app, relay] = NAMES.map((name) => {
    const answer = run(name, ...args);
    return { ...answer, stdout: answer.stdout.replaceAll(name, 'NAME'), stderr: answer.stderr.replaceAll(name, 'NAME') };
  });
  return { app, relay };
}

const USAGE = /^usage: NAME \[-hnV\] \[-c file\]\n/m;

test('options have the same names, and a wrong one ends both with 64', () => {
  for (const args of [['-x'], ['--no-such'], ['extra'], ['-c'], ['--config'], ['-n', 'extra']]) {
    const { app, relay } = ofBoth(...args);
    assert.deepEqual(app, relay);
    assert.equal(app.status, 64, args.join(' '));
    assert.match(app.stderr, USAGE);
  }
  for (const option of ['-V', '--version']) {
    const { app, relay } = ofBoth(option);
    assert.deepEqual(app, relay);
    assert.equal(app.status, 0);
    assert.match(app.stdout, /^NAME \d+\.\d+\.\d+\n$/);
  }
  for (const option of ['-h', '--help']) {
    const { app, relay } = ofBoth(option);
    for (const { status, stdout } of [app, relay]) {
      assert.equal(status, 0);
      assert.match(stdout, USAGE);
    }
    assert.match(app.stdout, /statement_timeout/);
    assert.doesNotMatch(relay.stdout, /statement_timeout/);
    assert.match(relay.stdout, /max_sessions_per_user/);
    assert.doesNotMatch(app.stdout, /max_sessions_per_user/);
  }
});

test('a configuration that is good is 0, one with a fault is 78 and named by its line', () => {
  const file = path.join(stack.dir, 'checked.conf');
  const check = (more) => {
    writeSettings(file, { ...stack.settings, ...more });
    return ofBoth('-n', '-c', file);
  };
  for (const args of [['-n', '-c'], ['--check', '--config']]) {
    writeSettings(file, stack.settings);
    const { app, relay } = ofBoth(...args, file);
    assert.deepEqual(app, { status: 0, stdout: '', stderr: '' });
    assert.deepEqual(relay, app);
  }
  const faults = [
    { 'relay.pace': 'fast' },
    { 'app.workers': '0' },
    { 'relay.no_such': '1' },
    { 'relay.listen': 'nowhere' },
    { 'auth.publish_key_file': path.join(stack.dir, 'none') },
    { 'auth.publish_key_file': path.join(stack.dir, 'auth.secret') },
    { 'auth.origins': 'here' },
  ];
  for (const fault of faults) {
    const { app, relay } = check(fault);
    assert.deepEqual(app, relay);
    assert.equal(app.status, 78, JSON.stringify(fault));
    assert.match(app.stderr, /^[^\n]*checked\.conf:\d+: [^\n]+\n/);
    for (const secret of [stack.secret, stack.publishKey, stack.sendKey]) assert.ok(!app.stderr.includes(secret));
  }
  const { app, relay } = ofBoth('-c', path.join(stack.dir, 'none.conf'));
  assert.deepEqual(app, relay);
  assert.equal(app.status, 78);
});

test('a reload that fails is told, and what needs a restart is named', async () => {
  const reload = async (settings, pattern) => {
    writeSettings(stack.confPath, { ...stack.settings, ...settings });
    const said = [];
    for (const service of [stack.app, stack.relay]) {
      const from = service.log.length;
      service.signal('SIGHUP');
      await service.waitLog(pattern, { from });
      said.push(service.log.slice(from));
    }
    return said;
  };
  for (const log of await reload({ 'relay.pace': 'fast' }, /old ones stay in force; .*SIGHUP/)) assert.match(log, /doorbell\.conf:\d+: /);
  const [app, relay] = await reload({ 'app.listen_mode': '0600', 'relay.listen_mode': '0600' }, /reloaded\n/);
  assert.match(app, /reload: \[app\] listen_mode stays as it was: it needs a restart/);
  assert.match(relay, /reload: \[relay\] listen_mode stays as it was: it needs a restart/);
  await reload({}, /reloaded\n/);
});

// {status, json} of an answer, of which a stream has no end.
function ask(url, headers) {
  return new Promise((resolve, reject) => {
    const asked = http.get(url, { headers, agent: false }, (answer) => {
      if (answer.statusCode === 200) {
        resolve({ status: 200 });
        asked.destroy();
        return;
      }
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve({ status: answer.statusCode, json: JSON.parse(text) }));
    });
    asked.on('error', reject);
  });
}

const askApp = (cookie) => fastcgi({ path: stack.appSocket }, { REQUEST_URI: '/doorbell/unread', HTTP_COOKIE: cookie });
const askRelay = (cookie) => ask(`${stack.relayUrl.replace('ws:', 'http:')}/events`, { cookie, 'sec-fetch-site': 'same-origin' });

test('a cookie is read in one way', async () => {
  const token = stack.token('42');
  const rows = [
    [`doorbell_token=${token}`, 200],
    [`a=b; doorbell_token=${token}; c=d`, 200],
    [`doorbell_token=${token}; doorbell_token=${token}`, 200],
    [`doorbell_token = ${token}`, 200],
    [` doorbell_token =${token} ;`, 200],
    ['a=b', 401],
    ['doorbell_token', 401],
    ['doorbell_token=', 401],
    ['doorbell_token=x', 401],
    [`Doorbell_token=${token}`, 401],
    [`xdoorbell_token=${token}`, 401],
    [`doorbell_token=${token}; doorbell_token=x`, 401],
    [`doorbell_token=x; doorbell_token=${token}`, 401],
    [`doorbell_token=${token}; doorbell_token=`, 401],
    [`doorbell_token=${stack.token('42', { exp: 1 })}`, 401],
  ];
  for (const [cookie, status] of rows) {
    const shown = cookie.replaceAll(token, 'TOKEN');
    const [app, relay] = [await askApp(cookie), await askRelay(cookie)];
    assert.equal(app.status, status, `doorbell-app: ${shown}`);
    assert.equal(relay.status, status, `doorbell-relay: ${shown}`);
    if (status !== 200) assert.equal(relay.json.error.code, app.json.error.code, shown);
  }
});

test('a key is read in one way, and a refusal has one form', async () => {
  const app = (authorization, method = 'GET', where = '/metrics') => {
    const params = { REQUEST_METHOD: method, REQUEST_URI: `/doorbell${where}`, HTTP_AUTHORIZATION: authorization };
    return fastcgi({ path: stack.appSocket }, params);
  };
  const relay = (authorization, method = 'GET', where = '/metrics') =>
    request(stack.publishUrl, method, where, { headers: { authorization } });
  const rows = [
    ['Bearer KEY', 200], ['bearer KEY', 200], ['BEARER  KEY ', 200],
    ['', 401], ['Bearer', 401], ['Bearer ', 401], ['KEY', 401], ['Basic KEY', 401], ['Bearer KEYx', 401], ['Bearer KEY KEY', 401],
  ];
  for (const [text, status] of rows) {
    const answers = [await app(text.replaceAll('KEY', stack.sendKey)), await relay(text.replaceAll('KEY', stack.publishKey))];
    for (const answer of answers) {
      assert.equal(answer.status, status, text);
      if (status === 401) assert.equal(answer.json.error.code, 'unauthorized');
    }
  }
  for (const answer of [await app(`Bearer ${stack.sendKey}`, 'DELETE'), await relay(`Bearer ${stack.publishKey}`, 'DELETE')]) {
    assert.equal(answer.status, 405);
    assert.deepEqual(Object.keys(answer.json), ['error']);
    assert.deepEqual(Object.keys(answer.json.error), ['code', 'message']);
    assert.equal(answer.json.error.code, 'method_not_allowed');
    assert.match(answer.headers.allow, /GET/);
  }
});

test('both count their bugs under one name', async () => {
  const texts = [
    (await fastcgi({ path: stack.appSocket }, { REQUEST_URI: '/doorbell/metrics', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` })).text,
    (await stack.publish('GET', '/metrics')).text,
  ];
  for (const text of texts) assert.match(text, /^# TYPE doorbell_bugs_total counter\ndoorbell_bugs_total 0$[^]*^doorbell_log_lost_total 0$/m);
});
