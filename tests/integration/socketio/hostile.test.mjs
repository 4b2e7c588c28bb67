// SPDX-License-Identifier: MIT
// What socket.io clients must not be able to do to the relay, or to each other.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { OPEN, until, writeSettings } from '../../harness/index.mjs';
import { frame, Raw } from '../relay/scene.mjs';
import { ask, LEGACY, Line, Page, publish, requestText, Sock, startScene, UPGRADE } from './raw.mjs';

const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';
const UNLIMITED = { ...OPEN, 'relay.legacy_anonymous': 'yes', 'relay.max_accepts_per_second': '0', 'relay.max_sessions_per_user': '0' };

const sessionsOf = (scene) => scene.metric('sessions');
const descriptorsOf = (scene) => readdirSync(`/proc/${scene.relay.pid}/fd`).length;

// Two that have done nothing wrong, and what shows that they are served as ever.
async function placeWitnesses(t, scene) {
  const bell = await scene.connect('witness');
  const sock = await Sock.connect(t, scene);
  assert.deepEqual(await sock.login(scene.token('witness')), { ok: true });
  sock.socket.on('message', (data) => data.toString() === '2' && sock.say('3'));
  let n = 0;
  return async (what) => {
    n++;
    await scene.ring({ to: ['witness'], version: n, seq: 0, num: 1 });
    await publish(scene, { to: 'witness', content: `${n}` });
    await bell.next((one) => one.version === n).catch((error) => assert.fail(`${what}: ${error.message}`));
    await sock.nextMessage(`${n}`).catch((error) => assert.fail(`${what}: ${error.message}`));
  };
}

// `work` for the numbers below `count`, `at` of them at a time.
async function inTurns(count, at, work) {
  let next = 0;
  await Promise.all(Array.from({ length: at }, async (_, lane) => {
    while (next < count) await work(next++, lane);
  }));
}

test('session ids are long, random, and never the same', async (t) => {
  const scene = await startScene(t, UNLIMITED);
  const sids = [];
  const lines = Array.from({ length: 10 }, () => new Line(t, scene.port));
  await inTurns(1000, lines.length, async (i, lane) => {
    const { text } = await lines[lane].ask('GET', HANDSHAKE);
    sids.push(JSON.parse(text.slice(1)).sid);
  });
  assert.equal(new Set(sids).size, 1000);
  const letters = new Set();
  for (const sid of sids) {
    assert.match(sid, /^[A-Za-z0-9_-]{24}$/);
    for (const letter of sid) letters.add(letter);
  }
  assert.equal(letters.size, 64);
  // No place in it is the same in all, or in most.
  for (let at = 0; at < 24; at++) assert.ok(new Set(sids.map((sid) => sid[at])).size > 50);
});

test('what waits for a page that never polls again is capped: then it is closed', async (t) => {
  const scene = await startScene(t, { ...LEGACY, 'relay.socketio_max_pending': '16384' });
  const check = await placeWitnesses(t, scene);
  const page = await new Page(t, scene).open();
  await page.login('42');
  const isPending = async () => (await scene.call('GET', '/online/sessions?user=42')).json.sessions[0].pending;
  assert.equal(await isPending(), false);
  await publish(scene, { to: '42', content: 'x'.repeat(1000) });
  assert.equal(await isPending(), true);
  let sent = 1;
  await until('it to be closed', async () => {
    const { text } = await publish(scene, { to: '42', content: 'x'.repeat(1000) });
    if (text === 'offline') return true;
    sent++;
    return false;
  });
  assert.equal(sent, Math.floor(16384 / ('42["new_msg",""]'.length + 1001)) + 1);
  assert.match((await page.poll()).text, /^1$|Session ID unknown/);
  await check('the capped page');
});

test('a long text takes no memory of a polling page once it is told', async (t) => {
  const scene = await startScene(t, { ...LEGACY, ...OPEN });
  const pages = await Promise.all(Array.from({ length: 200 }, () => new Page(t, scene).open()));
  const tell = async (content) => {
    const polls = pages.map((page) => page.poll());
    await publish(scene, { to: '', content });
    for (const { text } of await Promise.all(polls)) assert.equal(text, `42${JSON.stringify(['new_msg', content])}`);
  };
  await tell('short');
  const memory = scene.residentKiB;
  await tell('x'.repeat(100_000));
  await scene.turn();
  if (scene.isMeasurable) assert.ok(scene.residentKiB - memory < 8192, `${scene.residentKiB - memory} KiB more`);
});

