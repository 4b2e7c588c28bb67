// SPDX-License-Identifier: MIT
// The relay beside socket.io's own server: both get the same random requests and frames of clients of
// both revisions, and what comes back is the same, but for the rows of `differences`.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OPEN } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';
import { LEGACY, publish, startScene } from './raw.mjs';
import { startReference } from './reference.mjs';
import { Twin } from './twins.mjs';

const SECONDS = Number(process.env.DOORBELL_DIFFERENTIAL_SECONDS ?? 25);
const GRACE_MS = 5000;
const PAYLOAD_MAX = 20_000;

const BAD_REQUEST = '400 {"code":3,"message":"Bad request"}';

// Levels: a snapshot without a difference.
const ofRequests = (change) => (one) => ({ ...one, requests: one.requests.map(change) });
const ofSocks = (change) => (one) => ({ ...one, socks: one.socks.map(change) });
const allClosed = ofSocks((one) => ({ ...one, state: one.state === 'open' ? 'closed' : one.state }));
const unclosed = (one) => ({ ...one, heard: one.heard.filter((packet) => packet !== '1') });

// What differs by right: where `of` is true of the step, `level` takes the difference out of both
// snapshots. Nothing more is asked of a session then; `ends`: it has ended on both sides.
const differences = [
  {
    what: 'a POST that breaks the protocol is 400',
    why: 'the reference says ok, and ends the session by its next poll; here the client learns of it at once',
    level: (one) => allClosed(ofRequests((text) => (text === `post ${BAD_REQUEST}` ? 'post ok' : text))(one)),
    ends: true,
  },
  {
    what: 'what comes in the same turn after such a POST finds no session',
    why: 'it ended with that POST',
    of: ({ act }) => act === 'both',
    level: (one) => unclosed(allClosed(ofRequests((text) => (/^(post|poll) 400 .*(Bad request|unknown)/.test(text) ? text.replace(/ .*/, ' ok') : text))({ ...one, heard: [] }))),
    ends: true,
  },
  {
    what: 'an overlapping poll is told why it is refused',
    why: 'the reference says 400 and nothing else',
    level: ofRequests((text) => text.replace(/^(poll|odd) 400 .*Bad request.*/, '$1 400 ')),
    ends: true,
  },
  {
    what: 'a long POST to no session, or to one by WebSocket, is 413',
    why: 'its length is judged before its session is looked for',
    level: ofRequests((text) => text.replace(/^post 4.*/, 'post 4')),
  },
  {
    what: 'a second WebSocket to a session that began by WebSocket is closed',
    why: 'there is nothing to upgrade; the reference lets it replace the first one',
    of: ({ act }) => act === 'ws',
    level: ofSocks((one, i) => (i > 0 && one.frames.length === 0 && one.state === 'open' ? { ...one, state: 'closed' } : one)),
  },
  {
    what: 'transport=websocket without an upgrade is refused',
    why: 'the reference never answers it',
    of: ({ transport }) => transport === 'websocket',
    level: ofRequests((text) => (text === `odd ${BAD_REQUEST}` ? 'odd pending' : text)),
  },
  {
    what: 'a method that polling does not know is 400',
    why: 'the reference takes the fault on itself, by a 500',
    of: ({ method }) => method === 'PUT' || method === 'DELETE',
    level: ofRequests((text) => (text === 'odd 500 ' ? `odd ${BAD_REQUEST}` : text)),
  },
  {
    what: 'a poll that waits at the upgrade ends by a noop',
    why: 'the session goes on; the reference sends a close packet',
    of: ({ frames }) => frames?.includes('5'),
    level: unclosed,
  },
];

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// The rows that say why these two differ.
function explain(step, ref, own) {
  const rows = differences.filter(({ of = () => true }) => of(step));
  const pairs = [...rows.map((row) => [row]), ...rows.flatMap((a) => rows.filter((b) => b !== a).map((b) => [a, b]))];
  return pairs.find((some) => isSame(...[ref, own].map((one) => some.reduce((snapshot, row) => row.level(snapshot), one)))) ?? null;
}

// Left out of the traffic, because it shows only later:
// - revision 3: a second CONNECT, a packet for another namespace, a CONNECT_ERROR. They are passed
//   over, as by the servers of 1.x and 2.x, whose clients these are; the reference closes them.
// - an event of the binary kind is acted on before its attachments, which nothing here reads; so one that comes before CONNECT
//   ends the session, where the reference waits for the rest.
// - a page that has left may come back in the reference, on the same session; here it has ended.
// - revision 3: base64 of a packet of an unknown type, which the reference passes over.
// - lengths like 1.0 or 01 in payloads, which the reference takes, since JavaScript does.
// - two polls at once while a WebSocket probes: the reference lets the first wait a little, and refuses the second.
// - revision 4: what follows a CONNECT in one POST is heard; the reference is not ready for it.
// - an answer and then a fault in one POST: what waits when a client breaks the protocol is dropped.
const isOutOfPlace = ({ eio, heard }, packet) => {
  const isConnected = heard.some((one) => one.startsWith('40'));
  return eio === 3 ? /^(4(0|4|[1-6].*\/x)|b[A-Z])/.test(packet) : !isConnected && /^4[56]/.test(packet);
};

