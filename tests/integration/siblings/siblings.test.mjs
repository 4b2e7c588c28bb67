// SPDX-License-Identifier: MIT
// What both programs do, they do alike: options, exit codes, faults of the configuration, reloads, and
// who a request is from. Each row is asked of both.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { encodeBegin, encodeParams, fastcgi, PARAMS, STDIN, stream } from '../../harness/fastcgi_client.mjs';
import { Bell, build, request, startStack, writeSettings } from '../../harness/index.mjs';

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
    [`__Host-doorbell_token=${token}`, 200],
    [`__Host-doorbell_token=${token}; doorbell_token=x`, 200],
    [`doorbell_token=x; __Host-doorbell_token=${token}`, 200],
    [`__Host-doorbell_token=${token}; doorbell_token=x; doorbell_token=y`, 200],
    [`__Host-doorbell_token=x; doorbell_token=${token}`, 401],
    [`doorbell_token=${token}; __Host-doorbell_token=`, 401],
    [`__Host-doorbell_token=${stack.token('42', { exp: 1 })}; doorbell_token=${token}`, 401],
    [`__Host-doorbell_token=${token}; __Host-doorbell_token=x`, 401],
    [`__host-doorbell_token=${token}`, 401],
  ];
  for (const [cookie, status] of rows) {
    const shown = cookie.replaceAll(token, 'TOKEN');
    const [app, relay] = [await askApp(cookie), await askRelay(cookie)];
    assert.equal(app.status, status, `doorbell-app: ${shown}`);
    assert.equal(relay.status, status, `doorbell-relay: ${shown}`);
    if (status !== 200) assert.equal(relay.json.error.code, app.json.error.code, shown);
  }
});

test('blanks and a line end around a token do not count', async () => {
  const token = stack.token('42');
  for (const text of [token, `${token} `, `\t${token}`, ` ${token} `]) {
    const { status } = await fastcgi({ path: stack.appSocket }, { REQUEST_URI: '/doorbell/unread', HTTP_AUTHORIZATION: `Bearer ${text}` });
    assert.equal(status, 200, JSON.stringify(text));
  }
  for (const text of [token, `${token}\n`, `${token}\r\n`, ` ${token}`, `\n${token} `]) {
    const bell = new Bell(`${stack.relayUrl}/ws`, { token: text });
    assert.equal((await bell.next('welcome')).user, '42', JSON.stringify(text));
    bell.close();
  }
});

test('two Cookie fields are one', async () => {
  const token = stack.token('42');
  const rows = [
    [['a=b', `doorbell_token=${token}`], 200],
    [[`doorbell_token=${token}`, 'a=b'], 200],
    [[`doorbell_token=${token}`, `doorbell_token=${token}`], 200],
    [[`doorbell_token=${token}`, 'doorbell_token=x'], 401],
    [['doorbell_token=x', `__Host-doorbell_token=${token}`], 200],
  ];
  for (const [cookies, status] of rows) {
    // As nginx before 1.23 hands them on.
    const app = await new Promise((resolve, reject) => {
      const params = Buffer.concat(cookies.map((one) => encodeParams({ HTTP_COOKIE: one })));
      const more = encodeParams({ REQUEST_METHOD: 'GET', REQUEST_URI: '/doorbell/unread', QUERY_STRING: '' });
      const socket = net.connect(stack.appSocket);
      let text = '';
      socket.on('data', (data) => { text += data.toString('latin1'); }).on('error', reject);
      socket.on('close', () => resolve({ status: Number(text.match(/Status: (\d+)/)?.[1] ?? 200) }));
      socket.write(Buffer.concat([encodeBegin({ keep: false }), stream(PARAMS, Buffer.concat([more, params])), stream(STDIN, Buffer.alloc(0))]));
    });
    assert.equal(app.status, status);
    assert.equal((await askRelay(cookies)).status, status);
  }
});

