// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { calls as make } from '../../www/bell/core/calls.js';
import { DoorbellError } from '../../www/bell/core/error.js';
import { Api, Tokens } from '../../www/bell/network/api.js';
import { FakeClock, settle } from './fakes.mjs';

const base = 'https://example.org/doorbell';
const state = { num: 3, version: 5, seq: 9 };
const whole = JSON.stringify(state);
const page = JSON.stringify({ ...state, messages: [], next: null, position: 'p1' });

// An Api whose fetches get `replies` in turn; `calls` keeps what was asked.
function makeApi(token, replies) {
  const calls = [];
  const fetch = async (url, { method, headers, body, credentials, cache }) => {
    calls.push({ method, url, headers, body, credentials, cache });
    const { status = 200, body: text = '', headers: sent = {} } = replies.shift();
    if (status === 0) throw new TypeError('network');
    return { status, headers: new Headers(sent), text: async () => text };
  };
  const clock = new FakeClock();
  return { api: new Api(`${base}/`, new Tokens(token), { fetch, clock }), calls, clock };
}

const errorText = '{"error":{"code":"unavailable","message":"the database is unreachable"}}';
const failures = [
  ['no answer at all', { status: 0 }, { status: 0, code: '', retryAfter: null }],
  ['503 with its time', { status: 503, body: errorText, headers: { 'Retry-After': '5' } }, { status: 503, code: 'unavailable', retryAfter: 5000 }],
  ['an error page of a proxy', { status: 502, body: '<h1>Bad Gateway' }, { status: 502, code: '', retryAfter: null }],
  ['a log-in page in place of an answer', { status: 200, body: '<form>' }, { status: 200, code: 'not_ours', retryAfter: null }],
  ['an empty answer', { status: 200, body: '' }, { status: 200, code: 'not_ours', retryAfter: null }],
  ['an answer of another API', { status: 200, body: '{"code":401,"msg":"请先登录"}' }, { status: 200, code: 'not_ours', retryAfter: null }],
  ['a number that is a text', { status: 200, body: whole.replace('3', '"<img src=x>"') }, { status: 200, code: 'not_ours', retryAfter: null }],
  ['304 to a question without a tag', { status: 304 }, { status: 304, code: 'not_ours', retryAfter: null }],
  ['no user', { status: 401, body: errorText }, { status: 401, code: 'unavailable', retryAfter: null }],
];

for (const [name, reply, expected] of failures) {
  test(`fails: ${name}`, async () => {
    const { api } = makeApi(null, [reply]);
    await assert.rejects(api.unread(), (error) => {
      assert.ok(error instanceof DoorbellError);
      const { status, code, retryAfter } = error;
      assert.deepEqual({ status, code, retryAfter }, expected);
      return true;
    });
  });
}

test('a token function that fails, even with nothing, is a failure without a status', async () => {
  const { api, calls } = makeApi(() => Promise.reject(undefined), []);
  await assert.rejects(api.unread(), { name: 'DoorbellError', status: 0 });
  assert.deepEqual(calls, []);
});

test('an expired token is replaced by a fresh one, once', async () => {
  let count = 0;
  const replies = [{ status: 401 }, { status: 200, body: whole }, { status: 401 }, { status: 401 }];
  const { api, calls } = makeApi(async () => `token-${++count}`, replies);
  assert.deepEqual(await api.unread(), state);
  assert.deepEqual(calls.map(({ headers }) => headers.Authorization), ['Bearer token-1', 'Bearer token-2']);
  await assert.rejects(api.unread(), { status: 401 });
  assert.equal(calls.length, 4);
});

test('a token fetched since is not thrown away for one that was refused late', async () => {
  const turns = [];
  let count = 0;
  const fetch = (url, { headers }) => new Promise((resolve) => turns.push({ headers, resolve }));
  const api = new Api(base, new Tokens(async () => `token-${++count}`), { fetch, clock: new FakeClock() });
  const reply = async (index, status) => {
    turns[index].resolve({ status, headers: new Headers(), text: async () => page });
    await settle();
  };
  const calls = [api.unread(), api.call(make.list())];
  await settle();
  await reply(0, 401);
  await reply(2, 200);
  await reply(1, 401);
  await reply(3, 200);
  await Promise.all(calls);
  assert.deepEqual(turns.map(({ headers }) => headers.Authorization), [1, 1, 2, 2].map((n) => `Bearer token-${n}`));
});

