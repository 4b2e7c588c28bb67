// SPDX-License-Identifier: MIT
// The calls of a page's user: what each asks, what it refuses in a sentence, and which replies it takes for doorbell-app's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { calls } from '../../www/bell/core/calls.js';
import { top } from '../harness/index.mjs';

const night = { from: '22:00', to: '07:00', timezone: 'Asia/Shanghai' };

// [call, arguments, method and path, body]
const asks = [
  ['list', [], 'GET /messages'],
  ['list', [{ state: 'unread', category: 'a&b', limit: 5, before: null }], 'GET /messages?state=unread&category=a%26b&limit=5'],
  ['list', [{ grouped: true, limit: 5 }], 'GET /messages?limit=5&grouped=1'],
  ['list', [{ grouped: false, group_key: 'like:7' }], 'GET /messages?group_key=like%3A7'],
  ['get', [7], 'GET /messages/7'],
  ['markRead', ['7'], 'POST /messages/7/read'],
  ['markRead', [[7, '8']], 'POST /messages/read', { ids: [7, 8] }],
  ['markRead', [{ group_key: 'like:7', upto: 'p1' }], 'POST /messages/read', { group_key: 'like:7', upto: 'p1' }],
  ['markUnread', [7], 'POST /messages/7/unread'],
  ['markUnread', [[7]], 'POST /messages/unread', { ids: [7] }],
  ['archive', [7], 'POST /messages/7/archive'],
  ['archive', [[7, '8']], 'POST /messages/archive', { ids: [7, 8] }],
  ['archive', [{ read: true, upto: 'p1' }], 'POST /messages/archive', { read: true, upto: 'p1' }],
  ['acknowledge', [7], 'POST /messages/7/ack'],
  ['remove', [7], 'DELETE /messages/7'],
  ['remove', [[7]], 'POST /messages/delete', { ids: [7] }],
  ['remove', [{ category: 'news' }], 'POST /messages/delete', { category: 'news' }],
  ['markReadUpto', ['p1'], 'POST /messages/read', { upto: 'p1' }],
  ['markAllUnread', [], 'POST /messages/unread', { all: true }],
  ['markSubjectRead', [{ subject_type: 'order', subject_id: 7 }], 'POST /messages/read', { subject_type: 'order', subject_id: '7' }],
  ['markOldestRead', [10], 'POST /messages/read', { oldest: 10 }],
  ['seen', ['p1'], 'POST /seen', { position: 'p1' }],
  ['preferences', [], 'GET /preferences'],
  ['setPreferences', [{ muted: ['news'] }], 'PUT /preferences', { muted: ['news'], lang: undefined, quiet_hours: undefined }],
  ['setPreferences', [{ muted: [], lang: 'zh-Hant' }], 'PUT /preferences', { muted: [], lang: 'zh-Hant', quiet_hours: undefined }],
  ['setPreferences', [{ quiet_hours: night }], 'PUT /preferences', { muted: undefined, lang: undefined, quiet_hours: night }],
  ['setPreferences', [{ quiet_hours: null }], 'PUT /preferences', { muted: undefined, lang: undefined, quiet_hours: null }],
  ['counts', [], 'GET /unread?by=category'],
];

for (const [name, args, asked, body] of asks) {
  test(`${name}(${JSON.stringify(args).slice(1, -1)}) is ${asked}`, () => {
    const call = calls[name](...args);
    assert.deepEqual([`${call.method} ${call.path}`, call.body], [asked, body]);
  });
}

test('they are all that openapi.yaml has for a user', () => {
  const document = readFileSync(path.join(top, 'www/openapi.yaml'), 'utf8');
  const known = new Set(asks.map(([, , asked]) => asked.replace(/\?.*/, '').replace('/7', '/{id}')));
  const parts = document.slice(0, document.indexOf('\ncomponents:')).split(/^  (?=\/)/m).slice(1);
  const operations = parts.flatMap((part) => part.split(/^    (?=(?:get|post|put|delete):)/m).slice(1)
    .filter((operation) => operation.includes('tags: [inbox]') && !operation.includes('capability: []')) // what needs no user
    .map((operation) => `${operation.split(':')[0].toUpperCase()} ${part.split(':')[0]}`));
  assert.deepEqual([...known].sort(), operations.sort());
});

