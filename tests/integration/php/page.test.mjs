// SPDX-License-Identifier: MIT
// Pages of a site in php-fpm behind nginx: the cookie, its renewal, the log-out, the bell, and a ring.

import assert from 'node:assert/strict';
import test from 'node:test';

import { signToken } from '../../harness/index.mjs';
import { claimsOf, cookiesOf, startSite } from './php.mjs';

const HOST = '__Host-doorbell_token';
const PLAIN = 'doorbell_token';
const https = { 'test-https': 'on' };

// A page's reply. query: {do, user, now, more}; cookie: {name: value}.
function open(site, query, { cookie = {}, headers = {} } = {}) {
  const fields = { ...query, more: JSON.stringify({ tag: {}, ...query.more }) };
  const sent = { ...headers, cookie: Object.entries(cookie).map((pair) => pair.join('=')).join('; ') };
  return site.stack.request('GET', `/site.php?${new URLSearchParams(fields)}`, { headers: sent });
}

// The token that a page sets, or null.
async function tokenOf(site, query, options) {
  const reply = await open(site, query, options);
  assert.equal(reply.status, 200, reply.text);
  const [cookie] = Object.values(cookiesOf(reply));
  return site.stack.secrets.add(cookie?.value ?? null);
}

test('the cookie has the attributes that the documents demand, on http and https, for a host and a domain', async (t) => {
  const site = await startSite(t);
  const rows = [
    [{}, {}, PLAIN, ['Path=/', 'HttpOnly', 'SameSite=Lax']],
    [https, {}, HOST, ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']],
    [{}, { secure: true }, HOST, ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']],
    [https, { secure: false }, PLAIN, ['Path=/', 'HttpOnly', 'SameSite=Lax']],
    [https, { cookie_domain: 'example.org' }, PLAIN, ['Path=/', 'Domain=example.org', 'Secure', 'HttpOnly', 'SameSite=Lax']],
  ];
  for (const [headers, options, name, attributes] of rows) {
    const began = Math.floor(Date.now() / 1000);
    const reply = await open(site, { do: 'cookie', user: 'a/b%ü 中', more: { options } }, { headers });
    const cookies = cookiesOf(reply);
    assert.deepEqual(Object.keys(cookies), [name]);
    const { value, attributes: [expires, ...others] } = cookies[name];
    site.stack.secrets.add(value);
    assert.deepEqual(others, attributes);
    const { sub, iat, exp, ...rest } = claimsOf(value);
    assert.deepEqual([sub, rest], ['a/b%ü 中', {}]);
    assert.ok(iat >= began && iat < (Date.now() + 1) / 1000, `${iat}`);
    assert.equal(exp, Math.floor(iat) + 43_200);
    assert.equal(Date.parse(expires.replace('Expires=', '')), exp * 1000);
    const { num, user } = (await site.stack.request('GET', '/doorbell/unread', { headers: { cookie: `${name}=${value}` } })).json;
    assert.deepEqual([num, user], [0, 'a/b%ü 中']);
  }
});

test('the cookie is renewed at half its life, for another user or language, and when it is not ours', async (t) => {
  const site = await startSite(t, { options: { token_ttl: 1000, audience: 'shop' } });
  const begin = 1_700_000_000;
  const page = (user, now, token, claims) => tokenOf(site, { do: 'cookie', user, now, more: { claims } }, { cookie: { [PLAIN]: token } });
  const claims = { since: 1_600_000_000, lang: 'de' };
  const token = await page('10', begin, '', claims);
  assert.deepEqual(claimsOf(token), { sub: '10', aud: 'shop', since: 1_600_000_000, lang: 'de', iat: begin, exp: begin + 1000 });
  assert.equal(await page('10', begin + 499, token, claims), null);
  assert.equal(claimsOf(await page('10', begin + 500, token, claims)).exp, begin + 1500);
  assert.equal(claimsOf(await page('10', begin + 5000, token, claims)).exp, begin + 6000);
  assert.equal(claimsOf(await page('1e1', begin, token, claims)).sub, '1e1');
  assert.equal(claimsOf(await page('10', begin, token, { ...claims, lang: 'fr' })).lang, 'fr');
  assert.equal(claimsOf(await page('10', begin, token)).since, undefined);
  const own = { iat: begin, exp: begin + 1000, aud: 'shop' };
  for (const bad of ['x', 'a.b.c', '..', `${token}x`, token.slice(0, -1), signToken('another secret', '10', { ...own, ...claims }),
    signToken(site.stack.secret, '10', { ...own, exp: `${begin + 1000}` }), signToken(site.stack.secret, '10', { ...own, exp: [] })]) {
    assert.notEqual(await page('10', begin, bad, claims), null, bad);
  }
  assert.equal(await page('10', begin, signToken(site.stack.secret, '10', own)), null);
  assert.equal(site.logOf(), '');
});

test('without the secret, doorbell-app makes the token, and again at half its life', async (t) => {
  const site = await startSite(t, { options: { secret_file: null, token_ttl: 1000 } });
  const page = (user, token, now) => tokenOf(site, { do: 'cookie', user, ...(now ? { now } : {}) }, { cookie: { [PLAIN]: token } });
  const token = await page('alice', '');
  const { exp } = claimsOf(token);
  assert.equal(await page('alice', token), null);
  assert.equal(await page('alice', token, exp - 501), null);
  assert.notEqual(await page('alice', token, exp - 499), null);
  assert.equal(claimsOf(await page('bob', token)).sub, 'bob');
  // While it is down, a page is answered, keeps its cookie, and the log says why.
  await site.stack.app.stop();
  const reply = await open(site, { do: 'page', user: 'bob' });
  assert.deepEqual([reply.status, reply.json.got, reply.headers['set-cookie']], [200, false, undefined]);
  assert.match(reply.json.tag, /<doorbell-inbox user="bob"><\/doorbell-inbox>$/);
  assert.match(site.logOf(), /Doorbell: POST \/tokens returned 502, not from doorbell-app; check that url/);
});

test('the log-out removes the cookie, and so does a page of nobody', async (t) => {
  const site = await startSite(t);
  const gone = ['Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'Path=/'];
  const token = await tokenOf(site, { do: 'cookie', user: 'alice' });
  for (const query of [{ do: 'logout' }, { do: 'cookie' }]) {
    const plain = cookiesOf(await open(site, query, { cookie: { [PLAIN]: token } }));
    assert.deepEqual(plain, { [PLAIN]: { value: '', attributes: [...gone, 'HttpOnly', 'SameSite=Lax'] } });
    const both = cookiesOf(await open(site, query, { cookie: { [PLAIN]: token, [HOST]: token }, headers: https }));
    assert.deepEqual(Object.keys(both), [HOST, PLAIN]);
    assert.deepEqual(both[HOST], { value: '', attributes: [...gone, 'Secure', 'HttpOnly', 'SameSite=Lax'] });
  }
});

test('after a revocation the page has a token that is good, and the old one is void', async (t) => {
  const site = await startSite(t);
  const unread = (token) => site.stack.request('GET', '/doorbell/unread', { headers: { cookie: `${PLAIN}=${token}` } });
  const token = await tokenOf(site, { do: 'cookie', user: 'alice' });
  assert.equal((await unread(token)).status, 200);
  const renewed = await tokenOf(site, { do: 'renew', user: 'alice' }, { cookie: { [PLAIN]: token } });
  assert.equal((await unread(token)).json.error.code, 'revoked');
  assert.equal((await unread(renewed)).status, 200);
  // The next page signs its own again.
  const own = await tokenOf(site, { do: 'cookie', user: 'alice' }, { cookie: { [PLAIN]: renewed } });
  assert.equal((await unread(own)).status, 200);
  assert.equal(await tokenOf(site, { do: 'cookie', user: 'alice' }, { cookie: { [PLAIN]: own } }), null);
});

test('a cookie after output is refused, with the place of the output', async (t) => {
  const site = await startSite(t, { lines: 'php_admin_value[output_buffering] = 0' });
  await open(site, { do: 'late', user: 'alice' });
  assert.match(site.logOf(), /the cookie comes too late, output began in .*site.php on line \d+: call it before any output/);
});

test('a page prints the number, and rings when PHP sends', async (t) => {
  const site = await startSite(t);
  const { stack } = site;
  await open(site, { do: 'send', user: 'alice', more: { title: 'First' } });
  const reply = await open(site, { do: 'page', user: 'alice', more: { tag: { href: '/inbox' } } });
  assert.equal(reply.json.tag, '<script src="/doorbell.min.js" defer></script>\n<doorbell-inbox user="alice" num="1" href="/inbox"></doorbell-inbox>');
  const token = stack.secrets.add(cookiesOf(reply)[PLAIN].value);
  const bell = stack.connectRaw({ through: true, headers: { cookie: `${PLAIN}=${token}`, origin: stack.url } });
  assert.equal((await bell.next('welcome')).user, 'alice');
  const sent = await open(site, { do: 'send', user: 'alice', more: { title: '第二' } });
  const ring = await bell.next('ring');
  assert.deepEqual([ring.num, ring.id], [2, sent.json.id]);
  assert.equal(site.logOf(), '');
});

test('while doorbell-app hangs, pages are answered in time', async (t) => {
  const site = await startSite(t, { options: { page_timeout: 0.3, connect_timeout: 0.5, timeout: 60 } });
  site.stack.app.signal('SIGSTOP');
  t.after(() => site.stack.app.signal('SIGCONT'));
  const began = Date.now();
  const reply = await open(site, { do: 'page', user: 'alice' });
  site.stack.app.signal('SIGCONT');
  assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`);
  assert.deepEqual([reply.status, reply.json.got], [200, true]);
  assert.equal(claimsOf(site.stack.secrets.add(cookiesOf(reply)[PLAIN].value)).sub, 'alice');
  assert.match(reply.json.tag, /<doorbell-inbox user="alice"><\/doorbell-inbox>$/);
  assert.match(site.logOf(), /Doorbell: no reply to GET .*\/unread within 0.3 s/);
});