test('a WebSocket that never reads is closed by what waits for it', async (t) => {
  const scene = await startScene(t, LEGACY);
  const check = await placeWitnesses(t, scene);
  const descriptors = descriptorsOf(scene);
  const memory = scene.residentKiB;
  const raw = new Raw(t, scene.port);
  await raw.write(requestText('GET', '/socket.io/?EIO=3&transport=websocket', { headers: UPGRADE }));
  await raw.untilText(/40$/);
  await raw.write(frame(1, '420["login","42"]'));
  await raw.untilText(/"ok":true/);
  raw.socket.pause();
  // It goes on sending, so that only its reading can be missed.
  const talk = setInterval(() => raw.socket.write(frame(1, '2')), 50);
  t.after(() => clearInterval(talk));
  await until('it to be closed', async () => (await publish(scene, { to: '42', content: 'x'.repeat(50_000) })).text === 'offline', { timeoutMs: 60_000 });
  await until('its descriptor to be free', () => descriptorsOf(scene) <= descriptors, { timeoutMs: 30_000 });
  if (scene.isMeasurable) assert.ok(scene.residentKiB - memory < 8192, `${scene.residentKiB - memory} KiB more`);
  await check('the closed one');
});

const SHORT = { ...UNLIMITED, 'relay.socketio_ping_interval': '1s', 'relay.socketio_ping_timeout': '1s' };

test('pages that vanish are found, however they came', async (t) => {
  const scene = await startScene(t, SHORT);
  const check = await placeWitnesses(t, scene);
  const witnesses = await sessionsOf(scene);
  for (let i = 0; i < 20; i++) {
    await ask(t, scene, 'GET', `/socket.io/?EIO=${3 + (i % 2)}&transport=polling`);
    const page = await new Page(t, scene, { eio: 3 + (i % 2) }).open();
    const sock = new Sock(t, scene, { eio: page.eio, sid: page.sid });
    await sock.opened;
    if (i % 4 < 2) sock.say('2probe');
    // Its end is never told.
    sock.socket._socket.pause();
    const silent = await Sock.connect(t, scene, { eio: 3 + (i % 2) });
    silent.socket._socket.pause();
  }
  await until('them to be gone', async () => (await sessionsOf(scene)) === witnesses, { timeoutMs: 30_000 });
  await check('the vanished');
});

test('ten thousand handshakes that never come back cost little, and are all forgotten', async (t) => {
  const scene = await startScene(t, { ...UNLIMITED, 'relay.socketio_ping_interval': '58s', 'relay.socketio_ping_timeout': '1s' });
  const count = scene.isMeasurable ? 10_000 : 1000;
  const check = await placeWitnesses(t, scene);
  const witnesses = await sessionsOf(scene);
  const lines = Array.from({ length: 16 }, () => new Line(t, scene.port));
  // The first ones fill what is kept for all.
  for (let i = 0; i < 50; i++) await lines[0].ask('GET', HANDSHAKE);
  const before = scene.residentKiB;
  await inTurns(count - 50, lines.length, async (i, lane) => {
    const { status } = await lines[lane].ask('GET', `/socket.io/?EIO=${3 + (i % 2)}&transport=polling`);
    assert.equal(status, 200);
  });
  assert.equal(await sessionsOf(scene), witnesses + count);
  const bytes = ((scene.residentKiB - before) * 1024) / (count - 50);
  t.diagnostic(`${Math.round(bytes)} bytes a session`);
  if (scene.isMeasurable) assert.ok(bytes < 2048, `${bytes} bytes a session`);
  await check('all of them there');
  // To be forgotten sooner than in a minute: the settings of a reload count for those who are here.
  Object.assign(scene.settings, SHORT);
  writeSettings(scene.confPath, scene.settings);
  scene.relay.signal('SIGHUP');
  await until('them to be forgotten', async () => (await sessionsOf(scene)) === witnesses, { timeoutMs: 60_000 });
  await check('none of them there');
});

const deep = (levels) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

