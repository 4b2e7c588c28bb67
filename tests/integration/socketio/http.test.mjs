// SPDX-License-Identifier: MIT
// The wire of socket.io, byte by byte: what is asked, and what is answered, by HTTP and WebSocket.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OPEN, until, writeSettings } from '../../harness/index.mjs';
import { Raw } from '../relay/scene.mjs';
import { ask, framings, LEGACY, Line, Page, publish, requestText, Sock, startScene, TEXT, UPGRADE } from './raw.mjs';

const JSON_TYPE = 'application/json';
const messages = ['Transport unknown', 'Session ID unknown', 'Bad handshake method', 'Bad request', 'Forbidden', 'Unsupported protocol version'];
const fault = (code) => JSON.stringify({ code, message: messages[code] });

function assertFault(answer, code, what) {
  assert.deepEqual([answer.status, answer.headers['content-type'], answer.text], [code === 4 ? 403 : 400, JSON_TYPE, fault(code)], what);
  assert.equal(answer.headers['cache-control'], 'no-store', what);
}


const isGone = async (page) => assertFault(await ask(page.t, page.scene, 'GET', page.target()), 1);

const sessionsOf = (scene) => scene.metric('sessions');

const OURS = 'https://a.example';

test('socket.io and JSONP are off until they are switched on, and the refusal says how', async (t) => {
  const scene = await startScene(t, { 'relay.socketio': 'no', 'relay.socketio_jsonp': 'no', 'auth.origins': OURS });
  const get = (query) => ask(t, scene, 'GET', `/socket.io/${query}`, { headers: { origin: OURS } });
  for (const query of ['?EIO=4&transport=polling', '?EIO=3&transport=polling&j=0', '?EIO=4&transport=polling&sid=AAAA']) {
    const answer = await get(query);
    assert.deepEqual([answer.status, answer.text], [404, 'socket.io is off; to serve it, set [relay] socketio = yes\n']);
    assert.equal(answer.headers['access-control-allow-origin'], OURS);
  }
  writeSettings(scene.confPath, { ...scene.settings, 'relay.socketio': 'yes' });
  scene.relay.signal('SIGHUP');
  await scene.relay.waitLog(/reloaded/);
  assert.equal((await get('?EIO=4&transport=polling')).status, 200);
  const script = await get('?EIO=3&transport=polling&j=0');
  assert.deepEqual([script.status, script.text], [404, 'JSONP is off; to serve it, set [relay] socketio_jsonp = yes\n']);
});

test('each wrong request is answered by its code and message', async (t) => {
  const scene = await startScene(t);
  const id = 'A'.repeat(24);
  const rows = [
    ['GET', '', 0],
    ['GET', '?EIO=4', 0],
    ['GET', '?EIO=4&transport=', 0],
    ['GET', '?EIO=4&transport=flashsocket', 0],
    ['GET', '?EIO=4&transport=Polling', 0],
    ['POST', '?EIO=4&transport=jsonp-polling', 0, ''],
    ['GET', `?EIO=4&transport=polling&sid=${id}`, 1],
    ['POST', `?EIO=4&transport=polling&sid=${id}`, 1, '2'],
    ['GET', `?EIO=3&transport=polling&sid=${'A'.repeat(41)}`, 1],
    ['GET', `?EIO=3&transport=polling&sid=%00`, 1],
    ['POST', '?EIO=4&transport=polling', 2, ''],
    ['PUT', '?EIO=4&transport=polling', 2],
    ['DELETE', '?EIO=4&transport=polling', 2],
    ['GET', '?EIO=4&transport=websocket', 3],
    ['GET', '?EIO=4&transport=polling&j=1x', 3],
    ['GET', '?EIO=4&transport=polling&j=', 3],
    ['GET', '?EIO=3&transport=polling&j=1234567890', 3],
    ['GET', '?EIO=4&transport=polling&EIO=3', 3],
    ['GET', `?EIO=4&transport=polling&sid=${id}&sid=${id}`, 3],
    ['GET', '?transport=polling', 5],
    ['GET', '?EIO=1&transport=polling', 5],
    ['GET', '?EIO=5&transport=polling', 5],
    ['GET', '?EIO=&transport=polling', 5],
    ['GET', '?EIO=44&transport=polling', 5],
    ['GET', '?EIO=4abc&transport=websocket', 5],
  ];
  for (const [method, query, code, body] of rows)
    assertFault(await ask(t, scene, method, `/socket.io/${query}`, { body }), code, `${method} ${query}`);
  assert.equal(await sessionsOf(scene), 0);
});

test('a refused upgrade is told in words, and the connection closed', async (t) => {
  const scene = await startScene(t);
  const page = await new Page(t, scene).open();
  const rows = [
    [`?EIO=4&transport=websocket&sid=${'A'.repeat(24)}`, 1],
    ['?EIO=5&transport=websocket', 5],
    ['?EIO=4&transport=carrier-pigeon', 0],
    [`?EIO=4&transport=polling&sid=${page.sid}&EIO=4`, 3],
    ['?EIO=4&transport=websocket', 3, { 'sec-websocket-key': 'short' }],
    ['?EIO=4&transport=websocket', 3, { upgrade: 'h2c' }],
    [`?EIO=4&transport=websocket&sid=${page.sid}`, 3, { 'sec-websocket-version': '8' }],
    ['?EIO=4&transport=websocket', 4, { origin: 'https://evil.example' }],
  ];
  for (const [query, code, more] of rows) {
    const line = new Line(t, scene.port);
    const { status, headers, text } = await line.ask('GET', `/socket.io/${query}`, { headers: { ...UPGRADE, ...more } });
    assert.deepEqual([status, headers['content-type'], text], [code === 4 ? 403 : 400, 'text/html', messages[code]], query);
    assert.equal(headers.connection, 'close');
    assert.equal(await line.ended, '');
  }
  await page.say('420["login","x"]');
});