// [call, arguments, what the sentence says]
const refusals = [
  ['list', ['unread'], /object/],
  ['list', [{ state: 'new' }], /'all', 'unread' or 'archived'; it is "new"/],
  ['list', [{ limit: 101 }], /1 to 100; it is 101/],
  ['list', [{ category: {} }], /name of a category/],
  ['list', [{ before: 5 }], /`next`/],
  ['list', [{ page: 2 }], /"page"/],
  ['list', [{ group_key: {} }], /`group_key`/],
  ['markRead', [{ group_key: '' }], /whole number from 1 on/],
  ...[undefined, null, 0, -1, 1.5, 'x', '1/../2', {}, NaN, 2 ** 53].map((id) => ['markRead', [id], /whole number from 1 on/]),
  ['markRead', [[]], /1 to 1000; it is 0/],
  ['remove', [null], /whole number from 1 on/],
  ['remove', [[]], /from 1 to 1000/],
  ['archive', [['x']], /whole number from 1 on; it is "x"/],
  ['markUnread', [[1, 'x']], /whole number from 1 on; it is "x"/],
  ['markSubjectRead', ['order'], /subject_type/],
  ['markSubjectRead', [{ subject_type: 'order' }], /subject_id/],
  ['markOldestRead', [0], /1 to 1000/],
  ['seen', [], /`position` of a list/],
  ['setPreferences', [['news']], /muted/],
  ['setPreferences', [{ muted: 'news' }], /muted/],
  ['setPreferences', [null], /muted/],
];

for (const [name, args, sentence] of refusals) {
  test(`${name}(${args.map(String)}) is refused`, () => {
    assert.throws(() => calls[name](...args), { name: 'DoorbellError', code: 'invalid', message: sentence });
  });
}

const state = { num: 3, version: 5, seq: 9, epoch: '1', user: 'bob' };
const message = { id: 7, title: 'Hello', created_at: 1767225600 };
const page = { ...state, messages: [message], next: null, position: 'p1' };

// [call, its reply, what another's may look like]
const replies = [
  ['markRead', state, [null, 5, 'x', [], {}, { code: 401, msg: '请先登录' }, { ...state, num: '<img>' }, { ...state, num: -1 },
    { ...state, num: 1.5 }, { ...state, version: null }, { ...state, user: {} }, { ...state, epoch: 5 }]],
  ['list', page, [state, { ...page, messages: {} }, { ...page, messages: [null] }, { ...page, next: 5 }, { ...page, position: null },
    { ...page, messages: [{ ...message, id: '7' }] }, { ...page, messages: [{ ...message, title: null }] }]],
  ['get', message, [null, state, { ...message, created_at: 'now' }]],
  ['preferences', { muted: ['news'] }, [state, { muted: null }, { muted: [5] }]],
  ['counts', { ...state, hit: 1, latest: 7, categories: { news: 2 } },
    [state, { ...state, categories: { news: '2' } }, { ...state, hit: 'yes', categories: {} }]],
];

for (const [name, reply, others] of replies) {
  test(`${name}: its reply is taken, and what is not doorbell-app's is not`, () => {
    const { isOurs } = calls[name](name === 'markRead' || name === 'get' ? 7 : undefined);
    assert.ok(isOurs(reply));
    for (const other of others) assert.equal(isOurs(other), false, JSON.stringify(other));
  });
}

test('an older doorbell-app names neither user nor epoch', () => {
  assert.ok(calls.markRead(7).isOurs({ num: 3, version: 5, seq: 9 }));
});