const evil = {
  'login without an argument': ['42["login"]'],
  'login of other things': ['42["login",[]]', '42["login",{}]', '42["login",null]', '42["login",1e999]', '42["login",-0]', '42["login","\\u0000"]', '42["login","\\ud800"]'],
  'a login that is long': [`42["login","${'x'.repeat(90_000)}"]`],
  'reserved names': ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'].map((name) => `42["${name}"]`),
  'names of the language': ['42["__proto__"]', '42["constructor","x"]', '42["toString"]', '42[0]', '42[1e999]', '42[""]'],
  'deep JSON': [`42["login",${deep(10_000)}]`],
  'deep objects': [`42["login",${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}]`],
  'deep JSON in a CONNECT': [`40${'{"token":'.repeat(5000)}1${'}'.repeat(5000)}`],
  'no event': ['42', '42[]', '42{}', '42""', '42[{}]', '42[null]', '42["x"]x', '42["x"', '4', '47', '4:', '44{}'],
  'acks of no call': ['43[]', '4399999999999999999[]', '43-1[]', '430', '4300000000000000000000[]'],
  'attachments without end': ['459-["x",{"_placeholder":true,"num":0}]', '2', '42["y"]'],
  'too many attachments': ['4599999999999999999999-["x"]', '4511-["x"]', '45-["x"]', '450-["x"]'],
  'long namespaces': [`40/${'n'.repeat(90_000)}`, `42/${'n'.repeat(90_000)},["x"]`, '40/\u0001', '40/é,'],
  'lone surrogates': ['42["login","\\udc00"]', '42["\\ud83d"]', '42["x","\\ud83d\\ud83d"]'],
  'packets of the server': ['0{"sid":"x"}', '6', '5', '1'],
  'no packet': ['', 'x', '\u0000', '9', '😀', 'b', 'bQUJD', 'b4QUJD'],
};

test('no packet harms anybody but its page', async (t) => {
  const scene = await startScene(t, SHORT);
  const check = await placeWitnesses(t, scene);
  for (const [name, packets] of Object.entries(evil)) {
    for (const eio of [3, 4]) {
      for (const packet of packets) {
        const sock = await Sock.connect(t, scene, { eio });
        sock.say(packet, packet, Buffer.from(packet));
        const page = await new Page(t, scene, { eio }).open();
        const body = Buffer.from(eio === 4 ? packet : `${packet.length}:${packet}`).toString('latin1');
        const { status } = await page.post(body);
        assert.ok([200, 400].includes(status), `${status} ${name}`);
        // It may be gone by now, and then takes no long body.
        assert.ok([200, 400, 413].includes((await page.post(body)).status));
        sock.socket.terminate();
      }
      await check(`${name} in revision ${eio}`);
    }
  }
  await until('them to be gone', async () => (await sessionsOf(scene)) === 2, { timeoutMs: 30_000 });
});

test('payloads that lie about their lengths harm nobody', async (t) => {
  const scene = await startScene(t, SHORT);
  const check = await placeWitnesses(t, scene);
  const octets = { 'content-type': 'application/octet-stream' };
  const digits = (text) => [...text].map((digit) => String.fromCharCode(digit)).join('');
  const rows = [
    ['999999999:4x'], ['9999999999999999999999999999:4x'], ['18446744073709551615:4'], ['-1:4'], ['+1:4'], ['0x1:4'], [' 1:4'],
    ['1'], [':'], ['0:0:0:'], ['1:'], ['2:4'], ['1:\xf0\x9f\x98\x80'], ['2:4\xf0\x9f\x98\x80'], ['2:4\xc3'], ['2:4\xff\xff'], ['3:4\xed\xa0\x80'],
    [`\0${digits('999999999')}\xff4x`, octets], [`\0${digits('9').repeat(60)}\xff4`, octets], ['\0\xff4', octets], ['\0', octets],
    ['\x01\x01\xff\x04', octets], ['\x02\x01\xff4', octets], [`\0${'\x0a'}\xff4`, octets], ['\x01\x02\xff\x04\x01', octets], ['\0\x01', octets],
    ['1:2'.repeat(1001)], ['0:'.repeat(40_000)], [`\0\x01\xff2`.repeat(1001), octets], ['1:2'.repeat(30_000)],
  ];
  for (const [body, headers] of rows) {
    const page = await new Page(t, scene, { eio: 3 }).open();
    const pending = page.poll();
    const { status } = await page.post(body, headers ?? {});
    assert.ok(status === 200 || status === 400, `${status} ${body.slice(0, 20)}`);
    page.line.socket.destroy();
    await pending.catch(() => {});
  }
  for (const body of ['2\x1e'.repeat(1001), '\x1e'.repeat(90_000), '4\x1e'.repeat(40_000), '3\x1e3', '\xff\xfe', '42["x","\xed\xa0\x80"]', '42["x","\xc0\x80"]']) {
    const page = await new Page(t, scene).open();
    const { status } = await page.post(body);
    assert.ok(status === (body === '3\x1e3' ? 200 : 400), `${status} ${body.slice(0, 20)}`);
  }
  await check('the liars');
  await until('them to be gone', async () => (await sessionsOf(scene)) === 2, { timeoutMs: 30_000 });
});

