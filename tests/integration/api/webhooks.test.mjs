// SPDX-License-Identifier: MIT
// Webhooks: a site hears of the messages of a category, by signed calls of its own script.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { freePort, isConnectable, makeFolder, makeKey, startStack, top, until, writeSettings } from '../../harness/index.mjs';

const folder = makeFolder();
const secretFile = path.join(folder, 'webhook.secret');
const certificate = path.join(folder, 'site.pem');
const secret = makeKey();
writeFileSync(secretFile, `${secret}\n`, { mode: 0o600 });
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
  '-addext', 'subjectAltName=DNS:localhost', '-keyout', `${certificate}.key`, '-out', certificate], { stdio: 'ignore' });

const hooks = {
  'auth.webhook_secret_file': secretFile, 'app.webhook_networks': '127.0.0.0/8 ::1', 'app.webhook_http': 'yes', 'app.webhook_ca_file': certificate,
};

async function start(t, config = hooks, options = {}) {
  const stack = await startStack(t, { config, relay: false, ...options });
  stack.secrets.add(secret);
  return stack;
}

const setWebhook = (stack, json) => stack.api('PUT', '/categories/orders', { service: true, json: { critical: false, ...json } });
const order = (stack, json) => stack.api('POST', '/messages', { service: true, json: { to: 'ann', title: 'Shipped', category: 'orders', ...json } });
const due = (stack) => stack.db.query('UPDATE doorbell.webhook_call SET due_at = clock_timestamp()'); // what time alone does
const failed = async (stack) => (await stack.api('GET', '/webhooks/failed', { service: true })).json.calls;
const waiting = async (stack) => (await stack.db.query('SELECT attempts, fault, failed_at FROM doorbell.webhook_call')).rows;
const countOf = async (stack, result) => {
  const { text } = await stack.api('GET', '/metrics', { service: true });
  return Number(text.match(new RegExp(`^doorbell_app_webhook_calls_total\\{result="${result}"\\} (\\d+)$`, 'm'))[1]);
};

// A site whose answers the test says: with status null a call waits until answer(), or the end of the test.
async function startSite(t, { tls = false } = {}) {
  const site = { calls: [], status: 200, headers: {}, waiting: [] };
  const answer = (res) => res.writeHead(site.status, site.headers).end('no word of this counts');
  site.answer = (status) => {
    site.status = status;
    for (const res of site.waiting.splice(0)) answer(res);
  };
  const serve = (req, res) => {
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      site.calls.push({ path: req.url, headers: req.headers, body: Buffer.concat(chunks).toString() });
      if (site.status === null) site.waiting.push(res);
      else answer(res);
    });
  };
  const server = tls ? https.createServer({ key: readFileSync(`${certificate}.key`), cert: readFileSync(certificate) }, serve) : http.createServer(serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  site.port = server.address().port;
  site.url = `${tls ? 'https' : 'http'}://localhost:${site.port}/hook`;
  return site;
}

const called = (site, n = 1) => until(`${n} calls of the webhook`, () => site.calls.length >= n);

test('a PHP script is told, and has verified that it was us', async (t) => {
  const [port, told] = [await freePort(), path.join(folder, 'told')];
  const env = { ...process.env, CLIENT: path.join(top, 'www/php/doorbell.php'), SECRET: secretFile, TOLD: told };
  const php = spawn('php', ['-S', `127.0.0.1:${port}`, path.join(top, 'tests/integration/php/hook.php')], { env, stdio: 'ignore' });
  t.after(() => php.kill());
  await until('php to listen', () => isConnectable({ port, host: '127.0.0.1' }));
  const stack = await start(t);
  const webhook = `http://127.0.0.1:${port}/hook.php`;
  const { json } = await setWebhook(stack, { webhook });
  assert.deepEqual([json.webhook, json.only_unseen_after], [webhook, null]);

  const { id } = (await order(stack, { to: ['ann', 'bob'], url: '/orders/7', extra: { n: 7 } })).json;
  await until('the script to be told', () => existsSync(told));
  await until('the call to be done', async () => (await waiting(stack)).length === 0);
  const [line, ...more] = readFileSync(told, 'utf8').trim().split('\n').map(JSON.parse);
  assert.deepEqual(more, []);
  assert.deepEqual(line.recipients, [{ user: 'ann' }, { user: 'bob' }]);
  assert.deepEqual([line.message.id, line.message.title, line.message.url, line.message.extra], [id, 'Shipped', '/orders/7', { n: 7 }]);
  assert.equal(await countOf(stack, 'taken'), 1);
});