test('other methods are refused, and no answer to HEAD is taken for the next one', async (t) => {
  const scene = await startScene(t);
  const page = await new Page(t, scene).open();
  for (const method of ['PUT', 'DELETE', 'PATCH']) assertFault(await ask(t, scene, method, page.target()), 3, method);
  for (const target of ['/socket.io/?EIO=4&transport=polling', page.target()]) {
    const raw = new Raw(t, scene.port);
    await raw.write(requestText('HEAD', target) + requestText('GET', '/none'));
    // The body of the first answer is not there, only that of the second.
    assert.match(await raw.untilEnd(), /^HTTP\/1\.1 400 [^{]*\r\n\r\nHTTP\/1\.1 404 [^{]*\r\n\r\n\{.*\}$/);
  }
  await page.say('420["login","x"]');
  await page.next((one) => one.startsWith('430'));
});

for (const eio of [3, 4]) {
  const close = eio === 4 ? '1' : '1:1';
  const noop = eio === 4 ? '6' : '1:6';

  test(`revision ${eio}: of two polls at once both end, and the session`, async (t) => {
    const scene = await startScene(t);
    const other = await new Page(t, scene, { eio }).open();
    const pending = other.poll();
    const second = new Line(t, scene.port);
    // Whichever comes first is pending, and the other one too many.
    const answers = await Promise.all([pending, other.poll(second)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
    assert.deepEqual(answers.map(({ text }) => text).sort(), [close, fault(3)].sort());
    await isGone(other);
  });

  test(`revision ${eio}: a page that closes gets a noop, and is gone`, async (t) => {
    const scene = await startScene(t);
    const page = await new Page(t, scene, { eio }).open();
    const pending = page.poll();
    await page.say('1');
    assert.equal((await pending).text, noop);
    await isGone(page);
    await until('the session to be gone', async () => (await sessionsOf(scene)) === 0);
  });

  test(`revision ${eio}: what cannot be decoded is answered 400, and ends the session`, async (t) => {
    const scene = await startScene(t);
    const rows = eio === 4 ? ['', 'abc', '\x1e', '4', '40\x1e9', '49["x"]', '2', '42["disconnect"]', '42{}', '42["x"'] :
      ['', 'abc', '5:40', '1:9', '3:4', '99999999999:4', '-1:4', '1:3', '17:42["disconnect"]', '4:42{}', ':4', '2:4\xff'];
    for (const body of rows) {
      const page = await new Page(t, scene, { eio }).open();
      const pending = page.poll();
      assertFault(await page.post(body), 3, JSON.stringify(body));
      assert.deepEqual((await pending).text, close);
      await isGone(page);
    }
    await until('the sessions to be gone', async () => (await sessionsOf(scene)) === 0);
  });

  test(`revision ${eio}: when the connection of a poll drops the session ends`, async (t) => {
    const scene = await startScene(t);
    for (const end of [(socket) => socket.destroy(), (socket) => socket.resetAndDestroy(), (socket) => socket.end()]) {
      const page = await new Page(t, scene, { eio }).open();
      page.poll().catch(() => {});
      end(page.line.socket);
      await until('the session to be gone', async () => (await sessionsOf(scene)) === 0);
      await isGone(page);
    }
  });
}

test('a POST of octets is refused in revision 4, and ends the session', async (t) => {
  const scene = await startScene(t);
  const page = await new Page(t, scene).open();
  const pending = page.poll();
  assertFault(await page.post('42["x"]', { 'content-type': 'application/octet-stream' }), 3);
  assert.equal((await pending).text, '1');
  await isGone(page);
});

test('a body over the limit is 413 and ends the session, and one of just that length is taken', async (t) => {
  const scene = await startScene(t, { 'relay.socketio_max_payload': '2000' });
  const page = await new Page(t, scene).open();
  const verbose = await new Page(t, scene).open();
  assert.equal(page.opening.maxPayload, 2000);
  const body = (length) => `42["x","${'x'.repeat(length - 10)}"]`;
  assert.equal(body(2000).length, 2000);
  const pending = verbose.poll();
  assert.equal((await verbose.post(body(2001))).status, 413);
  assert.equal((await pending).text, '1');
  await isGone(verbose);
  const taken = await page.post(body(2000));
  assert.deepEqual([taken.status, taken.headers['content-type'], taken.text], [200, 'text/html', 'ok']);
  assert.equal((await ask(t, scene, 'POST', page.target(), { headers: { 'transfer-encoding': 'chunked' } })).status, 411);
  assert.equal((await ask(t, scene, 'POST', page.target())).status, 411);
  await page.login('x');
});

test('which framing an opened session gets is told by its handshake', async (t) => {
  const scene = await startScene(t);
  const rows = [
    [3, '', framings.text3, TEXT],
    [3, '&t=N8hyd6w', framings.text3, TEXT],
    [3, '&t=1445590039000-0', framings.binary3, 'application/octet-stream'],
    [3, '&t=1445590039000', framings.binary3, 'application/octet-stream'],
    [3, '&t=1445590039000-0&b64=1', framings.text3, TEXT],
    [3, '&t=1445590039000-', framings.text3, TEXT],
    [2, '&t=1445590039000', framings.binary3, 'application/octet-stream'],
    [2, '&b64=1', framings.text3, TEXT],
    [4, '&t=1445590039000-0', framings.text4, TEXT],
    [4, '&b64=1', framings.text4, TEXT],
  ];
  for (const [eio, more, framing, type] of rows) {
    const page = new Page(t, scene, { eio, more, framing });
    const answer = await page.shake();
    assert.equal(answer.headers['content-type'], type, more);
    assert.deepEqual(page.heard, eio === 4 ? [] : ['40']);
    // It is the session's: what later requests say of it does not count.
    page.more = '';
    const body = framing.write([...(eio === 4 ? ['40'] : []), '425["login"]']);
    assert.equal((await page.post(body, { 'content-type': framing === framings.binary3 ? 'application/octet-stream' : TEXT })).text, 'ok');
    const later = await page.poll();
    assert.equal(later.headers['content-type'], type);
    assert.equal(framing.read(later.text).at(-1), '435[{"ok":false,"error":"login takes a token"}]');
  }
});

test('JSONP goes both ways', async (t) => {
  const scene = await startScene(t, LEGACY);
  for (const eio of [3, 4]) {
    const framing = eio === 4 ? framings.text4 : framings.text3;
    const script = { read: (text) => framing.read(JSON.parse(text.match(/^___eio\[7\]\((".*")\);$/)[1])), write: framing.write };
    const page = new Page(t, scene, { eio, more: '&j=7&b64=1', framing: script });
    // As the clients write newlines, lest a form makes CR LF of them.
    const escaped = (text) => text.replace(/\\n/g, '\\\n').replace(/\n/g, '\\n');
    const form = (text) => page.post(`d=${encodeURIComponent(escaped(text))}`, { 'content-type': 'application/x-www-form-urlencoded' });
    const answer = await page.shake();
    assert.equal(answer.headers['content-type'], 'text/javascript; charset=UTF-8');
    const packets = eio === 4 ? ['40', '420["login","a\\\\nb"]'] : ['420["login","a\\\\nb"]'];
    const said = await form(framing.write(packets));
    assert.deepEqual([said.status, said.text], [200, 'ok']);
    await page.next((one) => one.startsWith('430'));
    assert.deepEqual((await scene.call('GET', '/online?user=a%5Cnb')).json, { online: { 'a\\nb': 1 } });
    await publish(scene, { to: '', content: '\u2028你"</script>' });
    await page.next((one) => one.startsWith('42'));
    assert.deepEqual(page.messages(), ['\u2028你&quot;&lt;/script&gt;']);
    assertFault(await page.post(framing.write(['42["x"]'])), 3);
    await isGone(page);
  }
});

test('CORS: origins of ours are echoed with credentials, on errors too; others are refused without', async (t) => {
  const ours = 'https://a.example';
  const scene = await startScene(t, { 'auth.origins': ours });
  const handshake = '/socket.io/?EIO=4&transport=polling';
  const cors = ({ headers }) => [headers['access-control-allow-origin'], headers['access-control-allow-credentials'], headers.vary];
  const echoed = [ours, 'true', 'Origin'];
  const none = [undefined, undefined, undefined];
  const from = (origin) => ({ headers: { origin } });
  assert.deepEqual(cors(await ask(t, scene, 'GET', handshake, from(ours))), echoed);
  for (const [method, target] of [['GET', '/socket.io/'], ['GET', `${handshake}&sid=x`], ['POST', `${handshake}&sid=x`], ['GET', '/socket.io/?transport=polling']]) {
    const answer = await ask(t, scene, method, target, { ...from(ours), body: '' });
    assert.equal(answer.status, 400);
    assert.deepEqual(cors(answer), echoed);
  }
  assert.deepEqual(cors(await ask(t, scene, 'GET', handshake)), none);
  for (const origin of ['https://evil.example', 'null', '', 'http://a.example', 'https://a.example:444', 'https://a.example.evil.example', 'https://a.example, https://b.example', `https://${'a'.repeat(300)}`, [ours, ours]]) {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await ask(t, scene, method, handshake, from(origin));
      assertFault(answer, 4, JSON.stringify(origin));
      assert.deepEqual(cors(answer), none);
    }
  }

  const page = await new Page(t, scene, from(ours)).open();
  const pending = page.poll();
  const said = await page.post('2');
  assert.deepEqual(cors(said), echoed);
  assert.deepEqual(cors(await pending), echoed);

  // A preflight has no session, and names none.
  for (const target of ['/socket.io/', handshake, `${handshake}&sid=x`]) {
    const answer = await ask(t, scene, 'OPTIONS', target, { headers: { origin: ours, 'access-control-request-method': 'POST', 'access-control-request-headers': 'Content-Type' } });
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.deepEqual(cors(answer), echoed);
    assert.equal(answer.headers['access-control-allow-headers'], 'Content-Type');
    assert.equal(answer.headers['access-control-allow-methods'], 'GET, POST');
  }
  const allowed = async (asked, origin = ours) => {
    const { headers } = await ask(t, scene, 'OPTIONS', handshake, { headers: { origin, 'access-control-request-headers': asked } });
    return headers['access-control-allow-headers'];
  };
  assert.equal(await allowed('authorization, x-site'), 'authorization, x-site');
  assert.equal(await allowed('authorization', 'https://evil.example'), undefined);
  assert.equal(await allowed('x'.repeat(513)), 'Content-Type');
  await assert.rejects(new Sock(t, scene, from('https://evil.example')).opened);
  await Sock.connect(t, scene, from(ours));
});

test('without a list of origins our own host is the only one', async (t) => {
  const scene = await startScene(t);
  const handshake = '/socket.io/?EIO=4&transport=polling';
  assertFault(await ask(t, scene, 'GET', handshake, { headers: { origin: 'http://evil' } }), 4);
  const own = await ask(t, scene, 'GET', handshake, { headers: { origin: 'http://relay' } });
  assert.deepEqual([own.status, own.headers['access-control-allow-origin']], [200, 'http://relay']);
});

const BEATS = { 'relay.socketio_ping_interval': '1s', 'relay.socketio_ping_timeout': '1s' };

test('revision 4: the relay pings, and gives up a client that does not answer', async (t) => {
  const scene = await startScene(t, BEATS);
  const [polling, sock] = [await new Page(t, scene).open(), await Sock.connect(t, scene)];
  const [mute, deaf] = [await new Page(t, scene).open(), await Sock.connect(t, scene)];
  sock.socket.on('message', (data) => data.toString() === '2' && sock.say('3'));
  // Messages are no answer.
  const talk = setInterval(() => deaf.socket.readyState === 1 && deaf.say('42["x"]'), 100);
  t.after(() => clearInterval(talk));
  const last = (async () => {
    assert.equal((await mute.poll()).text, '2');
    return mute.poll();
  })();
  let isOver = false;
  const over = Promise.all([last, deaf.untilClosed()]).finally(() => (isOver = true));
  for (let beats = 0; !isOver || beats < 3; beats++) {
    assert.equal((await polling.poll()).text, '2');
    await polling.say('3');
  }
  assert.equal((await over)[0].text, '1');
  assert.equal(deaf.frames.at(-1), '2');
  await until('two pings over the WebSocket', () => sock.frames.filter((one) => one === '2').length >= 2);
  assert.equal(sock.closed, null);
  await isGone(mute);
});

test('revision 3: the page pings and is answered, and any packet shows that it is there', async (t) => {
  const scene = await startScene(t, BEATS);
  const [polling, sock] = [await new Page(t, scene, { eio: 3 }).open(), await Sock.connect(t, scene, { eio: 3 })];
  const [mute, chatty] = [await new Page(t, scene, { eio: 3 }).open(), await Sock.connect(t, scene, { eio: 3 })];
  const talk = setInterval(() => chatty.say('42["x"]'), 200);
  t.after(() => clearInterval(talk));
  const beat = setInterval(() => sock.say('2'), 500);
  t.after(() => clearInterval(beat));
  const last = mute.poll();
  for (let isOver = false; !isOver; ) {
    const pending = polling.poll();
    await polling.say('2');
    assert.equal((await pending).text, '1:3');
    isOver = (await Promise.race([last, new Promise((resolve) => setImmediate(resolve, 'not yet'))])) !== 'not yet';
  }
  assert.equal((await last).text, '1:1');
  await sock.next((one) => one === '3');
  assert.deepEqual([sock.closed, chatty.closed], [null, null]);
  assert.equal(await sessionsOf(scene), 3);
});

test('a heartbeat in the wrong direction ends the session', async (t) => {
  const scene = await startScene(t);
  for (const [eio, packet] of [[3, '3'], [4, '2']]) {
    const sock = await Sock.connect(t, scene, { eio });
    sock.say(packet);
    await sock.untilClosed();
    const page = await new Page(t, scene, { eio }).open();
    assertFault(await page.post(page.framing.write([packet])), 3);
    await isGone(page);
  }
});

// Opened, and then closed: a client reads that, where a refused upgrade is but an error.
async function isTurnedAway(sock) {
  await sock.opened;
  assert.deepEqual(await sock.untilClosed(), { code: 1000 });
}

// A page of `user` that polls, and its second connection, which probes.
async function probing(t, scene, { eio = 4, user = '42' } = {}) {
  const page = await new Page(t, scene, { eio }).open();
  assert.deepEqual(await page.login(scene.token(user)), { ok: true });
  const sock = new Sock(t, scene, { eio, sid: page.sid });
  await sock.opened;
  return [page, sock];
}

for (const eio of [3, 4]) {
  const noop = eio === 4 ? '6' : '1:6';
  const [beat, answer] = eio === 4 ? ['3', null] : ['2', '3'];

  test(`revision ${eio}: an upgrade ends the pending poll, and goes on where polling ended`, async (t) => {
    const scene = await startScene(t);
    const [page, sock] = await probing(t, scene, { eio });
    const pending = page.poll();
    await publish(scene, { to: '42', content: 'before' });
    assert.deepEqual(page.framing.read((await pending).text), ['42["new_msg","before"]']);
    const next = page.poll();
    sock.say('2probe');
    assert.equal(await sock.next(() => true), '3probe');
    assert.equal((await next).text, noop);
    assert.equal((await page.poll()).text, noop);
    await publish(scene, { to: '42', content: 'between' });
    assert.equal(sock.frames.length, 1);
    sock.say('5', beat, '421["login"]');
    await sock.next((one) => one === '431[{"ok":true}]');
    assert.deepEqual(sock.frames.slice(1), ['42["new_msg","between"]', ...(answer ? [answer] : []), '431[{"ok":true}]']);
    // HTTP is over for this session, and a further WebSocket too.
    assertFault(await page.poll(), 3);
    assertFault(await page.post(page.framing.write(['4'])), 3);
    await isTurnedAway(new Sock(t, scene, { eio, sid: page.sid }));
    await publish(scene, { to: '42', content: 'after' });
    await sock.nextMessage('after');
    assert.equal(await sessionsOf(scene), 1);
    sock.say('1');
    await sock.untilClosed();
    await isGone(page);
  });

  test(`revision ${eio}: 2probe and 5 in one go upgrade as well`, async (t) => {
    const scene = await startScene(t);
    const [page, sock] = await probing(t, scene, { eio });
    const pending = page.poll();
    await scene.turn(); // until the poll waits
    scene.inOneTurn(() => sock.say('2probe', '5', '421["login"]'));
    await sock.next((one) => one === '431[{"ok":true}]');
    assert.equal((await pending).text, noop);
  });

  test(`revision ${eio}: 5 without 2probe upgrades, as elephant.io does it`, async (t) => {
    const scene = await startScene(t);
    const page = await new Page(t, scene, { eio }).open();
    const sock = new Sock(t, scene, { eio, sid: page.sid });
    await sock.opened;
    sock.say('5');
    assert.deepEqual(await sock.login(scene.token('42')), { ok: true });
    assert.equal((await publish(scene, { to: '42', content: 'hello' })).text, 'ok');
    await sock.nextMessage('hello');
  });

  test(`revision ${eio}: a page that disconnects closes its session without an error`, async (t) => {
    const scene = await startScene(t);
    const page = await new Page(t, scene, { eio }).open();
    await page.login(scene.token('42'));
    const pending = page.poll();
    await page.say('41');
    await until('the user to be offline', async () => (await scene.call('GET', '/online?user=42')).json.online[42] === 0);
    await page.say('1');
    const { status, text } = await pending;
    assert.deepEqual([status, text], [200, noop]);
    await isGone(page);
  });

  test(`revision ${eio}: a page that disconnects, and then is silent, is told the end`, async (t) => {
    const scene = await startScene(t);
    const page = await new Page(t, scene, { eio }).open();
    const pending = page.poll();
    await page.say('41');
    const { status, text } = await pending;
    assert.deepEqual([status, page.framing.read(text)], [200, ['1']]);
    await isGone(page);
  });

  test(`revision ${eio}: a poll that comes in one turn with the upgrade does not hinder it`, async (t) => {
    const scene = await startScene(t);
    const [page, sock] = await probing(t, scene, { eio });
    let pending;
    scene.inOneTurn(() => {
      pending = page.poll();
      sock.say('2probe', '5', '421["login"]');
    });
    await sock.next((one) => one === '431[{"ok":true}]');
    // Heard first it is ended by the upgrade; heard last it comes too late.
    const { status, text } = await pending;
    assert.deepEqual([status, text], status === 200 ? [200, noop] : [400, fault(3)]);
    await publish(scene, { to: '42', content: 'after' });
    await sock.nextMessage('after');
  });

  test(`revision ${eio}: what is no upgrade closes the second connection alone`, async (t) => {
    const scene = await startScene(t);
    for (const frames of [['2'], ['3probe'], ['2probe', '2'], ['2probe', '421["login"]'], ['2probe', '6'], ['x'], [''], [Buffer.from('2probe')], ['2probe', '1']]) {
      const [page, sock] = await probing(t, scene, { eio });
      sock.say(...frames);
      await sock.untilClosed();
      await publish(scene, { to: '42', content: 'still here' });
      await page.next((one) => one === '42["new_msg","still here"]');
      await page.say('1');
    }
  });
}

test('of two upgrades at once the second is refused, and the first goes on', async (t) => {
  const scene = await startScene(t);
  const [page, first] = await probing(t, scene);
  await isTurnedAway(new Sock(t, scene, { sid: page.sid }));
  first.say('2probe', '5');
  await publish(scene, { to: '42', content: 'hello' });
  await first.nextMessage('hello');
});

test('an upgrade that takes too long is given up, one that drops is forgotten, and another may follow', async (t) => {
  const scene = await startScene(t, { 'relay.socketio_upgrade_timeout': '100ms' });
  const [page, sock] = await probing(t, scene);
  sock.say('2probe');
  await sock.untilClosed();
  const upgrade = () =>
    until('one more to be let in', async () => {
      const one = new Sock(t, scene, { sid: page.sid });
      await one.opened;
      return one;
    });
  (await upgrade()).socket.terminate();
  const third = await upgrade();
  third.say('2probe', '5');
  await publish(scene, { to: '42', content: 'hello' });
  await third.nextMessage('hello');
});

test('a session that ends takes its upgrade with it', async (t) => {
  const scene = await startScene(t);
  const ends = [
    (page) => page.say('1'),
    (page) => page.say('41'),
    (page) => page.post('garbage'),
    async (page) => {
      page.poll().catch(() => {});
      page.line.socket.end();
    },
  ];
  for (const end of ends) {
    const [page, sock] = await probing(t, scene);
    await end(page);
    await sock.untilClosed();
  }
  await until('all to be gone', async () => (await sessionsOf(scene)) === 0);
});

test('a page that is kicked while it probes is told by polling', async (t) => {
  const scene = await startScene(t);
  const [page, sock] = await probing(t, scene);
  sock.say('2probe');
  await sock.next(() => true);
  await scene.call('POST', '/kick', { json: { user: '42' } });
  await sock.untilClosed();
  assert.equal((await page.poll()).text, '41');
  await page.say('1');
});

const byBoth = (name, part) => {
  for (const eio of [3, 4])
    for (const transport of ['polling', 'websocket'])
      test(`revision ${eio} by ${transport}: ${name}`, async (t) => {
        const open = async (scene) => (transport === 'websocket' ? Sock.connect(t, scene, { eio }) : new Page(t, scene, { eio }).open());
        await part(t, { eio, open });
      });
};

const is = (packet) => (one) => one === packet;
const heardOf = (page) => page.heard ?? page.frames;
// The first packet from now on that `likes`.
const nextOf = (page, likes, from) => page.next(likes, page.heard ? from : { from });

byBoth('connect, login and its acknowledgement', async (t, { eio, open }) => {
  const scene = await startScene(t);
  const page = await open(scene);
  const bads = ['nonsense', '', null, {}, ['x'], true, 42, scene.token('42', { exp: 1 })];
  for (const bad of bads) {
    const { ok, error } = await page.login(bad);
    assert.deepEqual([ok, typeof error], [false, 'string'], JSON.stringify(bad));
  }
  for (const packet of ['421["login"]', '421["login",{"token":"x"}]']) {
    const from = heardOf(page).length;
    await page.say(packet);
    await nextOf(page, (one) => one.startsWith('431[{"ok":false'), from);
  }
  await page.say('42["login"]');
  assert.deepEqual(await page.login(scene.token('42')), { ok: true });
  // A second one is answered, and ignored.
  assert.deepEqual(await page.login(scene.token('43')), { ok: true });
  assert.deepEqual((await scene.call('GET', '/online?user=42&user=43')).json, { online: { 42: 1, 43: 0 } });
  await page.say('42["unknown","event"]', '4217["unknown"]', '42[7,"a number"]', '4399[]');
  // Another namespace is unknown, in each revision's way, and the session goes on.
  for (const namespace of eio === 3 ? ['/chat', '/chat,', '/chat?token=1', '/chat?token=1,'] : ['/chat', '/chat,', '/chat,{"token":"x"}']) {
    const from = heardOf(page).length;
    await page.say(`40${namespace}`);
    await nextOf(page, is(eio === 3 ? '44/chat,"Invalid namespace"' : '44/chat,{"message":"Invalid namespace"}'), from);
  }
  await publish(scene, { to: '42', content: 'hello' });
  await page.next(is('42["new_msg","hello"]'));
});

byBoth('a page that leaves "/" is gone', async (t, { open }) => {
  const scene = await startScene(t);
  const page = await open(scene);
  await page.login(scene.token('42'));
  await page.say('41');
  if (page.poll) await page.say('1');
  await until('it to be gone', async () => (await sessionsOf(scene)) === 0);
});

test('revision 4: the page connects itself, with a token in auth if it likes', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_online_count': 'yes' });
  const auth = (token) => JSON.stringify({ token });
  const page = await new Page(t, scene).open(auth(scene.token('42')));
  const { sid } = JSON.parse(page.heard[0].slice(2));
  assert.match(sid, /^[\w-]{24}$/);
  assert.notEqual(sid, page.sid);
  await page.next((one) => one.startsWith('42["update_online_count"'));
  assert.deepEqual((await scene.call('GET', '/online?user=42')).json, { online: { 42: 1 } });

  const sock = new Sock(t, scene);
  await sock.opened;
  sock.say(`40${auth('forged')}`);
  await sock.next(is('44{"message":"not authorized"}'));
  sock.say(`40${auth(scene.token('43'))}`);
  await sock.next((one) => one.startsWith('40{"sid":'));
  assert.deepEqual(await sock.login('whatever'), { ok: true });
  assert.deepEqual((await scene.call('GET', '/online?user=43')).json, { online: { 43: 1 } });
  sock.say('40');
  await sock.untilClosed();

  for (const packet of ['42["login","x"]', '41', '43[]', '42/chat,["x"]', '40[]', '40"x"', '4']) {
    const early = new Sock(t, scene);
    await early.opened;
    early.say(packet);
    await early.untilClosed();
  }
});

test('revision 4: a client that does not connect in time is closed; revision 3 is connected at once', async (t) => {
  const scene = await startScene(t, { 'relay.socketio_connect_timeout': '1s' });
  const [sock, page, refused] = [new Sock(t, scene), new Page(t, scene), new Sock(t, scene)];
  const [old, newest] = [await Sock.connect(t, scene, { eio: 3 }), await Sock.connect(t, scene)];
  await Promise.all([sock.opened, page.shake(), refused.opened]);
  refused.say('40/chat,');
  const pending = page.poll();
  await Promise.all([sock.untilClosed(), refused.untilClosed()]);
  assert.equal((await pending).text, '1');
  assert.deepEqual([old.frames[1], old.closed, newest.closed], ['40', null, null]);
  old.say('40', '40{}', '42/chat,["x"]');
  assert.equal((await old.login('x')).ok, false);
});

const masked = (text, ...sids) => sids.reduce((all, sid) => all.replaceAll(sid, 'S'.repeat(sid.length)), text);
const S = 'S'.repeat(24);

test('whole sessions, to the byte', async (t) => {
  const scene = await startScene(t, { ...LEGACY, 'relay.socketio_ping_timeout': '5s', 'relay.socketio_max_payload': '1000000' });
  const open3 = `0{"sid":"${S}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}`;

  const page = new Page(t, scene, { eio: 3, more: '&t=N8hyd6w' });
  const opened = await page.shake();
  assert.equal(masked(opened.text, page.sid), `${open3.length}:${open3}2:40`);
  const said = await page.post('14:42["login",42]');
  assert.deepEqual([said.status, said.headers['content-type'], said.text], [200, 'text/html', 'ok']);
  const pending = page.poll();
  const sock = new Sock(t, scene, { eio: 3, sid: page.sid });
  await sock.opened;
  sock.say('2probe');
  await sock.next(() => true);
  assert.equal((await pending).text, '1:6');
  sock.say('5');
  await publish(scene, { to: '42', content: 'hi' });
  await sock.nextMessage('hi');
  sock.say('2');
  await sock.next(is('3'));
  assert.deepEqual(sock.frames, ['3probe', '42["new_msg","hi"]', '3']);

  const { text } = await ask(t, scene, 'GET', '/socket.io/?EIO=3&transport=polling&t=1445590039000-0');
  const digits = [...String(open3.length)].map((digit) => String.fromCharCode(digit)).join('');
  assert.equal(masked(text, text.match(/"sid":"([^"]*)"/)[1]), `\0${digits}\xff${open3}\0\x02\xff40`);

  const newest = new Page(t, scene);
  assert.equal(
    masked((await newest.shake()).text, newest.sid),
    `0{"sid":"${S}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000,"maxPayload":1000000}`,
  );

  const direct = await Sock.connect(t, scene, { auth: '{"token":"7"}' });
  const socketId = JSON.parse(direct.frames[1].slice(2)).sid;
  direct.say('42["login","7"]');
  await publish(scene, { to: '7', content: '你好 😀 <b>' });
  await direct.next((one) => one.startsWith('42'));
  assert.deepEqual(direct.frames.map((one) => masked(one, direct.sid, socketId)), [
    `0{"sid":"${S}","upgrades":[],"pingInterval":25000,"pingTimeout":5000,"maxPayload":1000000}`,
    `40{"sid":"${S}"}`,
    '42["new_msg","\\u4f60\\u597d \\ud83d\\ude00 &lt;b&gt;"]',
  ]);
});

test('one connection carries many requests, one after the other and pipelined', async (t) => {
  const scene = await startScene(t, LEGACY);
  const page = new Page(t, scene);
  const { line } = page;
  await page.shake();
  const say = (body) => line.ask('POST', page.target(), { body });
  assert.equal((await say('40')).text, 'ok');
  assert.match((await page.poll()).text, /^40\{/);
  for (let i = 0; i < 5; i++) {
    assert.equal((await say(`42${i}["login","42"]`)).text, 'ok');
    assert.equal((await page.poll()).text, `43${i}[{"ok":true}]`);
  }
  // Behind a poll that waits the others wait too, and are then answered in their order.
  const answers = [page.poll(), say('427["login","42"]'), page.poll(), line.ask('GET', '/socket.io/')];
  await publish(scene, { to: '42', content: 'one' });
  const [first, said, second, wrong] = await Promise.all(answers);
  assert.deepEqual([first.text, said.text, second.text], ['42["new_msg","one"]', 'ok', '437[{"ok":true}]']);
  assertFault(wrong, 0);
  // Byte by byte as well, while a poll waits elsewhere.
  const pending = page.poll(new Line(t, scene.port));
  const slow = line.answer();
  for (const byte of requestText('POST', page.target(), { body: '428["login","42"]' })) line.write(byte);
  assert.equal((await slow).text, 'ok');
  assert.equal((await pending).text, '438[{"ok":true}]');
});

test('what may follow a poll that waits is bounded', async (t) => {
  const scene = await startScene(t);
  const page = await new Page(t, scene).open();
  page.poll().catch(() => {});
  page.line.write('x'.repeat(40_000));
  await page.line.ended;
  await isGone(page);
});

test('a client of HTTP/1.0 is answered, and its connection closed, that of a poll too', async (t) => {
  const scene = await startScene(t, LEGACY);
  const page = new Page(t, scene, { eio: 3 });
  const old = async (method, options) => {
    const line = new Line(t, scene.port);
    const answer = await line.ask(method, page.target(), { version: '1.0', ...options });
    assert.equal(answer.headers.connection, 'close');
    assert.equal(await line.ended, '');
    return answer;
  };
  page.sid = (await old('GET')).text.match(/"sid":"([^"]*)"/)[1];
  assert.equal((await old('POST', { body: '16:42["login","42"]' })).text, 'ok');
  const pending = old('GET');
  await publish(scene, { to: '42', content: 'hi' });
  assert.equal((await pending).text, '18:42["new_msg","hi"]');
});

test('socketio_path moves it all', async (t) => {
  const scene = await startScene(t, { 'relay.socketio_path': '/bells/io/' });
  for (const path of ['/socket.io/', '/bells/', '/bells/io/x', '/bells/io//', '/bells/i'])
    assert.equal((await ask(t, scene, 'GET', `${path}?EIO=4&transport=polling`)).status, 404, path);
  for (const path of ['/bells/io/', '/bells/io'])
    assert.equal((await ask(t, scene, 'GET', `${path}?EIO=4&transport=polling`)).status, 200, path);
  await Sock.connect(t, scene);
});

const online = async (scene, user = '42') => (await scene.call('GET', `/online?user=${user}`)).json.online[user];

test('the cookie logs in by itself, but for pages of our own alone', async (t) => {
  const ours = 'https://a.example';
  const scene = await startScene(t, { ...OPEN, 'auth.origins': ours }); // more than 20 of a user in a second
  const cookie = `doorbell_token=${scene.token('42')}`;
  const rows = [
    [{ origin: ours }, true],
    [{ origin: ours, 'sec-fetch-site': 'cross-site' }, true],
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    // A script, which is how JSONP asks, of a neighbouring page, or of a browser that tells nothing.
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{}, false],
    [{ origin: ours, cookie: 'doorbell_token=forged' }, false],
    [{ origin: ours, cookie: `${cookie}; ${cookie}` }, true],
    [{ origin: ours, cookie: `${cookie}; doorbell_token=planted` }, false],
    [{ origin: ours, cookie: `doorbell_token=${scene.token('42', { exp: 1 })}` }, false],
  ];
  for (const [headers, isKnown] of rows) {
    const what = JSON.stringify(headers);
    for (const more of ['', '&j=0&b64=1']) {
      const page = new Page(t, scene, { eio: 3, more, headers: { cookie, ...headers } });
      const { text } = await ask(t, scene, 'GET', page.target(), { headers: page.headers });
      assert.equal(await online(scene), isKnown ? 1 : 0, what);
      page.sid = text.match(/"sid\\?":\\?"([\w-]{24})/)[1];
      const said = await page.post(more ? 'd=1:1' : '1:1', { 'content-type': 'application/x-www-form-urlencoded' });
      assert.equal(said.text, 'ok');
    }
    const sock = await Sock.connect(t, scene, { headers: { cookie, ...headers } });
    assert.equal(await online(scene), isKnown ? 1 : 0, what);
    sock.say('1');
    await sock.untilClosed();
  }
});

test('a session is asked about by its own client alone: its cookie binds, or else its address', async (t) => {
  const ours = 'https://a.example';
  const scene = await startScene(t, { 'auth.origins': ours, 'relay.trusted_proxies': '127.0.0.1' });
  const from = (address, user, claims) => ({
    origin: ours,
    'x-forwarded-for': address,
    ...(user && { cookie: `doorbell_token=${scene.token(user, claims)}` }),
  });
  const stranger = async (page, headers, what) => {
    assertFault(await ask(t, scene, 'GET', page.target(), { headers }), 1, what);
    assertFault(await ask(t, scene, 'POST', page.target(), { headers, body: '1' }), 1, what);
    assert.equal((await ask(t, scene, 'POST', page.target(), { headers: { ...headers, 'content-length': '1000000' } })).status, 413, what);
    await assert.rejects(new Sock(t, scene, { sid: page.sid, headers }).opened, /400/, what);
  };
  const open = async (headers) => new Page(t, scene, { headers }).open();

  const byCookie = await open(from('192.0.2.1', '42'));
  await stranger(byCookie, from('192.0.2.1'), 'without the cookie');
  await stranger(byCookie, from('192.0.2.1', '43'), 'by the cookie of another user');
  await stranger(byCookie, from('192.0.2.1', '42', { exp: 1 }), 'by a cookie that has expired');
  // A phone comes from elsewhere, perhaps with a fresh cookie.
  for (const headers of [from('198.51.100.7', '42', { exp: Math.floor(Date.now() / 1000) + 777 }), { ...byCookie.headers, 'x-forwarded-for': '2001:db8::1' }]) {
    byCookie.headers = headers;
    assert.equal((await byCookie.login('x')).ok, true);
  }
  const moved = new Sock(t, scene, { sid: byCookie.sid, headers: from('203.0.113.5', '42') });
  await moved.opened;
  moved.say('2probe');
  await moved.next((one) => one === '3probe');

  const byToken = await open(from('2001:db8:0:1::1'));
  assert.equal((await byToken.login(scene.token('42'))).ok, true);
  await stranger(byToken, from('2001:db8:0:2::1'), 'another network');
  await stranger(byToken, from('192.0.2.1'), 'another family');
  byToken.headers = from('2001:db8:0:1::2'); // a host changes this by itself
  assert.equal((await byToken.login('x')).ok, true);
  // What cookie comes along does not count, where none has logged in.
  byToken.headers = from('2001:db8:0:1::2', '43');
  assert.equal((await byToken.login('x')).ok, true);
  await stranger(await open(from('192.0.2.1')), from('192.0.2.2'), 'before the login');
});

test('a session that was kicked tells the cookie that logged it in', async (t) => {
  const ours = 'https://a.example';
  const scene = await startScene(t, { 'auth.origins': ours });
  const page = await new Page(t, scene, { headers: { origin: ours, cookie: `doorbell_token=${scene.token('42')}` } }).open();
  await scene.call('POST', '/kick', { json: { user: '42' } });
  await page.next((one) => one === '41');
});

test('clients of back ends need no listed origin, and a cookie of theirs is no proof', async (t) => {
  const scene = await startScene(t, { 'auth.origins': 'https://a.example' });
  for (const origin of ['*', scene.origin]) {
    const headers = { origin, host: `127.0.0.1:${scene.port}` };
    const page = await new Page(t, scene, { headers }).open();
    assert.equal((await page.login(scene.token('42'))).ok, true, origin);
    const sock = await Sock.connect(t, scene, { headers });
    assert.equal((await sock.login(scene.token('42'))).ok, true, origin);
    const bell = await scene.connect('42', { headers });
    await bell.next('welcome');
    const users = await online(scene);
    const cookie = `doorbell_token=${scene.token('42')}`;
    await Sock.connect(t, scene, { headers: { ...headers, cookie } });
    assert.equal(await online(scene), users);
    assert.equal((await ask(t, scene, 'GET', '/ws', { headers: { ...UPGRADE, ...headers, cookie } })).status, 403);
  }
  const legacy = await startScene(t, { ...LEGACY, 'auth.origins': 'https://a.example' });
  const polling = '/socket.io/?EIO=4&transport=polling';
  assert.equal((await ask(t, legacy, 'GET', polling, { headers: { origin: '*' } })).status, 200);
  assertFault(await ask(t, legacy, 'GET', polling, { headers: { origin: 'http://relay' } }), 4);
});

test('a token in the URL counts for nothing', async (t) => {
  const scene = await startScene(t);
  const token = scene.token('42');
  for (const query of [`&token=${token}`, `&doorbell_token=${token}`, `&auth=${encodeURIComponent(JSON.stringify({ token }))}`]) {
    const sock = await Sock.connect(t, scene, { query });
    assert.equal((await sock.login('x')).ok, false);
  }
  const sock = await Sock.connect(t, scene, { eio: 3 });
  sock.say(`40/?token=${token}`, `40/?token=${token},`);
  assert.equal((await sock.login('x')).ok, false);
  assert.equal(await online(scene), 0);
});

const COUNTS = { 'relay.legacy_login': 'yes', 'relay.legacy_online_format': '{users} on {pages} {users}{nobody}' };
const countsOf = (sock) => sock.frames.filter((one) => one.startsWith('42["update_online_count"')).map((one) => JSON.parse(one.slice(2))[1]);
const count = (users, pages) => `42["update_online_count","${users} on ${pages} ${users}{nobody}"]`;

test('counts are told at login, and then to all that changes, once a second at most', async (t) => {
  const scene = await startScene(t, COUNTS);
  const bell = await scene.connect('1', { headers: {} });
  const guest = await Sock.connect(t, scene, { eio: 3 });
  await guest.next(is(count(1, 1)));
  const socks = [];
  const started = Date.now();
  for (let i = 0; i < 30; i++) {
    const sock = await Sock.connect(t, scene, { eio: i % 2 ? 3 : 4 });
    assert.deepEqual(await sock.login(`u${i % 10}`), { ok: true });
    socks.push(sock);
  }
  // At login the numbers of the last second, at once.
  for (const sock of socks) await sock.next((one) => one.startsWith('42["update_online_count"'));
  for (const sock of [guest, ...socks]) await sock.next(is(count(11, 31)));
  const seconds = Math.ceil((Date.now() - started) / 1000) + 1;
  for (const sock of socks) assert.ok(countsOf(sock).length <= 1 + seconds, countsOf(sock).join());
  assert.ok(countsOf(guest).length <= 1 + seconds, countsOf(guest).join());
  for (const sock of socks) assert.deepEqual(countsOf(sock).filter((one, i, all) => i > 1 && one === all[i - 1]), []);
  socks.pop().say('1');
  await guest.next(is(count(11, 30)));
  assert.deepEqual(bell.frames, [{ type: 'welcome', user: '1' }]);
});

test('a page logged in by its cookie is told the counts too, once it is connected', async (t) => {
  const scene = await startScene(t, { ...COUNTS, 'relay.socketio_ping_interval': '1s', 'relay.socketio_ping_timeout': '30s' });
  const cookie = `doorbell_token=${scene.token('42')}`;
  for (const eio of [3, 4]) {
    const page = new Page(t, scene, { eio, headers: { cookie, 'sec-fetch-site': 'same-origin' } });
    await page.shake();
    // Now it is counted, and another one is told so, before it is connected itself.
    const other = await Sock.connect(t, scene);
    other.socket.on('message', (data) => data.toString() === '2' && other.say('3'));
    await other.login('43');
    await other.next(is(count(2, 2)));
    if (eio === 4) {
      // Pings come of the walk that tells the counts: at the next one it has come by everybody.
      await other.next(is('2'), { from: other.frames.length });
      await page.say('40');
    }
    await page.next(is(count(2, 2)));
    await page.say('1');
    other.say('1');
    await until('both to be gone', async () => (await sessionsOf(scene)) === 0);
  }
});

test('counts are off by default', async (t) => {
  const scene = await startScene(t);
  const sock = await Sock.connect(t, scene);
  const watcher = await scene.connect('1');
  watcher.send({ type: 'login', online: true });
  assert.deepEqual(await sock.login(scene.token('42')), { ok: true });
  await watcher.next((one) => one.type === 'online' && one.users === 2);
  await sock.login('x');
  assert.deepEqual(countsOf(sock), []);
});

const fill = (character, length) => character.repeat(length);

test('overlapping broadcasts of different texts reach each page once and in order, and no later one', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.legacy_publish': 'yes', 'relay.pace': '60' });
  const pages = await Promise.all(Array.from({ length: 40 }, (_, i) => Sock.connect(t, scene, { eio: i % 2 ? 3 : 4 })));
  const late = [];
  const texts = ['one', 'two', 'three', 'four'];
  for (const [i, content] of texts.entries()) {
    await publish(scene, { to: '', content });
    await until('some to have it, and some not yet', () => pages.some((one) => one.messages().length > i));
    late.push(await Sock.connect(t, scene));
  }
  assert.ok(pages.some((one) => one.messages().length < 4), 'it was over too soon');
  for (const page of pages) await page.nextMessage('four');
  await publish(scene, { to: '', content: 'last' });
  for (const page of [...pages, ...late]) await page.nextMessage('last');
  for (const page of pages) assert.deepEqual(page.messages(), [...texts, 'last']);
  for (const [i, page] of late.entries()) assert.deepEqual(page.messages(), [...texts.slice(i + 1), 'last']);
});

test('texts under way are bounded: one too many is refused, nobody is closed for the others', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.legacy_publish': 'yes', 'relay.pace': '10', 'relay.socketio_max_pending': '20000' });
  const pages = await Promise.all(Array.from({ length: 12 }, () => Sock.connect(t, scene)));
  const polling = await new Page(t, scene).open();
  const sent = [];
  let refused;
  for (let i = 0; !refused; i++) {
    const content = fill(String(i % 10), 3000);
    const answer = await scene.call('POST', '/', { form: { type: 'publish', content } });
    if (answer.status === 429) refused = answer;
    else sent.push(content);
  }
  assert.deepEqual([refused.text, refused.headers['retry-after']], ['fail', '1']);
  assert.ok(sent.length >= 3);
  assert.equal(await scene.metric('rings_total', { kind: 'all' }), sent.length);
  for (const page of pages) await page.nextMessage(sent.at(-1));
  for (const page of pages) assert.deepEqual(page.messages(), sent);
  await until('there to be room again', async () => (await scene.call('POST', '/', { form: { type: 'publish', content: 'room' } })).text === 'ok');
  await polling.next(is('42["new_msg","room"]'));
  assert.deepEqual(polling.messages(), [...sent, 'room']);
});

test('texts that all have heard make room for others, though broadcasts overlap without an end', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.legacy_publish': 'yes', 'relay.pace': '60', 'relay.socketio_max_pending': '4096' });
  const pages = await Promise.all(Array.from({ length: 40 }, () => Sock.connect(t, scene)));
  const texts = Array.from({ length: 16 }, (_, i) => fill(String.fromCharCode(97 + i), 200));
  for (const content of texts) {
    await publish(scene, { to: '', content });
    await until('half of them to have it', () => pages.filter((one) => one.messages().includes(content)).length >= 20);
  }
  for (const page of pages) await page.nextMessage(texts.at(-1));
  for (const page of pages) assert.deepEqual(page.messages(), texts);
});