test('a million small packets are heard, and harm nobody', async (t) => {
  const scene = await startScene(t, LEGACY);
  const check = await placeWitnesses(t, scene);
  const memory = scene.residentKiB;
  const count = scene.isMeasurable ? 1_000_000 : 100_000;
  for (const [eio, packet] of [[3, '4'], [4, '3'], [3, '2']]) {
    const raw = new Raw(t, scene.port);
    await raw.write(requestText('GET', `/socket.io/?EIO=${eio}&transport=websocket`, { headers: UPGRADE }));
    await raw.untilText(/\{"sid"/);
    await raw.write(frame(1, '40'));
    // What comes back is read, and forgotten.
    raw.socket.removeAllListeners('data');
    raw.socket.resume();
    const some = Buffer.concat(Array(10_000).fill(frame(1, packet)));
    let i = 0;
    for (; i < count / 10_000 && !raw.socket.destroyed; i++) await Promise.race([raw.write(some), raw.ended]);
    // Only what is no packet of Socket.IO, or asks for more answers than are read, ends it before.
    if (packet === '3') assert.equal(i, count / 10_000);
    await check(packet);
    raw.socket.destroy();
  }
  if (scene.isMeasurable) assert.ok(scene.residentKiB - memory < 8192, `${scene.residentKiB - memory} KiB more`);
});

test('WebSocket frames that are not UTF-8, or too long, or never end, close that one alone', async (t) => {
  const scene = await startScene(t, { 'relay.socketio_max_payload': '2000' });
  const check = await placeWitnesses(t, scene);
  const rows = [
    [frame(1, Buffer.from([0x34, 0xff]))],
    [frame(1, Buffer.from('42["x","\xed\xa0\x80"]', 'latin1'))],
    [frame(1, '4'.repeat(2001))],
    [frame(1, 'x', { fin: false }), ...Array(29).fill(frame(0, 'x'.repeat(100), { fin: false }))],
    [frame(3, 'x')],
    [Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 'x'.repeat(2001)],
    [frame(8, Buffer.from([0x03]))],
  ];
  for (const parts of rows) {
    const page = await new Page(t, scene).open();
    for (const sid of ['', `&sid=${page.sid}`]) {
      const raw = new Raw(t, scene.port);
      await raw.write(requestText('GET', `/socket.io/?EIO=4&transport=websocket${sid}`, { headers: UPGRADE }));
      await raw.untilText(sid ? /\r\n\r\n/ : /\{"sid"/);
      for (const part of parts) await raw.write(part);
      // It is told in a close frame, and then has some seconds to say so too; or is just closed.
      await Promise.race([raw.untilText(/\x88[\x02-\x7d]/), raw.untilEnd()]);
      raw.socket.destroy();
    }
    // The one that was on trial has not taken its page with it.
    await page.say('42["x"]');
    await page.say('1');
    await check(parts[0].toString('hex').slice(0, 30));
  }
});

test('bodies that lie, are slow, or never come leave their sessions as they were', async (t) => {
  const scene = await startScene(t);
  const check = await placeWitnesses(t, scene);
  const page = await new Page(t, scene).open();
  const post = (length, body) => requestText('POST', page.target(), { headers: { 'content-length': String(length) } }) + body;
  for (const length of ['-1', '+5', '5, 5', '5x', '', ' ', '0x5', '99999999999999999999']) {
    const answer = await ask(t, scene, 'POST', page.target(), { headers: { 'content-length': length } });
    assert.equal(answer.status, 400, length);
  }
  assert.equal((await ask(t, scene, 'POST', page.target(), { headers: { 'content-length': ['3', '3'] } })).status, 400);
  assert.equal((await ask(t, scene, 'POST', `${HANDSHAKE}&sid=${'A'.repeat(24)}`, { headers: { 'content-length': '100000' } })).status, 413);
  // Longer than it says: the rest is no request.
  const long = new Line(t, scene.port);
  const [said, rest] = [long.answer(), long.answer()];
  long.write(post(7, '42["x"]42["y"]\r\n\r\n'));
  assert.deepEqual([(await said).text, (await rest).status], ['ok', 400]);
  // Shorter: it waits, and hinders nobody; dropped, it has said nothing.
  const half = new Line(t, scene.port);
  half.write(post(10, '42["x"'));
  await page.say('42["x"]');
  half.socket.destroy();
  await half.ended;
  await page.say('42["x"]');
  await page.login('x');
  await check('the liars');
});

test('many polls that wait are not pushed out by many who shake hands', async (t) => {
  const scene = await startScene(t, { ...UNLIMITED, ...LEGACY, 'relay.socketio_ping_interval': '50s', 'relay.socketio_ping_timeout': '9s' });
  const count = 2100;
  const polls = [];
  await inTurns(count, 32, async (i) => {
    const page = new Page(t, scene, { eio: 3 });
    await page.shake();
    const poll = page.poll();
    poll.catch(() => {});
    polls.push({ page, poll });
  });
  // They are counted here, and then the flood.
  assert.equal(await sessionsOf(scene), count);
  const flood = Array.from({ length: 2200 }, () => new Raw(t, scene.port));
  await Promise.all(flood.map((raw) => raw.write('GET /socket.io/?EI')));
  await flood[0].untilEnd();
  assert.equal(await sessionsOf(scene), count);
  await publish(scene, { to: '', content: 'all' });
  for (const { page, poll } of polls) assert.deepEqual(page.framing.read((await poll).text), ['42["new_msg","all"]']);
  await scene.connect('1');
});

test('out of descriptors, those who are here are served on, and others come in later', async (t) => {
  const scene = await startScene(t, { ...LEGACY, ...UNLIMITED }, { wrap: ['prlimit', '--nofile=64:64', '--'] });
  const check = await placeWitnesses(t, scene);
  const pages = [];
  for (let i = 0; i < 10; i++) pages.push(await new Page(t, scene).open());
  const polls = pages.map((page) => page.poll());
  const publisher = new Line(t, scene.publishPort);
  await publisher.ask('GET', '/health');
  const flood = Array.from({ length: 80 }, () => new Raw(t, scene.port));
  await scene.relay.waitLog(/accepting is paused/);
  const headers = { authorization: `Bearer ${scene.publishKey}`, 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await publisher.ask('POST', '/', { headers, body: 'type=publish&content=all' })).text, 'ok');
  for (const poll of polls) assert.equal((await poll).text, '42["new_msg","all"]');
  for (const raw of flood) raw.socket.destroy();
  await until('another to be let in', () => Sock.connect(t, scene));
  await check('the flood');
});

test('SIGTERM amid polls, uploads and upgrades ends all of them, and the relay in order', async (t) => {
  const scene = await startScene(t, { 'relay.drain_window': '200ms' });
  const pages = [];
  for (let i = 0; i < 9; i++) {
    const page = await new Page(t, scene, { eio: 3 + (i % 2) }).open();
    pages.push(page);
    if (i % 3 > 0) {
      const sock = new Sock(t, scene, { eio: page.eio, sid: page.sid });
      await sock.opened;
      if (i % 3 === 2) {
        sock.say('2probe');
        await sock.next(() => true);
      }
      page.trial = sock;
    }
    const upload = new Line(t, scene.port);
    upload.write(requestText('POST', page.target(), { headers: { 'content-length': '1000' } }) + '42["x"');
  }
  const polls = pages.filter((page) => !page.trial).map((page) => page.poll());
  const socks = [await Sock.connect(t, scene), await Sock.connect(t, scene, { eio: 3 })];
  scene.relay.signal('SIGTERM');
  for (const poll of polls) assert.match((await poll).text, /^(1:)?1$/);
  for (const sock of [...socks, ...pages.flatMap((page) => page.trial ?? [])]) await sock.untilClosed();
  assert.deepEqual(await scene.relay.exited, { code: 0, signal: null });
  scene.relay.assertHealthy();
});

test('a page whose logins are refused time after time is closed, and checks no more signatures', async (t) => {
  const scene = await startScene(t, OPEN);
  const [header, claims, signature] = scene.token('42').split('.');
  const forged = [header, claims, signature.replace(/^./, (one) => (one === 'A' ? 'B' : 'A'))].join('.');
  const sock = await Sock.connect(t, scene);
  for (let i = 0; i < 3; i++) assert.equal((await sock.login(forged)).ok, false);
  assert.equal((await sock.login(scene.token('42'))).ok, true);
  const guesser = await Sock.connect(t, scene);
  guesser.say(...Array.from({ length: 100 }, (_, i) => `42${i}${JSON.stringify(['login', forged])}`));
  assert.equal((await guesser.untilClosed()).code, 1008);
  assert.equal(guesser.frames.filter((one) => one.startsWith('43')).length, 4);
  const polling = await new Page(t, scene).open();
  await polling.say(...Array.from({ length: 100 }, (_, i) => `42${i}${JSON.stringify(['login', forged])}`));
  const { text } = await polling.poll();
  assert.deepEqual([text.match(/43\d+\[/g).length, text.at(-1)], [4, '1']);
  assert.equal(await scene.metric('closed_total', { reason: 'too many refused logins' }), 2);
  assert.equal(sock.closed, null);
});

test('a reload changes what is asked of pages, and drops none', async (t) => {
  const scene = await startScene(t, LEGACY);
  const page = await new Page(t, scene, { eio: 3 }).open();
  const pending = page.poll();
  const sock = await Sock.connect(t, scene);
  await sock.login('42');
  const old = await new Page(t, scene).open();
  Object.assign(scene.settings, {
    'relay.socketio_path': '/elsewhere/',
    'relay.socketio_max_payload': '2000',
    'relay.socketio_max_pending': '8192',
    'relay.socketio_ping_interval': '1s',
    'relay.socketio_ping_timeout': '30s',
    'relay.legacy_text': 'news',
  });
  writeSettings(scene.confPath, scene.settings);
  scene.relay.signal('SIGHUP');
  await until('the new path to be served', async () => (await ask(t, scene, 'GET', '/elsewhere/?EIO=4&transport=polling')).status === 200);
  assert.equal((await ask(t, scene, 'GET', HANDSHAKE)).status, 404);
  await sock.next((one) => one === '2');
  assert.equal((await old.line.ask('GET', old.target().replace('socket.io', 'elsewhere'))).text, '2');
  assert.equal((await ask(t, scene, 'POST', old.target().replace('socket.io', 'elsewhere'), { body: '4'.repeat(2001) })).status, 413);
  await publish(scene, { to: '', content: 'all' });
  assert.equal((await pending).text, '19:42["new_msg","all"]');
  await scene.ring({ to: ['42'], version: 1, seq: 1, num: 1 });
  await sock.nextMessage('news');
  assert.equal(sock.closed, null);
});

test('a reload that lets pages ping less often pings those who are here as they were told', async (t) => {
  const scene = await startScene(t, { ...LEGACY, 'relay.socketio_ping_interval': '1s', 'relay.socketio_ping_timeout': '9s' });
  const sock = await Sock.connect(t, scene);
  Object.assign(scene.settings, { 'relay.socketio_ping_interval': '50s' });
  writeSettings(scene.confPath, scene.settings);
  scene.relay.signal('SIGHUP');
  await scene.relay.waitLog(/reloaded/);
  for (let i = 0; i < 3; i++) {
    const from = sock.frames.length;
    await sock.next((one) => one === '2', { from });
    sock.say('3');
  }
});

test('a reload that lets more wait lets it wait for those who are here', async (t) => {
  const scene = await startScene(t, { ...LEGACY, 'relay.socketio_max_pending': '4096' });
  const pages = [await Sock.connect(t, scene), await new Page(t, scene).open()];
  Object.assign(scene.settings, { 'relay.socketio_max_pending': '100000' });
  writeSettings(scene.confPath, scene.settings);
  scene.relay.signal('SIGHUP');
  await scene.relay.waitLog(/reloaded/);
  const content = 'x'.repeat(10_000);
  await publish(scene, { to: '', content });
  await pages[0].nextMessage(content);
  await pages[1].next((one) => one === `42${JSON.stringify(['new_msg', content])}`);
});

test('the limits on sessions hold for these too', async (t) => {
  const scene = await startScene(t, { ...OPEN, 'relay.max_sessions': '4', 'relay.max_sessions_per_user': '2', 'relay.legacy_login': 'yes', 'relay.legacy_online_count': 'no' });
  const oldest = await new Page(t, scene).open();
  await oldest.login('42');
  const pending = oldest.poll();
  const second = await Sock.connect(t, scene);
  await second.login('42');
  const third = await scene.connect('42');
  assert.equal((await pending).text, '41');
  await oldest.say('1');
  await Sock.connect(t, scene).then((sock) => sock.login('42'));
  assert.equal(await second.next((one) => one === '41'), '41');
  await until('room for two more', async () => (await sessionsOf(scene)) === 2);
  const others = [await new Page(t, scene).open(), await Sock.connect(t, scene, { eio: 3 })];
  for (const target of [HANDSHAKE, '/socket.io/?EIO=3&transport=polling&j=0']) {
    const answer = await ask(t, scene, 'GET', target);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '5']);
  }
  await assert.rejects(new Sock(t, scene).opened, /503/);
  // An upgrade is no session more.
  const upgrade = new Sock(t, scene, { sid: others[0].sid });
  await upgrade.opened;
  upgrade.say('2probe', '5', '420["login","1"]');
  await upgrade.next((one) => one === '430[{"ok":true}]');
  assert.equal(third.closed, null);
});