test('a user in quiet hours is told of when these are over, and the others at once', async (t) => {
  const site = await startSite(t);
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url });
  const at = (ms) => new Date(Date.now() + ms).toISOString().slice(11, 16);
  const put = (hours) => stack.api('PUT', '/preferences', { user: 'bob', json: { quiet_hours: hours } });
  await put({ from: at(-3_600_000), to: at(3_600_000), timezone: 'UTC' });
  await order(stack, { to: ['ann', 'bob'] });
  await called(site);
  await until('the call to be done', async () => (await countOf(stack, 'taken')) === 1);
  assert.deepEqual(await waiting(stack), [{ attempts: 0, fault: null, failed_at: null }]);
  await put(null);
  await due(stack);
  await called(site, 2);
  assert.deepEqual(site.calls.map(({ body }) => JSON.parse(body).recipients), [[{ user: 'ann' }], [{ user: 'bob' }]]);
});

test('a call is signed, as the documents say, and goes by https to who has the certificate', async (t) => {
  const site = await startSite(t, { tls: true });
  const stack = await start(t);
  await setWebhook(stack, { webhook: `${site.url}?a=b` });
  await order(stack);
  await called(site);
  const [{ path: asked, headers, body }] = site.calls;
  const [, at, mac] = headers['x-doorbell-signature'].match(/^t=(\d+),v1=([0-9a-f]{64})$/);
  assert.equal(mac, createHmac('sha256', secret).update(`${at}.${body}`).digest('hex'));
  assert.ok(Math.abs(Date.now() / 1000 - at) < 60);
  assert.deepEqual([asked, headers['content-type'], headers.authorization], ['/hook?a=b', 'application/json', undefined]);

  await setWebhook(stack, { webhook: site.url.replace('localhost', '127.0.0.1') }); // of whom the certificate says nothing
  await order(stack);
  await until('it to fail', async () => (await waiting(stack))[0]?.fault);
  assert.match((await waiting(stack))[0].fault, /certificate/i);
  assert.equal(site.calls.length, 1);
});

test('a call that the site does not take is made again, with the same number; 410 ends it at once', async (t) => {
  const site = await startSite(t);
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url });
  site.status = 500;
  await order(stack);
  await until('it to fail', async () => (await waiting(stack))[0]?.fault);
  assert.deepEqual((await waiting(stack))[0], { attempts: 1, fault: 'HTTP status 500', failed_at: null });
  assert.deepEqual(await failed(stack), []);
  site.status = 204;
  await due(stack);
  await until('it to be taken', async () => (await waiting(stack)).length === 0);
  const [one, two] = site.calls.map(({ body }) => JSON.parse(body));
  assert.deepEqual([two.call, one.attempt, two.attempt], [one.call, 1, 2]);

  site.status = 410;
  await order(stack);
  await until('it to be given up', async () => (await failed(stack)).length === 1);
  const [{ call, users, fault, attempts, category }] = await failed(stack);
  assert.deepEqual([users, fault, attempts, category], [['ann'], 'HTTP status 410', 1, 'orders']);
  site.status = 200;
  const retry = () => stack.api('POST', `/webhooks/failed/${call}/retry`, { service: true });
  assert.deepEqual((await retry()).json, { retried: true });
  await until('it to be taken', async () => (await waiting(stack)).length === 0);
  assert.equal((await retry()).status, 404);
  assert.deepEqual([await countOf(stack, 'taken'), await countOf(stack, 'failed'), await countOf(stack, 'given_up')], [2, 1, 1]);
});