const GOOD = ['42["x"]', '42["x",{"a":[1]}]', '420["login"]', '421["login","x"]', '422["login",7]', '42["login","x"]', '43[1]', '430[]', '42["a","你好 😀"]', '420["x"]'];
const ODD = ['2', '3', '2probe', '3probe', '5', '6', '4', '40', '40{}', '40{"token":"x"}', '40/x,', '40/x', '41/x,', '42/x,["y"]', '44{}', '44"x"', '451-["x",{"_placeholder":true,"num":0}]', 'bAQID', 'b4AQID', '461-[{"_placeholder":true,"num":0}]', '450-["x"]', '4511-["x"]', '42["disconnect"]', '42["connect"]', '42{}', '42[]', '42[null]', '42', '42["x"', '43', '43{}', '47', '49["x"]', '7', '9', 'junk', '0', '0{}', '1', '4x', '42[1]', '4212345["login"]', '42["newListener"]', '41[]', '40[]', '40"x"', '40/,', '42/,["x"]', '421e3["x"]'];
const BODIES = ['', ':', '1:', '0:', '1:2', '3:40', '5:42', '-1:4', '\x1e', '40\x1e', '\x1e40', '2:4', 'x'.repeat(100)];

const LINES = ['a', 'b', 'c', 'd', 'e', 'f'];

function randomStep(random, twin) {
  const pick = (list) => list[random(list.length)];
  const odds = ODD.filter((one) => !isOutOfPlace(twin, one));
  const packet = () => (random(3) ? pick(GOOD) : pick(odds));
  const packets = () => {
    const first = packet();
    return first.startsWith('40') ? [first] : [first, ...Array.from({ length: random(3) }, () => pick(GOOD))];
  };
  const isPolling = twin.requests.some(({ what, state }) => what === 'poll' && state === 'pending');
  const free = LINES.filter((name) => twin.isFree(name));
  const line = () => free.splice(random(free.length), 1)[0];
  const poll = () => ({ act: 'poll', line: line(), isLoop: random(3) > 0 });
  const post = () => ({ act: 'post', line: line(), packets: packets() });
  const good = () => ({ act: 'post', line: line(), packets: [pick(GOOD)] });
  const sock = () => random(twin.socks.length);
  const say = () => twin.socks.length && { act: 'say', sock: sock(), frames: pick([['2probe'], ['2probe'], ['5'], ['5'], ['2probe', '5'], [packet()], [packet()], [packet()], ['x'.repeat(random(2 * PAYLOAD_MAX))], [Buffer.from([4, 1, 2])]]) };
  const odd = () => ({
    act: 'odd',
    line: line(),
    ...pick([
      { eio: 3 }, { eio: 4 }, { eio: '' }, { eio: 5 }, { transport: 'websocket' }, { transport: 'x' }, { transport: '' }, { sid: 'wrong' }, { sid: 'wrong', method: 'POST', body: '2' },
      { method: 'PUT', body: '' }, { method: 'DELETE' }, { sid: '', method: 'POST', body: '' }, { sid: '', transport: 'websocket' },
    ]),
  });
  return pick([
    poll, poll, poll, post, post, post, post, say, say, say,
    () => ({ act: 'ws' }),
    () => ({ act: 'ws', ...pick([{}, {}, { sid: 'wrong' }, { eio: 3 }, { eio: 4 }, { sid: 'none' }]) }),
    () => ({ act: 'tell', text: `t${random(1000)}` }),
    () => ({ act: 'tell', text: `t${random(1000)}` }),
    () => ({ act: 'raw', line: line(), body: pick(BODIES), ...pick([{}, {}, { type: 'application/octet-stream' }]) }),
    () => ({ act: 'raw', line: line(), body: `42["x","${'x'.repeat(PAYLOAD_MAX / 2 + random(PAYLOAD_MAX))}"]` }),
    odd,
    () => ({ act: 'both', steps: isPolling ? [post(), good()] : [pick([poll, post])(), pick(twin.socks.length > 0 ? [good] : [poll, good])()] }),
    () => !isPolling && ({ act: 'both', steps: pick([[{ act: 'post', line: line(), packets: ['1'] }, poll()], [poll(), { act: 'post', line: line(), packets: ['1'] }]]) }),
    () => ({ act: 'both', steps: pick([[['41', '1']], [['41'], ['1']]]).map((packets) => ({ act: 'post', line: line(), packets })) }),
    () => ({ act: 'hangup', line: pick(LINES) }),
    () => twin.socks.length && { act: 'part', sock: sock(), ...pick([{}, { code: 1000 }, { code: 4000 }]) },
    () => twin.socks.length && { act: 'cut', sock: sock() },
  ])();
}

const isPrefix = (a, b) => a.length < b.length && a.every((one, i) => one === b[i]);

class Pair {
  constructor(t, servers, options) {
    this.twins = servers.map((server) => new Twin(t, server, options));
    this.servers = servers;
    this.steps = [];
  }

