// SPDX-License-Identifier: MIT
// FastCGI records that no web server sends. libfcgi believes the lengths it is told, so none of
// these may reach it, wherever in a request they come: in its first bytes or after a long body.

import assert from 'node:assert/strict';
import test from 'node:test';

import {
  ABORT_REQUEST, encodeBegin, encodeLength, encodeParams, encodeRequest, fastcgi, FastcgiClient, GET_VALUES, PARAMS, record, STDIN, stream,
} from '../../harness/fastcgi_client.mjs';
import { startStack, within } from '../../harness/index.mjs';

const cleanUps = [];
let stack;

test.before(async () => {
  stack = await startStack({ after: (step) => cleanUps.push(step) }, { server: null, relay: false });
});
test.after(async () => {
  for (const step of cleanUps) await step();
});

const pair = (nameLen, valueLen, bytes = '') => Buffer.concat([encodeLength(nameLen), encodeLength(valueLen), Buffer.from(bytes)]);
const health = { REQUEST_METHOD: 'GET', REQUEST_URI: '/doorbell/health' };
const padding = encodeParams(Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`HTTP_X_${i}`, 'x'.repeat(1000)])));
const longBody = Buffer.alloc(40_000, ' ');
const sending = {
  REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', CONTENT_TYPE: 'application/json', CONTENT_LENGTH: 2 * longBody.length,
};
const inParams = (...contents) => Buffer.concat([encodeBegin(), ...contents.map((content) => record(PARAMS, content)), record(PARAMS), record(STDIN)]);
const inBody = (bytes) => Buffer.concat([
  encodeBegin(), stream(PARAMS, encodeParams({ ...sending, HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` })), record(STDIN, longBody), bytes,
  stream(STDIN, longBody),
]);
const lyingPairs = {
  'a name of 2 GiB': pair(0x7ffffffe, 1, 'x'),
  'a name and a value of 1 GiB': pair(0x40000000, 0x40000000, 'x'),
  'a value of 2 GiB': pair(1, 0x7ffffffe, 'x'),
  'a name and a value of 2 GiB': pair(0x7fffffff, 0x7fffffff, 'x'),
  'a value of 64 KiB and a byte': pair(1, 65537, 'x'),
};
const tooBig = {
  '257 parameters': () => inParams(Buffer.concat(Array.from({ length: 257 }, () => pair(1, 1, 'ab')))),
  'parameters of 64 KiB and a byte': () => inParams(...Array.from({ length: 2 }, () => pair(1, 32762, `a${'b'.repeat(32762)}`)), pair(0, 0)),
};
for (const [what, bytes] of Object.entries(lyingPairs)) {
  tooBig[what] = () => inParams(bytes);
  tooBig[`${what}, byte by byte`] = () => inParams(...Array.from(bytes, (byte) => Buffer.from([byte])));
  tooBig[`${what}, after 25 KB`] = () => inParams(padding, bytes);
}
const malformed = {
  'a pair without an end': () => inParams(pair(1, 5, 'abc')),
  'half a length': () => inParams(Buffer.from([0x80, 0])),
  'a NUL in a value': () => inParams(encodeParams({ ...health, HTTP_COOKIE: 'a\0b' })),
  'a NUL in a name': () => inParams(encodeParams({ ...health, 'REMOTE_USER\0': 'b' })),
  'a = in a name': () => inParams(encodeParams({ ...health, 'REMOTE_USER=victim': 'b' })),
  'another role': () => Buffer.concat([encodeBegin({ role: 2 }), stream(PARAMS, encodeParams(health)), record(STDIN)]),
  'a body before the parameters': () => Buffer.concat([encodeBegin(), record(STDIN), stream(PARAMS, encodeParams(health))]),
};
const inTheMiddle = {
  'a second beginning': encodeBegin(),
  'the beginning of another request': encodeBegin({ id: 2 }),
  'more parameters': stream(PARAMS, encodeParams(health)),
  'an abort': record(ABORT_REQUEST),
  'a management record': record(GET_VALUES, encodeParams({ FCGI_MAX_CONNS: '' }), 0),
  'a management record that lies': record(GET_VALUES, lyingPairs['a name of 2 GiB'], 0),
  'a management record with 10 times the same': record(GET_VALUES, Buffer.concat(Array.from({ length: 10 }, () => encodeParams({ FCGI_MAX_CONNS: '' }))), 0),
  'an unknown type': record(11, Buffer.alloc(8)),
  'a body of another request': record(STDIN, longBody, 2),
  'another version': Buffer.from([2, STDIN, 0, 1, 0, 0, 0, 0]),
};

const refusals = () => stack.app.log.split('\n').filter((line) => /refused/.test(line)).length;

// One answer, or none, then the end of the connection, and one line of the log.
async function sendBadRecords(bytes) {
  const logged = refusals();
  const client = await FastcgiClient.connect({ path: stack.appSocket });
  try {
    client.send(bytes);
    await within(client.ended, 'the connection to be closed');
    assert.equal((await fastcgi({ path: stack.appSocket }, health)).status, 200);
    assert.equal(refusals(), logged + 1, 'lines of the log');
    return client.answers;
  } finally {
    client.close();
  }
}

function assertMalformed(answers) {
  assert.equal(answers.length, 1);
  assert.equal(answers[0].status, 400);
  assert.equal(answers[0].json.error.code, 'malformed');
}

for (const [what, bytes] of Object.entries(tooBig)) {
  test(`${what} is answered 400`, async () => {
    assertMalformed(await sendBadRecords(bytes()));
  });
}

test('the refusal goes to the request that was made', async () => {
  const client = await FastcgiClient.connect({ path: stack.appSocket });
  client.send(Buffer.concat([encodeBegin({ id: 513 }), record(PARAMS, pair(0x7ffffffe, 1, 'x'), 513)]));
  assert.equal((await client.answer()).status, 400);
  assert.equal(client.lastId, 513);
  client.close();
});

test('the refusal reaches a peer that is still sending', async () => {
  for (let i = 0; i < 200; i++) {
    const client = await FastcgiClient.connect({ path: stack.appSocket });
    client.send(inBody(inTheMiddle['more parameters']));
    await within(client.ended, 'the connection to be closed');
    assertMalformed(client.answers);
    client.close();
  }
});

for (const [what, bytes] of Object.entries(malformed)) {
  test(`${what} ends the connection`, async () => {
    assert.deepEqual(await sendBadRecords(bytes()), []);
  });
}

for (const [what, bytes] of Object.entries(inTheMiddle)) {
  test(`${what} in the middle of a body is answered 400`, async () => {
    assertMalformed(await sendBadRecords(inBody(bytes)));
  });
}

test('256 parameters of nearly 64 KiB, in records of any size, are taken', async () => {
  const own = encodeParams(health);
  const count = 256 - Object.keys(health).length;
  const size = Math.floor((65536 - own.length) / count) - 5 - 10;
  const params = Buffer.concat([own, ...Array.from({ length: count }, (_, i) => encodeParams({ [`HTTP_X_${String(i).padStart(3, '0')}`]: 'x'.repeat(size) }))]);
  for (const cut of [1000, 8192, 65535]) {
    const records = [];
    for (let at = 0; at < params.length; at += cut) records.push(record(PARAMS, params.subarray(at, at + cut)));
    const client = await FastcgiClient.connect({ path: stack.appSocket });
    client.send(Buffer.concat([encodeBegin(), ...records, record(PARAMS), record(STDIN)]));
    assert.equal((await client.answer()).status, 200);
    assert.equal((await client.request(health)).status, 200, 'the connection is kept');
    client.close();
  }
});

test('a request that is sent before the last one was answered ends the connection, not the answer', async () => {
  const client = await FastcgiClient.connect({ path: stack.appSocket });
  client.send(Buffer.concat([encodeRequest(health), encodeRequest(health)]));
  assert.equal((await client.answer()).status, 200);
  await within(client.ended, 'the connection to be closed');
  client.close();
});

test('after all that nothing is stored', async () => {
  const { rows } = await stack.db.query('SELECT count(*)::integer AS n FROM doorbell.message');
  assert.equal(rows[0].n, 0);
});
