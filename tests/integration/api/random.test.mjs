// SPDX-License-Identifier: MIT
// Right requests, spoilt at random: whatever comes of it, the answer is one that www/openapi.yaml foretells,
// never a 503, and the counts stay exact.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { startStack } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { checkAnswer, operations } from '../docs/openapi_document.mjs';

const REQUESTS = Number(process.env.DOORBELL_RANDOM_REQUESTS ?? 1000);
const STATUSES = [200, 201, 304, 400, 401, 403, 404, 405, 409, 413, 415, 422];

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const MULTIPART_TYPE = 'multipart/form-data; boundary=b';
const multipart = (...fields) => `${fields.map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('')}--b--\r\n`;

// Bodies that are right, by operation.
const bodies = {
  sendMessage: [
    [JSON_TYPE, '{"to":["u1","ü",3],"title":"Title","body":"a\\nb","url":"/x","category":"news","extra":{"a":[1,null,"\\u00fc"]},"key":"k1"}'],
    [JSON_TYPE, '{"to":"*","title":"Title","expires_in":60,"subject_type":"order","subject_id":"7","replace":true,"to_new_users":true}'],
    [JSON_TYPE, '{"group":"editors","title":"Title","ack":true,"send_at":1,"sender":"Shop"}'],
    [FORM_TYPE, 'to[]=u1&to[1]=u2&title=Title+%C3%BC&extra=%7B%22a%22%3A1%7D&ack=0&expires_in=60&category=ads'],
    [MULTIPART_TYPE, multipart(['to', 'u1'], ['title', 'Tïtle'], ['replace', '0'])],
    [JSON_TYPE, '{"to":["u1","u2"],"title":"Title","sender":"Ann","group_key":"k"}'],
  ],
  sendBatch: [
    [JSON_TYPE, '{"messages":[{"to":["u1",3],"title":"Title","key":"k2","extra":{"a":[1]}},{"to":"*","title":"Title"},{"group":"editors","title":"T","ack":true}]}'],
    [JSON_TYPE, '{"atomic":false,"defaults":{"title":"D","category":"news"},"messages":[{"to":"u1"},{"to":"u3","url":"/x","expires_in":60},{"group":"editors"}]}'],
  ],
  markRead: [
    [JSON_TYPE, '{"ids":[1,2,3,4,5]}'], [JSON_TYPE, '{"all":true}'], [JSON_TYPE, '{"oldest":2}'],
    [JSON_TYPE, '{"subject_type":"order","subject_id":"7"}'], [JSON_TYPE, '{"upto":"p1-00000000-1-1-1-0-0"}'], [FORM_TYPE, 'ids[]=1&ids[]=2'],
    [JSON_TYPE, '{"group_key":"k","upto":"p1-00000000-1-1-1-0-2"}'],
  ],
  markUnread: [[JSON_TYPE, '{"ids":[1,2,3,4,5]}'], [JSON_TYPE, '{"all":true}'], [MULTIPART_TYPE, multipart(['all', '1'])]],
  archiveMany: [[JSON_TYPE, '{"ids":[1,2,3]}'], [JSON_TYPE, '{"category":"news"}'], [JSON_TYPE, '{"read":true}'], [FORM_TYPE, 'all=1'], [FORM_TYPE, 'group_key=k']],
  removeMany: [[JSON_TYPE, '{"ids":[4,5]}'], [JSON_TYPE, '{"category":"ads","upto":"p1-00000000-1-1-1-0-0"}'], [FORM_TYPE, 'read=1']],
  markSeen: [[JSON_TYPE, '{"position":"p1-00000000-1-1-1-0-0"}']],
  changePreferences: [[JSON_TYPE, '{"muted":["news"]}'], [JSON_TYPE, '{"muted":[]}'], [FORM_TYPE, 'muted[]=news&muted[]=ads'],
    [JSON_TYPE, '{"quiet_hours":{"from":"22:00","to":"07:00","timezone":"UTC"}}'], [JSON_TYPE, '{"quiet_hours":null}']],
  changeMembers: [[JSON_TYPE, '{"add":["u1","u2"],"remove":["u3"]}'], [FORM_TYPE, 'add[]=u1&remove[]=u2']],
  changeCategory: [[JSON_TYPE, '{"critical":true}'], [FORM_TYPE, 'critical=0']],
  makeToken: [[JSON_TYPE, '{"user":"u1","ttl":60}'], [FORM_TYPE, 'user=u1']],
};
const queries = {
  checkUnread: ['category=news', 'by=category', ''],
  listMessages: ['state=unread&limit=2', 'category=ads', 'before=c1-00000000-5', 'after=p1-00000000-5-5-5-0-0-00000000-1-1&limit=2', 'grouped=1&limit=3', 'group_key=k&state=all', ''],
  recallMany: ['category=ads&limit=1', 'sender=Shop&since=1', 'subject_type=order&subject_id=7&before=r1-waiting-100', 'category=news&before=r1-sent-1700000000000000', ''],
  explainMessage: ['user=u1', 'user=%C3%BC', ''],
  listMembers: ['limit=1', 'after=u1', ''],
};
const tokens = ['"', '\\', '\\u0000', '\\ud800', '{', '}', '[', ']', ',', ':', '\0', '\n', '\r\n', '%00', '%ff', '%', '&', '=', '[]', '[x]', '--b', ';', '*', '-', '-1', '0',
  '9223372036854775807', '9223372036854775808', '1e9', '1.5', 'null', 'true', "'", '\u00fc', '\u0085', '\ufeff', '\u{1f514}', '\xff', 'x'.repeat(300)];

