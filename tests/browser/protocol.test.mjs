// SPDX-License-Identifier: MIT
// www/PROTOCOL.md against the real page, relay and app: each example is what is really said, field by field, and
// what is really said has its example.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { Bell, Events, top, until } from '../harness/index.mjs';
import { openBell, read, openProfile, send, setCookie, startDemo, untilState, untilUnread } from './pages.mjs';

const text = readFileSync(path.join(top, 'www/PROTOCOL.md'), 'utf8');

// The examples by their headings and ways: {'ping': {'relay page': {type: 'ping'}}}.
const examples = {};
for (const [, heading, part] of text.matchAll(/^### (.*)\n([^]*?)(?=^##|(?![^]))/gm)) {
  for (const [, kind, way, body] of part.matchAll(/^```(json|http) (\w+ \w+)\n([^]*?)^```$/gm)) {
    examples[heading] ??= {};
    examples[heading][way] = kind === 'json' ? JSON.parse(body) : Object.fromEntries([body.trim().split(': ')]);
  }
}

const held = new Set();
const WORDS = ['type', 'code', 'message', 'user', 'login', 'Doorbell-User']; // must be the same; of others it is the kind that counts

function kindOf(value, name) {
  if (Array.isArray(value)) return value.map((item) => kindOf(item, name));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, kindOf(inner, key)]));
  return WORDS.includes(name) ? value : value === null ? null : typeof value;
}

// A call of the app, with what it may leave out.
const completed = (said, { epoch, seq }) => ({ ...(epoch && { epoch }), ...(seq && { seq }), ...said });

// Holds what was said against the example.
function hold(heading, way, said) {
  const example = examples[heading]?.[way];
  assert.ok(example, `no example of ${heading}, ${way}`);
  const whole = way === 'app relay' ? completed(said, example) : said;
  assert.deepEqual(kindOf(whole), kindOf(example), `${heading}, ${way}`);
  held.add(`${heading}, ${way}`);
}

function framesOf(page) {
  const frames = { sent: [], received: [] };
  page.on('websocket', (socket) => {
    for (const [name, list] of Object.entries(frames)) socket.on(`frame${name}`, ({ payload }) => list.push(JSON.parse(payload)));
  });
  return frames;
}

test('there are examples of every part', () => {
  const ways = new Set(Object.values(examples).flatMap(Object.keys));
  assert.deepEqual([...ways].sort(), ['app page', 'app relay', 'page app', 'page page', 'page relay', 'relay app', 'relay page']);
});

test('what relay and page say on a WebSocket', async (t) => {
  const stack = await startDemo(t, { config: { 'relay.ping_interval': '1s' } });
  await stack.publish('POST', '/publish', { json: { rings: [], epoch: 'k3x9', seq: 1 } });
  const profile = await openProfile(t);
  const token = stack.token('bob');
  const frames = { sent: [], received: [] };
  await profile.routeWebSocket('**/ws', (socket) => {
    const server = socket.connectToServer();
    for (const [list, from, to] of [[frames.sent, socket, server], [frames.received, server, socket]]) {
      from.onMessage((data) => {
        list.push(JSON.parse(data));
        to.send(data);
      });
    }
  });
  const page = await openBell(t, profile, stack, { token, pingInterval: 1000 });
  await untilState(page, 'live');
  const untilFrame = (list, match) => until(`a frame with ${match}`, async () => list.find(match));

  // The page asks for no numbers; others may.
  hold('login', 'page relay', { ...(await untilFrame(frames.sent, ({ type }) => type === 'login')), online: true });
  hold('welcome', 'relay page', await untilFrame(frames.received, ({ type }) => type === 'welcome'));
  hold('pong', 'page relay', await untilFrame(frames.sent, ({ type }) => type === 'pong'));
  await send(stack, { to: 'bob', title: 'Hello' });
  hold('ring for one user', 'relay page', await untilFrame(frames.received, ({ version }) => version));
  await send(stack, { to: ['bob', 'carol'], title: 'To two' });
  hold('ring for many', 'relay page', await untilFrame(frames.received, ({ spread_ms: ms }) => ms !== undefined));
  await send(stack, { to: '*', title: 'To all', category: 'news' });
  hold('ring for one new message to all', 'relay page', await untilFrame(frames.received, ({ from }) => from !== undefined));
  hold('ping', 'relay page', await untilFrame(frames.received, ({ type, seq }) => type === 'ping' && seq !== undefined));
  await untilUnread(page, 3, 'Inbox');
});