test('an answer that is not HTTP is said to be that', async (t) => {
  const server = net.createServer((socket) => socket.once('data', () => socket.end('220 mail.example ESMTP\r\n')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const stack = await start(t);
  await setWebhook(stack, { webhook: `http://127.0.0.1:${server.address().port}/` });
  await order(stack);
  await until('it to fail', async () => (await waiting(stack))[0]?.fault);
  assert.match((await waiting(stack))[0].fault, /the answer is not HTTP/);
});

test('a webhook without TLS is not called once that is forbidden', async (t) => {
  const site = await startSite(t);
  const stack = await start(t, { ...hooks, 'app.webhook_http': 'no' });
  await stack.db.query('SELECT doorbell.category_set($1, false, webhook => $2)', ['orders', site.url]);
  await order(stack);
  await until('it to fail', async () => (await waiting(stack))[0]?.fault);
  assert.match((await waiting(stack))[0].fault, /the webhook is not https: change it, or set/);
  assert.equal(site.calls.length, 0);
});

test('redirects are not followed', async (t) => {
  const [site, other] = [await startSite(t), await startSite(t)];
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url });
  Object.assign(site, { status: 307, headers: { location: other.url } });
  await order(stack);
  await until('it to fail', async () => (await waiting(stack))[0]?.fault);
  assert.match((await waiting(stack))[0].fault, /307: redirects are not followed/);
  assert.equal(other.calls.length, 0);
});

test('no private address is called unless it is allowed, by whatever name', async (t) => {
  const site = await startSite(t);
  const stack = await start(t, { ...hooks, 'app.webhook_networks': '' });
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '10.1.2.3', '169.254.169.254']) {
    await setWebhook(stack, { webhook: `http://${host}:${site.port}/hook` });
    await stack.db.query('DELETE FROM doorbell.webhook_call');
    await order(stack);
    await until(`${host} to be refused`, async () => (await waiting(stack))[0]?.fault);
    assert.match((await waiting(stack))[0].fault, /not a public one: add its network to \[app\] webhook_networks/, host);
  }
  assert.equal(site.calls.length, 0);
});

test('of a name with several addresses the one that may be called says what is wrong', async (t) => {
  const stack = await start(t, { ...hooks, 'app.webhook_networks': '127.0.0.1' });
  await setWebhook(stack, { webhook: `http://localhost:${await freePort()}/hook` }); // it is ::1 too
  await order(stack);
  await until('it to fail', async () => (await waiting(stack))[0]?.fault);
  assert.match((await waiting(stack))[0].fault, /connect/);
});

test('what a reload forbids is not called by a connection of before', async (t) => {
  const site = await startSite(t);
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url });
  await order(stack);
  await until('the call to be done', async () => site.calls.length === 1 && (await waiting(stack)).length === 0);
  writeSettings(stack.confPath, { ...stack.settings, 'app.webhook_networks': '' });
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/reloaded/);
  await order(stack);
  await until('it to be refused', async () => (await waiting(stack))[0]?.fault || site.calls.length > 1);
  assert.match((await waiting(stack))[0]?.fault ?? '', /not a public one/);
  assert.equal(site.calls.length, 1);
});

test('a site that is slow to answer delays no ring', async (t) => {
  const site = await startSite(t);
  const stack = await start(t, { ...hooks, 'app.webhook_timeout': '300s' }, { relay: true });
  await setWebhook(stack, { webhook: site.url });
  const bell = await stack.connect('ann');
  site.status = null;
  await order(stack);
  await called(site);
  await bell.next('ring');
  const from = bell.frames.length;
  await stack.api('POST', '/messages', { service: true, json: { to: 'ann', title: 'while it waits' } });
  await bell.next('ring', { from });
  assert.equal((await waiting(stack)).length, 1, 'it waits still');
  site.answer(200);
});

test('one that has seen the message in time is not told of', async (t) => {
  const site = await startSite(t);
  const stack = await start(t);
  const { json } = await setWebhook(stack, { webhook: site.url, only_unseen_after: 600 });
  assert.equal(json.only_unseen_after, 600);
  const { id } = (await order(stack, { to: ['ann', 'bob'] })).json;
  await stack.api('POST', `/messages/${id}/read`, { user: 'ann' });
  assert.equal(site.calls.length, 0);
  await due(stack);
  await called(site);
  assert.deepEqual(JSON.parse(site.calls[0].body).recipients, [{ user: 'bob' }]);
});