test('the limits on addresses and on haste hold for these too', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions_per_address': '2' });
  await new Page(t, scene).open();
  const sock = await Sock.connect(t, scene);
  const refused = await ask(t, scene, 'GET', HANDSHAKE);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '5']);
  await assert.rejects(new Sock(t, scene).opened, /429/);
  sock.say('1');
  await until('the place to be free', async () => (await ask(t, scene, 'GET', HANDSHAKE)).status === 200);

  const hasty = await startScene(t, { 'relay.max_anonymous_accepts_per_second': '3' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(t, hasty, 'GET', HANDSHAKE)));
  const late = answers.filter(({ status }) => status === 503);
  assert.ok(late.length >= 10 && late.length < 20, `${late.length} were refused`);
  for (const { headers } of late) assert.equal(headers['retry-after'], '5');
});

test('a text that is too much for a page, in a turn that has told enough, closes it and no more', async (t) => {
  const scene = await startScene(t, { ...LEGACY, 'relay.socketio_max_pending': '4096', 'relay.max_publishes_per_second': '0' });
  const check = await placeWitnesses(t, scene);
  const page = await new Page(t, scene).open();
  await page.login('42');
  const text = 'x'.repeat(1500);
  for (let i = 0; i < 2; i++) await publish(scene, { to: '42', content: text });
  const json = JSON.stringify({ rings: Array.from({ length: 300 }, () => ({ to: ['42'], seq: 1 })) });
  const key = { authorization: `Bearer ${scene.publishKey}` };
  const line = new Line(t, scene.publishPort);
  const answers = [line.answer(), line.answer()];
  // In one piece, so that one turn reads both.
  line.write(
    requestText('POST', '/publish', { headers: { ...key, 'content-type': 'application/json' }, body: json }) +
      requestText('POST', '/', { headers: { ...key, 'content-type': 'application/x-www-form-urlencoded' }, body: `type=publish&to=42&content=${text}` }),
  );
  assert.deepEqual((await Promise.all(answers)).map(({ status }) => status), [200, 200]);
  assert.match((await page.poll()).text, /^1$|Session ID unknown/);
  await until('it to be gone', async () => (await sessionsOf(scene)) === 2);
  await check('it');
});