test('what the relay says to any client', async (t) => {
  const stack = await startDemo(t, { config: { 'relay.legacy_publish': 'yes', 'relay.drain_window': '100ms' } });
  await stack.publish('POST', '/online', { json: examples['POST /online']['app relay'] });
  const bell = new Bell(`${stack.relayUrl}/ws`);
  t.after(() => bell.close());
  bell.socket.on('open', () => bell.send({ ...examples.login['page relay'], token: stack.token('bob') }));
  hold('welcome', 'relay page', await bell.next('welcome'));
  hold('online', 'relay page', await bell.next('online'));
  bell.send({ type: 'of a later version', more: [1] });
  hold('error', 'relay page', await bell.next('error'));

  const origin = stack.relayUrl.replace(/^ws/, 'http');
  const headers = { cookie: `doorbell_token=${stack.token('bob')}`, 'sec-fetch-site': 'same-origin' };
  const events = new Events(`${origin}/events`, { headers });
  t.after(() => events.close());
  hold('welcome', 'relay page', await events.next('welcome'));

  hold('POST /online', 'relay app', (await stack.publish('POST', '/online', { json: examples['POST /online']['app relay'] })).json);
  const published = await stack.publish('POST', '/publish', { json: examples['POST /publish']['app relay'] });
  assert.equal(published.status, 200, published.text);
  hold('POST /publish', 'relay app', published.json);
  for (const client of [bell, events]) {
    hold('ring for one user', 'relay page', await client.next(({ version }) => version));
    hold('ring for many', 'relay page', await client.next(({ spread_ms: ms }) => ms !== undefined));
    hold('ring for one new message to all', 'relay page', await client.next(({ from }) => from !== undefined));
  }
  await stack.publish('POST', '/?type=publish&to=&content=Hello');
  hold('ring', 'relay page', await bell.next((one) => one.type === 'ring' && one.seq === undefined));
  const bye = bell.next('bye');
  await stack.relay.stop();
  hold('bye', 'relay page', await bye);
});

test('what app and page say, and pages to each other', async (t) => {
  const stack = await startDemo(t);
  await send(stack, { to: 'bob', title: 'Hello' });
  const profile = await openProfile(t);
  const page = await openBell(t, profile, stack, { cookie: 'bob' });
  await untilUnread(page, 1, 'Inbox');
  await page.evaluate((name) => {
    window.heard = [];
    window.channel = new BroadcastChannel(name);
    window.channel.onmessage = ({ data }) => window.heard.push(data);
  }, `doorbell:${stack.url}/doorbell`);
  const heard = async (field) => {
    await page.waitForFunction((wanted) => window.heard.some((one) => wanted in one), field);
    return page.evaluate((wanted) => window.heard.find((one) => wanted in one), field);
  };
  for (const [heading, user] of [['GET /unread', 'bob'], ['GET /messages', 'bob']])
    hold(heading, 'app page', (await stack.api('GET', heading.slice(4), { user })).json);

  const marked = page.waitForResponse((response) => response.request().method() === 'POST');
  await read(page, 'Hello');
  hold('POST /messages/{id}/read', 'page app', { 'Doorbell-User': (await marked).request().headers()['doorbell-user'] });
  hold('POST /messages/{id}/read', 'app page', await (await marked).json());
  hold('answer', 'page page', await heard('answer'));
  const other = await openBell(t, profile, stack);
  await other.evaluate((name) => {
    window.heard = new Promise((hear) => {
      window.channel = new BroadcastChannel(name);
      window.channel.onmessage = ({ data }) => 'login' in data && hear(data);
    });
  }, `doorbell:${stack.url}/doorbell`);
  await page.reload();
  hold('login in another tab', 'page page', await other.evaluate(() => window.heard));

  await untilUnread(page, 0, 'Inbox');
  await setCookie(profile, stack, stack.token('alice'));
  const refused = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.evaluate(() => window.bell.markRead(1).catch(() => {}));
  hold('another_user', 'app page', await (await refused).json());

  const text = await stack.broadcastPath(await send(stack, { to: '*', title: 'To all' }));
  hold('GET /broadcasts/{id}', 'app page', (await stack.api('GET', text)).json);
});