test('texts that nobody is there to hear do not pile up', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.legacy_publish': 'yes', 'relay.pace': '1', 'relay.socketio_max_pending': '8192' });
  for (let i = 0; i < 10; i++) await publish(scene, { content: fill('x', 3000) });
  // Nor those whose last hearer goes away before their turn.
  const pages = await Promise.all(Array.from({ length: 5 }, () => Sock.connect(t, scene)));
  await publish(scene, { content: fill('y', 3000) });
  for (const page of pages) page.socket.terminate();
  await until('all to be gone', async () => (await sessionsOf(scene)) === 0);
  await until('the text to be forgotten', async () => (await scene.call('POST', '/', { form: { type: 'publish', content: fill('z', 3000) } })).status === 200);
});

test('a ring of an inbox says legacy_text, once, to those who have one', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.legacy_text': '来信 <b>', 'relay.pace': '0', 'relay.legacy_publish': 'yes' });
  const [guest, user, polling] = [await Sock.connect(t, scene), await Sock.connect(t, scene), await new Page(t, scene).open()];
  await user.login(scene.token('42'));
  await polling.login(scene.token('42'));
  await scene.ring({ all: true, seq: 1 }, { all: true, seq: 2 }, { to: ['42'], version: 3, seq: 2, num: 1 });
  await publish(scene, { to: '', content: 'end' });
  for (const page of [guest, user]) await page.nextMessage('end');
  await polling.next(is('42["new_msg","end"]'));
  assert.deepEqual(guest.messages(), ['end']);
  assert.deepEqual(polling.messages(), ['来信 &lt;b&gt;', 'end']);
  assert.deepEqual(new Set(user.messages()), new Set(['来信 &lt;b&gt;', 'end']));
});

