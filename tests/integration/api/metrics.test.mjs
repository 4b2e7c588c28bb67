// SPDX-License-Identifier: MIT
// GET /metrics, read as strictly as the text format demands.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack, until } from '../../harness/index.mjs';
import { parseMetrics } from '../../harness/metrics_text.mjs';

async function ask(stack) {
  const answer = await stack.api('GET', '/metrics', { service: true });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(answer.headers['cache-control'], 'no-store');
  return parseMetrics(answer.text);
}

// The one value with these labels; 0 if there is none.
function valueOf(families, name, labels = {}) {
  const family = families.get(`doorbell_app_${name}`) ?? assert.fail(name);
  const found = family.samples.filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  assert.ok(found.length <= 1, name);
  return found[0]?.value ?? 0;
}

const requests = (families, route, method, status) => valueOf(families, 'requests_total', { route, method, status });

test('the parser of this test refuses what is no metrics', () => {
  const head = '# HELP a_total x\n# TYPE a_total counter\n';
  parseMetrics(`${head}a_total{b="c"} 1\n`);
  for (const text of [
    `${head}a_total 1`, `${head}a_total 1.5\n`, `${head}a_total -1\n`, `${head}b 1\n`, `${head}a_total 1\na_total 2\n`, `${head}a_total{b="c} 1\n`,
    `${head}a_total{b=c} 1\n`, `${head}a_total  1\n`, `${head}\n`, `${head}a_total x\n`, `${head}a_total{b="1",b="2"} 1\n`, `${head}${head}`,
    '# HELP a x\n# TYPE a counter\na 1\n', '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h x\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n',
  ]) {
    assert.throws(() => parseMetrics(text), undefined, text);
  }
});

test('requests are counted by route, method and class of status', async (t) => {
  const stack = await startStack(t, { relay: false });
  const before = await ask(stack);
  assert.equal(valueOf(before, 'workers'), 4);
  for (let i = 0; i < 20; i++) await stack.api('GET', '/unread', { user: '42' });
  const { headers } = await stack.api('GET', '/unread', { user: '42' });
  await stack.api('GET', '/unread', { user: '42', headers: { 'if-none-match': headers.etag } });
  await stack.api('HEAD', '/unread', { user: '42' });
  await stack.api('GET', '/unread');
  await stack.api('GET', '/messages/12', { user: '42' });
  await stack.api('DELETE', '/messages/12', { user: '42' });
  await stack.api('POST', '/messages', { service: true, json: { to: '42', title: 'x' } });
  await stack.api('GET', '/nowhere');
  await stack.api('PATCH', '/unread');
  const after = await ask(stack);
  assert.equal(requests(after, '/unread', 'GET', '2xx'), 22);
  assert.equal(requests(after, '/unread', 'GET', '3xx'), 1);
  assert.equal(requests(after, '/unread', 'GET', '4xx'), 1);
  assert.equal(requests(after, '/messages/{id}', 'GET', '4xx'), 1);
  assert.equal(requests(after, '/messages/{id}', 'DELETE', '4xx'), 1);
  assert.equal(requests(after, '/messages', 'POST', '2xx'), 1);
  assert.equal(requests(after, 'none', 'any', '4xx'), 2);
  assert.equal(requests(after, '/metrics', 'GET', '2xx'), 1, 'the one before');
  assert.equal(valueOf(after, 'unavailable_total'), 0);
  const durations = after.get('doorbell_app_request_duration_seconds').samples;
  assert.equal(durations.find(({ name, labels }) => name.endsWith('_count') && labels.route === '/unread').value, 24);
  assert.ok(durations.find(({ name, labels }) => name.endsWith('_sum') && labels.route === '/unread').value > 0);
});

test('rings, the outbox and the relay that is down', async (t) => {
  const stack = await startStack(t, { relay: true });
  const send = () => stack.api('POST', '/messages', { service: true, json: { to: 'm', title: 'x' } });
  await send();
  await until('the ring that nobody hears to be counted', async () => valueOf(await ask(stack), 'rings_skipped_total') === 1);
  const bell = await stack.connect('m');
  await send();
  await bell.next('ring');
  const rung = await until('the ring to be counted', async () => {
    const families = await ask(stack);
    return valueOf(families, 'rings_published_total') >= 1 && valueOf(families, 'outbox_rows') === 0 && families;
  });
  assert.equal(valueOf(rung, 'publish_errors_total', { reason: 'unavailable' }), 0);
  assert.equal(valueOf(rung, 'publish_errors_total', { reason: 'refused' }), 0);
  assert.equal(valueOf(rung, 'outbox_age_seconds'), 0);
  assert.equal(valueOf(rung, 'overdue_messages'), 0);
  await stack.relay.stop();
  await send();
  await until('the failure to be counted', async () => {
    const families = await ask(stack);
    return valueOf(families, 'publish_errors_total', { reason: 'unavailable' }) > 0 && valueOf(families, 'outbox_rows') === 1;
  });
});

test('what waits is told with its age, and so are counters that are wrong', async (t) => {
  const stack = await startStack(t, { relay: false, config: { 'app.ring_max_age': '1d' } });
  await stack.api('POST', '/messages', { service: true, json: { to: 'm', title: 'x' } });
  const right = await ask(stack);
  assert.equal(valueOf(right, 'outbox_rows'), 1);
  assert.equal(valueOf(right, 'wrong_counters'), 0);
  await stack.db.query("UPDATE doorbell.outbox SET at = at - interval '1 hour'");
  await stack.db.query('UPDATE doorbell.unread_count SET unread = unread + 1');
  const wrong = await ask(stack);
  assert.ok(Math.abs(valueOf(wrong, 'outbox_age_seconds') - 3600) < 300);
  assert.equal(valueOf(wrong, 'wrong_counters'), 1);
});

test('a database that is down is said, and 503s are counted', async (t) => {
  const stack = await startStack(t, { relay: false, ownCluster: true });
  await stack.api('GET', '/unread', { user: 'm' });
  const up = await ask(stack);
  assert.equal(valueOf(up, 'database_up'), 1);
  assert.ok(valueOf(up, 'workers_connected') >= 1);
  await stack.cluster.stop();
  for (let i = 0; i < 3; i++) assert.equal((await stack.api('GET', '/unread', { user: 'm' })).status, 503);
  const down = await ask(stack);
  assert.equal(valueOf(down, 'database_up'), 0);
  assert.ok(!down.has('doorbell_app_outbox_rows'));
  assert.equal(valueOf(down, 'unavailable_total'), 3);
  assert.equal(requests(down, '/unread', 'GET', '5xx'), 3);
});