// A site behind nginx, and nginx behind a load balancer, 10.0.0.1, that is on the list or is not: may a
// page of `origin` write by its cookie, and open a WebSocket?
async function areOwn(site, origin, { list = '10.0.0.1', said = {}, more = {} } = {}) {
  const cookie = `doorbell_token=${site.token('42')}`;
  const host = 'site.example';
  const fields = Object.fromEntries(Object.entries(said).map(([name, value]) => [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value]));
  const app = await fastcgi(
    { path: site.appSocket },
    { REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages/read', CONTENT_TYPE: 'application/json', HTTP_COOKIE: cookie, HTTP_ORIGIN: origin,
      HTTP_HOST: host, REQUEST_SCHEME: 'http', REMOTE_ADDR: list, ...fields, ...more },
    '{"all":true}',
  );
  const lists = { 'x-forwarded-for': list, 'x-forwarded-proto': 'http', 'x-forwarded-host': host };
  for (const [name, value] of Object.entries(lists)) lists[name] = said[name] === undefined ? `, ${value}` : `${said[name]}, ${value}`;
  const headers = { cookie, origin, host, ...said, ...lists };
  const relay = await ask(`${site.relayUrl.replace('ws:', 'http:')}/events`, headers);
  return [app.status === 200, relay.status === 200];
}

test('what a listed load balancer says decides which pages are the site\'s own', async (t) => {
  const site = await startStack(t, { server: null, config: { 'relay.trusted_proxies': '127.0.0.1 10.0.0.1', 'auth.origins': null } });
  const own = 'https://site.example';
  const plain = 'http://site.example';
  const tls = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' };
  const rows = [
    [plain, {}, true],
    [own, {}, false],
    [own, { said: tls }, true],
    [plain, { said: tls }, false],
    [own, { said: { 'x-forwarded-proto': 'https' } }, true],
    [own, { said: { forwarded: 'for=192.0.2.1;proto=https' } }, true],
    [plain, { said: { forwarded: 'for=192.0.2.1;proto=https' } }, false],
    ['https://other.example', { said: { ...tls, 'x-forwarded-host': 'other.example' } }, true],
    [own, { said: { ...tls, 'x-forwarded-host': 'other.example' } }, false],
    ['https://other.example', { said: { forwarded: 'proto=https;host=other.example' } }, true],
    // A client that is none of the list claims what it likes.
    [own, { list: '192.0.2.9', said: tls }, false],
    [own, { list: '192.0.2.9', said: { forwarded: 'proto=https' } }, false],
    [plain, { list: '192.0.2.9', said: tls }, true],
    [own, { said: { 'x-forwarded-for': '192.0.2.1, 192.0.2.9', 'x-forwarded-proto': 'https, http' } }, false],
  ];
  for (const [origin, options, is] of rows) assert.deepEqual(await areOwn(site, origin, options), [is, is], JSON.stringify([origin, options]));
});

test('a request that says that it is from another site needs a listed origin', async () => {
  const cookie = `doorbell_token=${stack.token('42')}`;
  const relay = stack.relayUrl.replace('ws:', 'http:');
  const [origin] = stack.settings['auth.origins'].split(' ');
  for (const [site, status] of [['cross-site', 403], ['same-origin', 200]]) {
    const app = await fastcgi({ path: stack.appSocket }, { REQUEST_URI: '/doorbell/unread', HTTP_COOKIE: cookie, HTTP_SEC_FETCH_SITE: site });
    assert.equal(app.status, status);
    assert.equal((await ask(`${relay}/events`, { cookie, 'sec-fetch-site': site })).status, status);
  }
  const headers = { cookie, origin, 'sec-fetch-site': 'cross-site' };
  assert.equal((await ask(`${relay}/events`, headers)).status, 200);
  const params = { REQUEST_URI: '/doorbell/unread', HTTP_COOKIE: cookie, HTTP_SEC_FETCH_SITE: 'cross-site', HTTP_ORIGIN: origin };
  assert.equal((await fastcgi({ path: stack.appSocket }, params)).status, 200);
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