test('more calls than are looked at in one go end without being made', async (t) => {
  const site = await startSite(t);
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url, only_unseen_after: 600 });
  const send = (user, count) => stack.db.query(
    "SELECT doorbell.send(to_users => ARRAY[$1], title => 't', category => 'orders') FROM generate_series(1, $2::integer)", [user, count]);
  await send('ann', 250);
  await stack.db.query("SELECT doorbell.mark_read_all('ann')");
  await send('bob', 1);
  await due(stack);
  await called(site);
  assert.deepEqual(site.calls.map(({ body }) => JSON.parse(body).recipients), [[{ user: 'bob' }]]);
  await until('nothing to be left', async () => (await waiting(stack)).length === 0);
  assert.equal(await countOf(stack, 'taken'), 1);
});

test('that a site fails is said once, however often another one takes its calls', async (t) => {
  const [site, broken] = [await startSite(t), await startSite(t)];
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url });
  await stack.api('PUT', '/categories/news', { service: true, json: { critical: false, webhook: broken.url } });
  broken.status = 500;
  for (let i = 1; i <= 3; i++) {
    await order(stack, { category: 'news' });
    await called(broken, i);
    await order(stack);
    await called(site, i);
  }
  await until('the calls to be noted', async () => (await countOf(stack, 'taken')) === 3);
  assert.equal(stack.app.log.match(/calls of webhooks fail/g).length, 1);
  assert.doesNotMatch(stack.app.log, /taken again/);
});

const refusals = [
  ['without a secret', {}, 'https://site.example/hook', /set \[auth\] webhook_secret_file/],
  ['without TLS', { 'auth.webhook_secret_file': secretFile }, 'http://site.example/hook', /must be an https:\/\/ URL/],
  ['with a password', { 'auth.webhook_secret_file': secretFile }, 'https://me:secret@site.example/', /without a name or password/],
];
for (const [what, config, webhook, words] of refusals) {
  test(`a webhook ${what} is refused when it is set`, async (t) => {
    const stack = await startStack(t, { config, relay: false });
    const refused = await setWebhook(stack, { webhook });
    assert.equal(refused.status, 422);
    assert.match(refused.json.error.message, words);
    assert.equal((await setWebhook(stack, { webhook: '' })).status, 200, 'none is always right');
  });
}

test('the category says what it was told, and null takes it away', async (t) => {
  const stack = await start(t);
  const of = async (json) => {
    const { webhook, only_unseen_after: after } = (await setWebhook(stack, json)).json;
    return [webhook, after];
  };
  const webhook = 'https://site.example/hook';
  assert.deepEqual(await of({ webhook, only_unseen_after: 60 }), [webhook, 60]);
  assert.deepEqual(await of({}), [webhook, 60]);
  assert.deepEqual(await of({ only_unseen_after: null }), [webhook, null]);
  assert.deepEqual(await of({ webhook: null }), [null, null]);
});

test('a program that stops finishes the call that is under way, and leaves the others', async (t) => {
  const site = await startSite(t);
  const stack = await start(t);
  await setWebhook(stack, { webhook: site.url });
  site.status = null;
  await order(stack);
  await order(stack);
  await called(site);
  const ended = stack.app.stop();
  site.answer(200);
  await ended;
  assert.equal((await waiting(stack)).length + site.calls.length, 2);
});

test('a program that stops does not wait for a site that never answers', async (t) => {
  const site = await startSite(t);
  const stack = await start(t, { ...hooks, 'app.webhook_timeout': '300s' });
  await setWebhook(stack, { webhook: site.url });
  site.status = null;
  await order(stack);
  await called(site);
  await stack.app.stop(); // throws if it was cut off
  assert.deepEqual(await waiting(stack), [{ attempts: 1, fault: 'doorbell-app stopped before the site had answered', failed_at: null }]);
});