test('what the tabs of a user say to each other', async (t) => {
  const stack = await startDemo(t);
  const profile = await openProfile(t);
  const leader = await openBell(t, profile, stack, { cookie: 'bob' });
  await untilState(leader, 'live');
  const listener = await openBell(t, profile, stack, { relay: null });
  await listener.evaluate((names) => {
    window.bell.stop();
    window.heard = [];
    for (const name of names) new BroadcastChannel(name).onmessage = ({ data }) => window.heard.push(data);
  }, [`doorbell:${stack.url}/doorbell`, `doorbell:${stack.url}/doorbell:bell`]);
  const heard = (field, isOther = () => true) => until(`a word with ${field}`, async () => {
    const words = await listener.evaluate(() => window.heard);
    return words.find((one) => field in one && isOther(one));
  });
  const follower = await openBell(t, profile, stack);
  await untilState(follower, 'live');
  await follower.locator('body').click(); // so that it sounds
  await leader.bringToFront();
  const id = await send(stack, { to: 'bob', title: 'Hello' });
  for (const page of [leader, follower]) await untilUnread(page, 1, 'Inbox');
  hold('follower', 'page page', await heard('follower'));
  hold('leader', 'page page', await heard('leader', ({ state }) => state.known && state.epoch && state.transport && !state.refused));
  const call = await heard('call');
  hold('call', 'page page', call);
  hold('sounded', 'page page', await heard('sounded'));
  // The ring would tell the leader before the follower could.
  stack.relay.signal('SIGSTOP');
  try {
    await follower.evaluate((of) => window.bell.markRead(of), id);
  } finally {
    stack.relay.signal('SIGCONT');
  }
  hold('answer to a tab that follows', 'page page', await heard('basis', ({ basis, answer }) => basis !== null && !('messages' in answer))); // none of a list
  // As a tab that tells, and has another one sound.
  const key = [call.call.epoch, 'bob', call.call.id].join('/');
  const { played, play } = await listener.evaluate(([name, of]) => new Promise((resolve) => {
    const channel = new BroadcastChannel(name);
    const word = { play: of.key, tab: of.tab };
    channel.onmessage = ({ data }) => data.played && resolve({ played: data, play: word });
    channel.postMessage(word);
  }), [`doorbell:${stack.url}/doorbell:bell`, { key, tab: call.tab }]);
  hold('played', 'page page', played);
  hold('play', 'page page', play);
});

test('the app publishes what the document says', async (t) => {
  const heard = {};
  const published = new Promise((resolve) => {
    heard['/publish'] = resolve;
  });
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      if (request.url === '/online') hold('POST /online', 'app relay', JSON.parse(body));
      else if (JSON.parse(body).rings.length > 0) heard[request.url](JSON.parse(body));
      response.end(JSON.stringify(examples[`POST ${request.url}`]['relay app']));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const stack = await startDemo(t, { relay: false, config: { 'app.relay_url': `http://127.0.0.1:${server.address().port}` } });
  await stack.api('GET', '/unread', { user: 'bob' }); // one whom the app does not know yet is rung without numbers
  await send(stack, { to: 'bob', title: 'Hello' });
  const [example] = examples['POST /publish']['app relay'].rings;
  for (const ring of (await published).rings) assert.deepEqual(kindOf(ring), kindOf(example));
  held.add('POST /publish, app relay');
});

test('every example has been held against what is said', () => {
  const all = Object.entries(examples).flatMap(([heading, ways]) => Object.keys(ways).map((way) => `${heading}, ${way}`));
  assert.deepEqual(all.filter((one) => !held.has(one)), []);
});