  // Both hear all, and are compared. Answers the rows of the table that know the difference, if any.
  async settle(step) {
    const deadline = Date.now() + GRACE_MS;
    let last = '';
    for (;;) {
      for (let i = 0; i < 2; i++) await Promise.all(this.servers.map((one) => one.turn()));
      const [ref, own] = this.twins.map((one) => one.snapshot());
      const now = JSON.stringify([ref, own]);
      if (isSame(ref, own)) return null;
      const rows = now === last && explain(step, ref, own);
      if (rows) return rows;
      if (Date.now() > deadline) throw new Difference(this.steps, ref, own);
      last = now;
      if (isPrefix(ref.heard, own.heard) || ref.pongs < own.pongs) this.twins[0].catchUp();
      if (isPrefix(own.heard, ref.heard) || own.pongs < ref.pongs) this.twins[1].catchUp();
    }
  }

  async act(step) {
    this.steps.push(step);
    for (const one of this.twins) one.act(step);
    return this.settle(step);
  }

  end() {
    for (const one of this.twins) one.end();
  }
}

class Difference extends Error {
  constructor(steps, ref, own) {
    const tell = (name, one) => `${name}: ${JSON.stringify(one)}`;
    super(['the servers differ', ...steps.map((one) => `  ${JSON.stringify(one).slice(0, 300)}`), tell('reference', ref), tell('relay', own)].join('\n'));
  }
}

const BEGINNINGS = [
  [{ act: 'shake' }],
  [{ act: 'shake' }, { act: 'post', packets: ['40'] }],
  [{ act: 'shake' }, { act: 'post', packets: ['40'] }, { act: 'poll', isLoop: true }],
  [{ act: 'shake' }, { act: 'post', packets: ['40'] }, { act: 'ws' }, { act: 'say', sock: 0, frames: ['2probe'] }, { act: 'say', sock: 0, frames: ['5'] }],
  [{ act: 'ws', sid: 'none' }],
  [{ act: 'ws', sid: 'none' }, { act: 'say', sock: 0, frames: ['40'] }],
];

const isConnect = (step) => [step.packets, step.frames].some((list) => list?.[0] === '40');

async function playOne(t, servers, random) {
  const eio = 3 + random(2);
  const pair = new Pair(t, servers, { eio, more: ['', '', '', '&b64=1', '&j=0&b64=1'][random(5)] });
  const beginning = BEGINNINGS[random(BEGINNINGS.length)].filter((step) => eio === 4 || !isConnect(step));
  const length = beginning.length + 3 + random(12);
  let rows = null;
  try {
    for (const one of pair.twins) await one.prepare(LINES);
    for (let i = 0; i < length && !rows; i++) {
      const step = beginning[i] ?? randomStep(random, pair.twins[0]);
      if (step) rows = await pair.act(step);
    }
    if (rows?.some(({ ends }) => ends)) for (const one of pair.twins) await one.untilOver();
    return { steps: pair.steps.length, rows: rows ?? [] };
  } finally {
    pair.end();
  }
}

// Two requests of a turn may take turns on a busy machine: a difference counts when it comes each time.
async function playUntilSure(play) {
  for (let tries = 3; ; tries--) {
    try {
      return await play();
    } catch (fault) {
      if (!(fault instanceof Difference) || tries === 1) throw fault;
    }
  }
}

test('random clients of both revisions get what the reference gives them', { timeout: (SECONDS + 120) * 1000 }, async (t) => {
  const seed = Number(process.env.DOORBELL_RANDOM_SEED ?? Date.now() % 1e9);
  t.diagnostic(`seed ${seed}`);
  const beat = 29_000; // none comes while a pair lives
  const reference = await startReference(t, { pingInterval: beat, pingTimeout: beat, maxHttpBufferSize: PAYLOAD_MAX });
  const scene = await startScene(t, {
    ...OPEN,
    ...LEGACY,
    'relay.legacy_login': 'no',
    'relay.socketio_ping_interval': `${beat / 1000}s`,
    'relay.socketio_ping_timeout': `${beat / 1000}s`,
    'relay.socketio_max_payload': String(PAYLOAD_MAX),
  });
  const relay = { port: scene.port, tell: (text) => publish(scene, { content: text }), turn: () => scene.turn() };
  const until = Date.now() + SECONDS * 1000;
  const seen = new Map();
  let steps = 0;
  for (let n = 0; Date.now() < until; n++) {
    try {
      const played = await playUntilSure(() => playOne(t, [reference, relay], makeRandom(seed + n)));
      steps += played.steps;
      for (const { what } of played.rows) seen.set(what, (seen.get(what) ?? 0) + 1);
    } catch (fault) {
      fault.message = `DOORBELL_RANDOM_SEED=${seed + n} begins with this: ${fault.message}`;
      throw fault;
    }
  }
  t.diagnostic(`${steps} steps; known differences: ${JSON.stringify(Object.fromEntries(seen))}`);
  assert.ok(steps > 100);
});
