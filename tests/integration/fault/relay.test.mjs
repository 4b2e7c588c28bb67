// SPDX-License-Identifier: MIT
// The relay goes and comes back: sending goes on, and rings come after.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test from 'node:test';

import { freePort } from '../../harness/port.mjs';
import { startStack } from '../../harness/stack.mjs';
import { until } from '../../harness/wait.mjs';

const outboxIsEmpty = (stack) => async () => {
  const { rows } = await stack.db.query('SELECT count(*)::integer AS depth FROM doorbell.outbox');
  return rows[0].depth === 0;
};

for (const server of ['nginx', 'apache']) {
  test(`a killed relay delays rings and loses no message, through ${server}`, async (t) => {
    const stack = await startStack(t, { server });
    const user = '42';
    const before = await stack.connect(user, { through: true });
    const send = (title) => stack.api('POST', '/messages', { service: true, json: { to: user, title, body: 'x' } });
    await send('one');
    await before.next('ring');

    await stack.relay.kill();
    await before.untilClosed();
    const meanwhile = await send('two');
    assert.equal(meanwhile.status, 201, 'sending does not need the relay');

    await stack.relay.start();
    const after = await stack.connect(user, { through: true });
    assert.equal((await stack.api('GET', '/unread', { user })).json.num, 2, 'found by the check on connecting');
    await until('the outbox to be delivered', outboxIsEmpty(stack));
    const from = after.frames.length;
    const last = await send('three');
    const ring = await after.next((frame) => frame.type === 'ring' && frame.id === last.json.id, { from });
    assert.equal(ring.num, 3);
  });
}

test('rings wait for a relay that starts late', async (t) => {
  const stack = await startStack(t, { server: 'nginx' });
  const user = '42';
  await stack.relay.kill();
  const { json } = await stack.api('POST', '/messages', { service: true, json: { to: user, title: 'Tea', body: 'x' } });
  const { rows } = await stack.db.query('SELECT count(*)::integer AS depth FROM doorbell.outbox');
  assert.equal(rows[0].depth, 1);
  await stack.relay.start();
  const bell = await stack.connect(user);
  await until('the outbox to be delivered', outboxIsEmpty(stack), { timeoutMs: 30_000 });
  // The ring came before the page was back, or comes now: the check finds the message either way.
  assert.equal((await stack.api('GET', '/unread', { user })).json.latest, json.id);
  bell.close();
});

// Between the app and the relay. `onAnswer(path, body)` may do something before an answer goes back.
async function startBetween(t, port, publishPort) {
  const between = { onAnswer: () => {}, rings: 0 };
  const server = http.createServer(async (req, res) => {
    const { method, headers, url } = req;
    const sent = [];
    req.on('data', (chunk) => sent.push(chunk));
    const ask = http.request({ port: publishPort, host: '127.0.0.1', method, path: url, headers });
    ask.on('error', () => res.destroy());
    ask.on('response', async (answer) => {
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      if (url === '/publish') between.rings += JSON.parse(Buffer.concat(sent)).rings.length;
      await between.onAnswer(url, body.toString());
      res.writeHead(answer.statusCode, answer.headers).end(body);
    });
    req.pipe(ask);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return between;
}

async function startWithBetween(t) {
  const [port, publishPort] = [await freePort(), await freePort()];
  const config = { 'app.relay_url': `http://127.0.0.1:${port}`, 'relay.publish_listen': `127.0.0.1:${publishPort}` };
  const between = await startBetween(t, port, publishPort);
  return { between, stack: await startStack(t, { server: 'nginx', config }) };
}

const sendTo = (stack, to) => stack.api('POST', '/messages', { service: true, json: { to, title: 'x' } });

test('a relay that is killed between the question and the rings loses none', async (t) => {
  const { between, stack } = await startWithBetween(t);
  const before = await stack.connect('42');
  between.onAnswer = async (url) => {
    if (url !== '/online') return;
    between.onAnswer = () => {};
    await stack.relay.kill();
  };
  await sendTo(stack, '42');
  await before.untilClosed();
  await stack.app.waitLog(/the relay is unreachable/);
  const { rows } = await stack.db.query('SELECT FROM doorbell.outbox');
  assert.equal(rows.length, 1, 'it waits');
  await stack.relay.start();
  const after = await stack.connect('42');
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).json.num, 1, 'found by the check on connecting');
  await until('the outbox to be delivered', outboxIsEmpty(stack));
  const { json } = await sendTo(stack, '42');
  assert.equal((await after.next((frame) => frame.type === 'ring' && frame.id === json.id)).num, 2);
});

test('a page that opens between the question and the rings finds the message when it asks', async (t) => {
  const { between, stack } = await startWithBetween(t);
  let opened;
  const answered = new Promise((resolve) => {
    between.onAnswer = async (url, body) => {
      if (url !== '/online') return;
      assert.deepEqual(JSON.parse(body), { users: [] });
      between.onAnswer = () => {};
      opened = await stack.connect('42');
      resolve(await stack.api('GET', '/unread', { user: '42' }));
    };
  });
  await sendTo(stack, '42');
  assert.equal((await answered).json.num, 1);
  await until('the outbox to be delivered', outboxIsEmpty(stack));
  assert.equal(between.rings, 0, 'nobody was rung');
  const { json } = await sendTo(stack, '42');
  assert.equal((await opened.next((frame) => frame.type === 'ring' && frame.id === json.id)).num, 2);
});