function spoil(bytes, random) {
  const at = random(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random(6));
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random(5)) {
    case 0: return Buffer.concat([head, Buffer.from([random(256)]), tail.subarray(1)]);
    case 1: return Buffer.concat([head, Buffer.from(tokens[random(tokens.length)]), tail]);
    case 2: return Buffer.concat([head, bytes.subarray(end)]);
    case 3: return Buffer.concat([head, bytes.subarray(at, end), tail]);
    default: return Buffer.concat([head, Buffer.from(tokens[random(tokens.length)]), bytes.subarray(end)]);
  }
}

function spoilText(text, random) {
  let bytes = Buffer.from(text);
  for (let times = 1 + random(2); times > 0; times--) bytes = spoil(bytes, random);
  return bytes;
}

// Another value somewhere in a JSON body.
const values = [null, true, false, 0, 1, -1, 1.5, 2 ** 31, 2 ** 53, '', '*', 'u1', '7', 'news', '\u0085', 'x'.repeat(129), 'x'.repeat(256), '\0', '\n', [], ['u1'], [1], [null], {},
  { a: 1 }, '/y', 'javascript:x', '//x'];

function spoilValue(text, random) {
  const root = JSON.parse(text);
  let node = root;
  for (;;) {
    const names = Object.keys(node);
    const name = names[random(names.length)];
    const inner = node[name];
    if (inner !== null && typeof inner === 'object' && Object.keys(inner).length > 0 && random(2) === 0) {
      node = inner;
      continue;
    }
    if (random(8) === 0) delete node[name];
    else node[name] = values[random(values.length)];
    return JSON.stringify(root);
  }
}

// In an address only what a web server lets through.
const address = (bytes) => bytes.toString('latin1').replace(/[\0-\x20\x7f-\xff#?]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

function makeRequest(random, proofs) {
  const op = operations[random(operations.length)];
  const pick = (list) => list[random(list.length)];
  const args = { id: String(1 + random(40)), group: pick(['editors', 'a%2Fb']), user: pick(['u1', '%C3%BC', 'u3']), name: pick(['news', 'ads', 'a%2Fb']) };
  let route = op.route.replace(/\{(\w+)\}/g, (_, name) => args[name]);
  let query = pick(queries[op.id] ?? ['']);
  let [type, body] = pick(bodies[op.id] ?? [['', '']]);
  let isElsewhere = false; // it may be another operation by now
  const part = body ? random(8) : random(3) || 7; // 7: nothing is spoilt
  if (part === 0) {
    route = `/${address(spoilText(route.slice(1), random))}`;
    isElsewhere = true;
  } else if (part === 1) {
    query = address(spoilText(query, random));
  } else if (part === 2) {
    type = spoilText(type, random).toString().replaceAll('\0', '');
  } else if (part < 6 && type === JSON_TYPE) {
    body = spoilValue(body, random);
  } else if (part < 7) {
    body = spoilText(body, random);
  }
  const proof = op.schemes.includes('service') ? proofs.key : pick(proofs.tokens);
  const params = { REQUEST_METHOD: op.method, REQUEST_URI: `/doorbell${route}${query && `?${query}`}`, CONTENT_TYPE: type, HTTP_AUTHORIZATION: `Bearer ${proof}` };
  return { op, params, body, isElsewhere };
}

test('requests that are spoilt at random', async (t) => {
  const seed = Number(process.env.DOORBELL_RANDOM_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`DOORBELL_RANDOM_SEED=${seed}`);
  const random = makeRandom(seed);
  const stack = await startStack(t, { config: { 'app.user_rate': '0' } });
  const { pid } = stack.app;
  const proofs = { key: stack.sendKey, tokens: ['u1', 'ü', '3'].map((user) => stack.token(user)) };
  for (let i = 0; i < 30; i++) {
    const to = [['u1'], ['ü', '3'], undefined][i % 3];
    const audience = to ? { to } : { group: 'editors' };
    const json = { ...audience, title: 'Title', ack: i % 5 === 0, category: i % 2 ? 'news' : 'ads' };
    assert.equal((await stack.api('POST', '/messages', { service: true, json })).status, 201);
  }
  const counts = {};
  for (let i = 0; i < REQUESTS; i++) {
    const { op, params, body, isElsewhere } = makeRequest(random, proofs);
    const answer = await fastcgi({ path: stack.appSocket }, params, body);
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    try {
      assert.ok(STATUSES.includes(answer.status), `${answer.status} ${answer.text}`);
      if (answer.status >= 400) assert.deepEqual(Object.keys(answer.json.error).filter((name) => name !== 'index'), ['code', 'message']);
      if (!isElsewhere) checkAnswer(op, answer);
    } catch (error) {
      const { HTTP_AUTHORIZATION, ...shown } = params;
      error.message = `seed ${seed}, request ${i}, ${JSON.stringify(shown)} ${JSON.stringify(body.toString())}: ${error.message}`;
      throw error;
    }
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts[200] > REQUESTS / 20 && counts[422] > REQUESTS / 20, JSON.stringify(counts));
  assert.deepEqual((await stack.db.query('SELECT * FROM doorbell.recount()')).rows, []);
  assert.equal(stack.app.pid, pid);
});