test('the longest text that is taken closes no page, and a longer one is refused', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_anonymous': 'yes', 'relay.legacy_publish': 'yes', 'relay.pace': '0', 'relay.socketio_max_pending': '4096' });
  const polling = await new Page(t, scene).open();
  await polling.login(scene.token('42'));
  const sock = await Sock.connect(t, scene);
  await sock.login(scene.token('42'));
  const fits = fill('x', 2047 - '42["new_msg",""]'.length);
  for (const to of ['', '42']) {
    const refused = await publish(scene, { to, content: `${fits}x` }, 413);
    assert.equal(refused.text, 'fail');
    await publish(scene, { to, content: fits });
  }
  await until('both to have come', () => sock.messages().length === 2);
  await polling.next(is(`42["new_msg","${fits}"]`));
  assert.deepEqual(polling.messages(), [fits, fits]);
});

test('what comes in one turn by several connections is heard in the order in which it came', async (t) => {
  const scene = await startScene(t);
  for (let i = 0; i < 20; i++) {
    const page = await new Page(t, scene).open();
    const other = new Line(t, scene.port);
    await other.ask('OPTIONS', page.target());
    // The kernel keeps what was readable in its list until it is asked once more.
    await scene.turn();
    const post = { body: '1', headers: { 'content-type': TEXT } };
    let answers;
    scene.inOneTurn(() => {
      answers = [page.poll(), other.ask('POST', page.target(), post)];
    });
    const [poll, close] = await Promise.all(answers);
    assert.deepEqual([poll.status, poll.text, close.status, close.text], [200, '6', 200, 'ok']);
  }
});

test('a script of a foreign page hears nothing', async (t) => {
  const scene = await startScene(t, { 'auth.origins': 'https://a.example' });
  const jsonp = '/socket.io/?EIO=3&transport=polling&j=0';
  const ask1 = (target, headers) => ask(t, scene, 'GET', target, { headers });
  for (const target of [jsonp, '/socket.io/?EIO=4&transport=polling']) {
    assertFault(await ask1(target, { 'sec-fetch-site': 'cross-site' }), 4, target);
    for (const headers of [{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'cross-site', origin: 'https://a.example' }])
      assert.equal((await ask1(target, headers)).status, 200, JSON.stringify(headers));
  }
});

test('a refusal for want of room can be read by a page of a listed origin', async (t) => {
  const origin = 'https://a.example';
  const scene = await startScene(t, { 'relay.max_sessions': '1', 'auth.origins': origin });
  const target = '/socket.io/?EIO=4&transport=polling';
  assert.equal((await ask(t, scene, 'GET', target, { headers: { origin } })).status, 200);
  const { status, headers } = await ask(t, scene, 'GET', target, { headers: { origin } });
  assert.deepEqual([status, headers['retry-after'], headers['access-control-allow-origin']], [503, '5', origin]);
});
