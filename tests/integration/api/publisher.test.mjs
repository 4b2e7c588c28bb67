// SPDX-License-Identifier: MIT
// From the outbox to the relay, seen by a stand-in that can refuse, hang and go away.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';

import { compareAnswers, decideOnRing } from '../../../www/bell/core/rules.js';
import { startApp, startStack, until, writeSettings } from '../../harness/index.mjs';

// Takes publish calls, and questions of who is online; `status(rings)` decides the answer to both (a question has
// no rings), 0 hangs up. Everybody is online unless isOnline says otherwise.
class RelayStandIn {
  constructor() {
    this.calls = [];
    this.questions = [];
    this.connections = 0;
    this.status = () => 200;
    this.isOnline = () => true;
    this.page = null; // another server's answer to everything
  }

  async listen(where) {
    this.server = http.createServer((req, res) => this.take(req, res));
    this.server.on('connection', () => this.connections++);
    this.server.listen(where);
    await once(this.server, 'listening');
    return this;
  }

  async take(req, res) {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks));
    const call = { method: req.method, url: req.url, headers: req.headers, size: Buffer.concat(chunks).length, ...body };
    const isQuestion = req.url === '/online';
    (isQuestion ? this.questions : this.calls).push(call);
    const status = this.status(body.rings ?? []);
    const answer = isQuestion ? { users: body.users.filter((user) => this.isOnline(user)) } : { sessions: 0 };
    if (status === 0) req.socket.destroy();
    else if (this.page !== null) res.end(this.page);
    else res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  get tries() {
    return this.calls.length + this.questions.length;
  }

  get rings() {
    return this.calls.flatMap((call) => call.rings);
  }

  ringOf(user) {
    return until(`a ring for ${user}`, () => this.rings.findLast((ring) => ring.to?.includes(user)));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

async function start(t, config = {}) {
  const relay = await new RelayStandIn().listen({ port: 0, host: '127.0.0.1' });
  t.after(() => relay.close());
  const url = `http://127.0.0.1:${relay.server.address().port}`;
  const stack = await startStack(t, { server: 'nginx', relay: false, config: { 'app.relay_url': url, ...config } });
  return { relay, stack };
}

const send = (stack, json) => stack.api('POST', '/messages', { service: true, json: { title: 'x', ...json } });

// A page checks before it hears a bell. Users of whom nothing is known get a ring without numbers.
const check = async (stack, user) => (await stack.api('GET', '/unread', { user })).json;

const outboxIsEmpty = (stack) =>
  until('the outbox to be empty', async () => (await stack.db.query('SELECT FROM doorbell.outbox')).rows.length === 0);

test('a personal ring says what a check would answer, and never the text', async (t) => {
  const { relay, stack } = await start(t);
  await check(stack, '42');
  const { json: sent } = await send(stack, { to: '42', title: 'a secret title' });
  const ring = await relay.ringOf('42');
  const unread = await check(stack, '42');
  assert.deepEqual(ring.to, ['42']);
  assert.equal(ring.num, unread.num);
  assert.equal(ring.hit, unread.hit);
  assert.equal(ring.version, unread.version);
  assert.equal(ring.id, sent.id);
  const call = relay.calls.find(({ rings }) => rings.length > 0);
  assert.equal(call.method, 'POST');
  assert.equal(call.url, '/publish');
  assert.equal(call.report, false);
  assert.equal(call.headers.authorization, `Bearer ${stack.publishKey}`);
  assert.equal(call.headers['content-type'], 'application/json');
  assert.equal(call.headers.expect, undefined);
  assert.ok(!JSON.stringify(relay.rings).includes('secret title'));
  await outboxIsEmpty(stack);
});

test('a user who was never seen gets a ring without numbers', async (t) => {
  const { relay, stack } = await start(t);
  await send(stack, { to: 'unknown' });
  assert.deepEqual(Object.keys(await relay.ringOf('unknown')), ['to', 'epoch']);
});

test('lists, everybody and marks ring too, over one kept connection', async (t) => {
  const { relay, stack } = await start(t);
  await send(stack, { to: ['1', '2'] });
  await relay.ringOf('2');
  await send(stack, { to: '*' });
  await until('a ring for all', () => relay.rings.some((ring) => ring.all === true && ring.seq > 0));
  await stack.api('POST', '/messages/read', { user: '1', json: { all: true } });
  await until('a ring for the reader', () => relay.rings.some((ring) => ring.to?.[0] === '1' && ring.to.length === 1 && ring.num === 0));
  await outboxIsEmpty(stack);
  assert.equal(relay.connections, 1);
});

test('what another SQL client sends rings when that commits, and not before', async (t) => {
  const { relay, stack } = await start(t);
  await check(stack, 'sql');
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT doorbell.send(to_users => '{sql}', title => 'x')");
  await send(stack, { to: 'other' });
  await relay.ringOf('other');
  assert.equal(relay.rings.filter((ring) => ring.to?.includes('sql')).length, 0);
  await stack.db.query('COMMIT');
  const ring = await relay.ringOf('sql');
  assert.equal(ring.num, 1);
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT doorbell.send(to_users => '{undone}', title => 'x')");
  await stack.db.query('ROLLBACK');
  await send(stack, { to: 'last' });
  await relay.ringOf('last');
  assert.equal(relay.rings.filter((one) => one.to?.includes('undone')).length, 0);
});

test('a scheduled message is delivered and rings when it is due', async (t) => {
  const { relay, stack } = await start(t);
  const due = Math.floor(Date.now() / 1000) + 2;
  const answer = await send(stack, { to: 'later', send_at: due });
  assert.equal(answer.status, 201);
  const { num } = await check(stack, 'later');
  if (Date.now() < due * 1000) assert.equal(num, 0); // on a machine that is very busy it is too late to see
  assert.equal((await relay.ringOf('later')).num, 1);
});

test('an expired message is swept, and rings', async (t) => {
  const { relay, stack } = await start(t);
  await check(stack, 'soon');
  await send(stack, { to: 'soon', expires_in: 1 });
  await until('a ring without it', () => relay.rings.some((ring) => ring.to?.includes('soon') && ring.num === 0));
});

test('at the instant of expiry the check is right and no 304, swept or not, and the sweep changes no number', async (t) => {
  const { relay, stack } = await start(t);
  await check(stack, 'u');
  await send(stack, { to: 'u', expires_in: 2 });
  await send(stack, { to: '*', expires_in: 2 });
  await send(stack, { to: 'u' });
  const ask = (etag) => stack.api('GET', '/unread', { user: 'u', headers: { 'if-none-match': etag } });
  const before = await ask('"none"');
  assert.equal(before.json.num, 3);
  // Nobody sweeps that user, or a broadcast, meanwhile.
  await stack.db.query('BEGIN');
  await stack.db.query("SELECT FROM doorbell.feed WHERE id = 1 FOR NO KEY UPDATE");
  await stack.db.query("SELECT FROM doorbell.reader WHERE user_id = 'u' FOR NO KEY UPDATE");
  const expired = await until('both to expire', async () => {
    const answer = await ask(before.headers.etag);
    return answer.status === 200 && answer.json.num === 1 && answer;
  });
  assert.deepEqual([expired.json.version, expired.json.seq], [before.json.version, before.json.seq], 'not by an event');
  assert.equal((await stack.api('GET', '/messages', { user: 'u' })).json.messages.length, 1);
  await stack.db.query('COMMIT');
  await until('a ring of the sweep', () => relay.rings.some((ring) => ring.to?.includes('u') && ring.version > before.json.version && ring.num === 1));
  await until('a ring for all', () => relay.rings.some((ring) => ring.all && ring.seq > before.json.seq));
  assert.equal((await check(stack, 'u')).num, 1);
});

// A page as www/doorbell.js is one: its rules, over answers and rings as they really came.
class Page {
  constructor(stack, user) {
    Object.assign(this, { stack, user, known: null, asked: 0 });
  }

  async ask() {
    this.asked++;
    this.take(await check(this.stack, this.user));
  }

  take(answer) {
    if (compareAnswers(this.known, answer) === 'newer') this.known = answer;
  }

  async hear(ring) {
    const todo = decideOnRing(this.known, ring);
    if (todo === 'take') this.known = ring;
    else if (todo !== 'ignore') await this.ask();
  }
}

test('rings late, lost, doubled and reversed end at the right badge', async (t) => {
  const { relay, stack } = await start(t);
  const page = new Page(stack, 'u');
  await page.ask();
  await send(stack, { to: 'u' });
  await relay.ringOf('u');
  const early = relay.rings.at(-1);
  await send(stack, { to: '*' });
  await until('the ring for all', () => relay.rings.find((ring) => ring.all));
  await page.ask();
  assert.equal(page.known.num, 2);
  // Computed before the broadcast, heard after the answer that has it.
  await page.hear(early);
  assert.equal(page.known.num, 2);

  // Behind in one part, ahead in the other: it knows the broadcast and not yet the mark.
  const known = page.known;
  await stack.api('POST', '/messages/read', { user: 'u', json: { all: true } });
  const marked = await until('the ring of the mark', () => relay.rings.find((ring) => ring.to?.includes('u') && ring.version > known.version));
  page.known = { ...known, seq: marked.seq + 1 };
  page.asked = 0;
  await page.hear(marked);
  assert.equal(page.asked, 1, 'it asks');

  page.known = null;
  await page.ask();
  const first = relay.rings.length;
  for (let i = 0; i < 5; i++) {
    await send(stack, { to: 'u' });
    await send(stack, { to: '*' });
    await stack.api('POST', '/messages/read', { user: 'u', json: { oldest: 1 } });
  }
  await outboxIsEmpty(stack);
  const truth = await check(stack, 'u');
  assert.equal(truth.num, 5);
  const rings = relay.rings.slice(first);
  assert.ok(rings.length > 2);
  const shown = page.known;
  const last = rings.findLast((ring) => ring.all);
  for (const heard of [[...rings].reverse(), [...rings, ...rings], rings.filter((_, i) => i % 2), rings.slice(-1), [last, rings[0]]]) {
    page.known = shown;
    for (const ring of heard) await page.hear(ring);
    assert.equal(page.known.num, truth.num, JSON.stringify(heard));
  }
});

for (const [what, status] of [['hangs up', 0], ['answers 500', 500], ['answers 401', 401], ['answers 503', 503]]) {
  test(`a relay that ${what} gets the rings later, and nobody waits for it`, async (t) => {
    const { relay, stack } = await start(t);
    relay.status = () => status;
    assert.equal((await send(stack, { to: 'patient' })).status, 201);
    await until('three tries', () => relay.tries >= 3);
    assert.equal((await check(stack, 'patient')).num, 1);
    relay.status = () => 200;
    await outboxIsEmpty(stack);
    assert.ok(relay.tries < 40);
    await stack.app.waitLog(/takes rings again/);
  });
}

test('a relay that was down gets what is still fresh', async (t) => {
  const { relay, stack } = await start(t);
  const { port } = relay.server.address();
  relay.close();
  await send(stack, { to: 'away' });
  await stack.app.waitLog(/the relay is unreachable/);
  const back = await new RelayStandIn().listen({ port, host: '127.0.0.1' });
  t.after(() => back.close());
  await back.ringOf('away');
  await outboxIsEmpty(stack);
});

const isQuestionToAll = (ring) => ring.all === true && ring.seq === undefined;

test('rings older than ring_max_age become one question to all', async (t) => {
  const { relay, stack } = await start(t, { 'app.ring_max_age': '1s' });
  relay.status = () => 503;
  for (const user of ['old1', 'old2', 'old3']) await send(stack, { to: user });
  await until('one row without a number', async () => {
    const { rows } = await stack.db.query('SELECT seq FROM doorbell.outbox');
    return rows.length === 1 && rows[0].seq === null;
  });
  relay.calls.length = 0;
  relay.status = () => 200;
  await outboxIsEmpty(stack);
  assert.equal(relay.rings.filter(isQuestionToAll).length, 1);
  await send(stack, { to: 'fresh' });
  await relay.ringOf('fresh');
});

for (const status of [400, 413]) {
  test(`whatever answers ${status} for a while, every page is told in the end`, async (t) => {
    const { relay, stack } = await start(t);
    relay.status = () => status;
    await send(stack, { to: 'unlucky' });
    await send(stack, { to: '*' });
    await until('the question to be refused too', () => relay.rings.filter(isQuestionToAll).length >= 2);
    relay.calls.length = 0;
    relay.status = () => 200;
    await outboxIsEmpty(stack);
    assert.ok(relay.rings.some(isQuestionToAll));
  });
}

test('the relay is told epoch and number, also when nothing happens', async (t) => {
  const { relay, stack } = await start(t);
  await until('a pulse', () => relay.calls.some(({ rings, epoch }) => rings.length === 0 && epoch));
  const { epoch } = (await stack.db.query('SELECT epoch::text FROM doorbell.current_epoch')).rows[0];
  await send(stack, { to: 'u' });
  assert.equal((await relay.ringOf('u')).epoch, epoch);
  assert.ok(relay.calls.every((call) => call.epoch === undefined || call.epoch === epoch));
  await stack.db.query('SELECT doorbell.new_epoch()');
  await until('a question to all in the new epoch', () => relay.rings.some((ring) => isQuestionToAll(ring) && ring.epoch !== epoch));
});

test('a backlog does not delay what is fresh', async (t) => {
  const { relay, stack } = await start(t);
  relay.status = () => 503;
  await stack.db.query(`INSERT INTO doorbell.outbox (user_ids, seq) SELECT ARRAY['backlog-' || n], 1 FROM generate_series(1, 20000) n`);
  await send(stack, { to: 'fresh' });
  relay.calls.length = 0;
  relay.status = () => 200;
  await relay.ringOf('fresh');
  const before = relay.rings.findIndex((ring) => ring.to?.includes('fresh'));
  assert.ok(before < 1000, `after ${before} others`);
  await outboxIsEmpty(stack);
});

test('a ring that is refused is refused alone', async (t) => {
  const { relay, stack } = await start(t);
  relay.status = (rings) => (rings.some((ring) => ring.to?.includes('bad')) ? 400 : 200);
  await stack.db.query('BEGIN');
  for (const user of ['good1', 'bad', 'good2']) await stack.db.query('SELECT doorbell.send(to_users => ARRAY[$1], title => $2)', [user, 'x']);
  await stack.db.query('COMMIT');
  await outboxIsEmpty(stack);
  const alone = relay.calls.filter((call) => call.rings.length === 1 && call.rings[0].to).map((call) => call.rings[0].to[0]);
  assert.deepEqual(alone.sort(), ['bad', 'good1', 'good2']);
  assert.equal(relay.rings.filter(isQuestionToAll).length, 1);
});

test('no body is larger than the relay takes', async (t) => {
  const { relay, stack } = await start(t, { 'relay.max_publish_body': '1024' });
  const to = Array.from({ length: 100 }, (_, i) => `some-user-${i}`);
  await stack.db.query('BEGIN');
  for (const user of to) await stack.db.query('SELECT doorbell.send(to_users => ARRAY[$1], title => $2)', [user, 'x']);
  await stack.db.query('COMMIT');
  await outboxIsEmpty(stack);
  assert.deepEqual(new Set(relay.rings.flatMap((ring) => ring.to)), new Set(to));
  assert.ok(relay.questions.length > 1);
  for (const call of [...relay.calls, ...relay.questions]) assert.ok(call.size <= 1024, `${call.size} bytes`);
  // One ring of so many users fits in no body: everybody is asked to look.
  relay.calls.length = 0;
  await send(stack, { to: Array.from({ length: 900 }, (_, i) => `many-${i}`) });
  await until('a ring for all', () => relay.rings.some((ring) => ring.all === true));
  await outboxIsEmpty(stack);
});

// What the app's metrics say, once `name` has the value.
async function untilMetric(stack, name, value) {
  await until(`${name} to be ${value}`, async () => {
    const { text } = await stack.api('GET', '/metrics', { service: true });
    return new RegExp(`^doorbell_app_${name} ${value}$`, 'm').test(text);
  });
}

test('nothing is computed for users who are offline, and their rows are done', async (t) => {
  const { relay, stack } = await start(t);
  relay.isOnline = (user) => user === 'here';
  await check(stack, 'here');
  await check(stack, 'away');
  await send(stack, { to: 'away' });
  await outboxIsEmpty(stack);
  assert.deepEqual(relay.questions.at(-1).users, ['away']);
  assert.equal(relay.questions.at(-1).headers.authorization, `Bearer ${stack.publishKey}`);
  assert.deepEqual(relay.rings, [], 'no ring');
  await untilMetric(stack, 'rings_skipped_total', 1);

  await stack.db.query('BEGIN');
  for (const user of ['away', 'here', 'far']) await stack.db.query('SELECT doorbell.send(to_users => ARRAY[$1], title => $2)', [user, 'x']);
  await stack.db.query('COMMIT');
  const ring = await relay.ringOf('here');
  const { num, hit, latest, version, seq, scope, epoch } = await check(stack, 'here');
  assert.deepEqual(ring, { to: ['here'], version, seq, num, hit, id: latest, scope, epoch });
  await outboxIsEmpty(stack);
  assert.deepEqual(relay.rings.flatMap((one) => one.to), ['here']);
  await untilMetric(stack, 'rings_skipped_total', 3);
});

test('lists and broadcasts are rung without a question', async (t) => {
  const { relay, stack } = await start(t);
  relay.isOnline = () => false;
  await send(stack, { to: ['1', '2'] });
  await relay.ringOf('2');
  await send(stack, { to: '*' });
  await until('a ring for all', () => relay.rings.some((ring) => ring.all));
  assert.deepEqual(relay.questions, []);
  await outboxIsEmpty(stack);
});

test('10,000 users in one row are one ring', async (t) => {
  const { relay, stack } = await start(t);
  const to = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
  await stack.db.query("INSERT INTO doorbell.outbox (user_ids, seq) VALUES ($1, nextval('doorbell.seq'))", [to]);
  await relay.ringOf('user-9999');
  await outboxIsEmpty(stack);
  assert.deepEqual(relay.rings.map((ring) => ring.to), [to]);
  assert.deepEqual(relay.questions, []);
});

test('10,000 rows of users who are offline are done without a ring', async (t) => {
  const { relay, stack } = await start(t);
  relay.isOnline = (user) => user === 'user-7777';
  await stack.db.query("INSERT INTO doorbell.outbox (user_ids, seq) SELECT ARRAY['user-' || n], nextval('doorbell.seq') FROM generate_series(0, 9999) n");
  await outboxIsEmpty(stack);
  assert.deepEqual(relay.rings.map((ring) => ring.to), [['user-7777']]);
  assert.equal(new Set(relay.questions.flatMap(({ users }) => users)).size, 10_000);
});

for (const [what, status] of [['does not know the question', 405], ['refuses the question', 400]]) {
  test(`a relay that ${what} gets every ring`, async (t) => {
    const { relay, stack } = await start(t);
    relay.status = (rings) => (rings.length > 0 ? 200 : status);
    await send(stack, { to: 'somebody' });
    await relay.ringOf('somebody');
    await outboxIsEmpty(stack);
  });
}

test('a relay that answers the question and then is gone gets the ring later', async (t) => {
  const { relay, stack } = await start(t);
  relay.status = (rings) => (rings.length > 0 ? 0 : 200);
  await send(stack, { to: 'patient' });
  await until('three tries', () => relay.calls.length >= 3);
  assert.ok(relay.calls.length < 30, 'the question does not end the back-off');
  relay.calls.length = 0;
  relay.status = () => 200;
  await relay.ringOf('patient');
  await outboxIsEmpty(stack);
});

test('the relay behind a unix socket', async (t) => {
  const stack = await startStack(t, { server: 'nginx', relay: false, app: false });
  const socket = path.join(stack.dir, 'publish.sock');
  const relay = await new RelayStandIn().listen({ path: socket });
  t.after(() => {
    relay.close();
    rmSync(socket, { force: true });
  });
  writeSettings(stack.confPath, { ...stack.settings, 'app.relay_url': `unix:${socket}` });
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
  await send(stack, { to: 'unix' });
  await relay.ringOf('unix');
});

test('SIGTERM brings out what is left', async (t) => {
  const { relay, stack } = await start(t);
  await send(stack, { to: 'first' });
  await relay.ringOf('first');
  await stack.db.query("SELECT doorbell.send(to_users => '{left}', title => 'x')");
  assert.equal((await stack.app.kill('SIGTERM')).code, 0);
  assert.ok(relay.rings.some((ring) => ring.to?.includes('left')));
});

test('a reload brings a new publish key', async (t) => {
  const { relay, stack } = await start(t);
  const key = 'p'.repeat(43);
  writeFileSync(path.join(stack.dir, 'publish.key'), `${key}\n`);
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/reloaded/);
  await until('a call with the new key', async () => {
    await send(stack, { to: 'rotated' });
    return relay.calls.at(-1)?.headers.authorization === `Bearer ${key}`;
  });
});

test('what says 200 and is no relay takes no rings: they wait for one', async (t) => {
  const { relay, stack } = await start(t);
  await check(stack, 'u');
  relay.page = '<!doctype html>';
  await send(stack, { to: 'u' });
  await stack.app.waitLog(/what listens at relay_url is no doorbell-relay/);
  await until('more tries', () => relay.tries >= 3);
  relay.page = null;
  assert.equal((await relay.ringOf('u')).num, 1);
  await outboxIsEmpty(stack);
});