test('a token that is a text is not asked for again', async () => {
  const { api, calls } = makeApi('a.b.c', [{ status: 401 }]);
  await assert.rejects(api.unread(), { status: 401 });
  assert.equal(calls.length, 1);
});

test('a token is fetched once for calls at the same time, and is in no address', async () => {
  let count = 0;
  const replies = Array.from({ length: 3 }, () => ({ body: page }));
  const { api, calls } = makeApi(async () => `token-${++count}`, replies);
  await Promise.all([api.unread(), api.call(make.list()), api.call(make.markRead(1))]);
  assert.equal(count, 1);
  for (const { url, headers } of calls) {
    assert.equal(headers.Authorization, 'Bearer token-1');
    assert.ok(!url.includes('token'));
  }
});

test('the same answer again is a 304, and means the last one', async () => {
  const replies = [{ body: whole, headers: { ETag: '"x"' } }, { status: 304 }, { body: whole }];
  const { api, calls } = makeApi(null, replies);
  assert.deepEqual(await api.unread(), state);
  assert.deepEqual(await api.unread(), state);
  assert.deepEqual(calls.map(({ headers }) => headers), [{}, { 'If-None-Match': '"x"' }]);
  api.forget();
  await api.unread();
  assert.deepEqual(calls[2].headers, {});
});

test('quiet hours are by the page\'s clock, whatever time it thinks it is', async () => {
  const Date = 'Sat, 10 Jan 2026 14:00:00 GMT';
  const at = 1_768_053_600;
  const body = JSON.stringify({ ...state, quiet: [at + 60, at + 120] });
  const { api, clock } = makeApi(null, [{ body, headers: { ETag: '"x"', Date } }, { status: 304, headers: { Date } }, { body: whole, headers: { Date } }]);
  const now = clock.now();
  assert.deepEqual(await api.unread(), { ...state, quiet: [now + 60_000, now + 120_000] });
  clock.time += 10_000; // it runs fast
  assert.deepEqual((await api.unread()).quiet, [now + 70_000, now + 130_000]);
  assert.deepEqual(await api.unread(), state);
});

test('pages are asked for with what was given, and nothing else', async () => {
  const replies = Array.from({ length: 3 }, () => ({ body: page }));
  const { api, calls } = makeApi(null, replies);
  await api.call(make.list());
  await api.call(make.list({ limit: 20, before: null, category: undefined }));
  await api.call(make.list({ before: 'c1-a&b', state: 'unread' }));
  assert.deepEqual(calls.map(({ url }) => url.slice(base.length)), [
    '/messages', '/messages?limit=20', '/messages?state=unread&before=c1-a%26b',
  ]);
});

test('what is meant for a user names them, whatever they are called', async () => {
  const { api, calls } = makeApi(null, Array.from({ length: 4 }, () => ({ body: page })));
  await api.call(make.list(), '42');
  await api.call(make.markRead(1), 'a/b%ü 中');
  await api.call(make.markRead(1), null);
  await api.unread();
  assert.deepEqual(calls.map(({ headers }) => headers['Doorbell-User']), ['42', 'a%2Fb%25%C3%BC%20%E4%B8%AD', undefined, undefined]);
});

test('a write is JSON with this page\'s cookies', async () => {
  const { api, calls } = makeApi(null, [{ body: whole }]);
  await api.call(make.markReadUpto('p1'));
  assert.deepEqual(calls[0], {
    method: 'POST',
    url: `${base}/messages/read`,
    headers: { 'Content-Type': 'application/json' },
    body: '{"upto":"p1"}',
    credentials: 'same-origin',
    cache: 'no-store',
  });
});
