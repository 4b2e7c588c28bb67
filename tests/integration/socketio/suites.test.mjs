// SPDX-License-Identifier: MIT
// The cases of the public suites of engine.io-protocol and socket.io-protocol, by their names, for both
// revisions; without those that need a server that echoes, or one with a namespace of its own.
//
// Two differ. "should disconnect from the main namespace" leaves the connection open; here it is
// closed, as in the suite before: a session without a page in "/" has nothing to hear, and its client
// closes it anyway. And maxPayload is told in revision 4 alone, as by revision 3's own servers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { OPEN, until } from '../../harness/index.mjs';
import { ask, Line, Page, Sock, startScene } from './raw.mjs';

const PING = 1000;
const PAYLOAD = 1_000_000;

const ends = [];
const t = { after: (end) => void ends.push(end) };
let scene;

before(async () => {
  scene = await startScene(t, {
    ...OPEN,
    'relay.socketio_ping_interval': '1s',
    'relay.socketio_ping_timeout': '1s',
    'relay.socketio_connect_timeout': '1s',
    'relay.socketio_max_payload': String(PAYLOAD),
  });
});
after(async () => {
  for (const end of ends.reverse()) await end();
});

const status = async (method, query, body) => (await ask(t, scene, method, `/socket.io/${query}`, { body })).status;

const refuses = (query) => assert.rejects(new Sock(t, scene, { query }).opened, /400/);

function assertOpening(eio, opening, upgrades) {
  const { sid, ...rest } = opening;
  assert.equal(typeof sid, 'string');
  assert.deepEqual(rest, { upgrades, pingInterval: PING, pingTimeout: PING, ...(eio === 4 && { maxPayload: PAYLOAD }) });
}

for (const eio of [3, 4]) {
  const shaken = async () => {
    const page = new Page(t, scene, { eio });
    await page.shake();
    return page;
  };
  const opened = async () => {
    const sock = new Sock(t, scene, { eio });
    await sock.next((one) => one.startsWith('0{'));
    return sock;
  };
  const packet = (one) => (eio === 4 ? one : `${one.length}:${one}`);
  const gone = async (page) => assert.equal((await ask(t, scene, 'GET', page.target())).status, 400);
  const upgraded = async () => {
    const page = await shaken();
    const sock = new Sock(t, scene, { eio, sid: page.sid });
    await sock.opened;
    sock.say('2probe');
    await sock.next((one) => one === '3probe');
    return { page, sock };
  };

  describe(`Engine.IO protocol, revision ${eio}`, () => {
    describe('handshake', () => {
      describe('HTTP long-polling', () => {
        it('successfully opens a session', async () => assertOpening(eio, (await shaken()).opening, ['websocket']));
        it("fails with an invalid 'EIO' query parameter", async () => {
          assert.equal(await status('GET', '?transport=polling'), 400);
          assert.equal(await status('GET', '?EIO=abc&transport=polling'), 400);
        });
        it("fails with an invalid 'transport' query parameter", async () => {
          assert.equal(await status('GET', `?EIO=${eio}`), 400);
          assert.equal(await status('GET', `?EIO=${eio}&transport=abc`), 400);
        });
        it('fails with an invalid request method', async () => {
          assert.equal(await status('POST', `?EIO=${eio}&transport=polling`, ''), 400);
          assert.equal(await status('PUT', `?EIO=${eio}&transport=polling`, ''), 400);
        });
      });
      describe('WebSocket', () => {
        it('successfully opens a session', async () => assertOpening(eio, JSON.parse((await opened()).frames[0].slice(1)), []));
        it("fails with an invalid 'EIO' query parameter", () => refuses('&EIO=abc'));
        it("fails with an invalid 'transport' query parameter", () => refuses('&transport=abc'));
      });
    });

    describe('message', () => {
      describe('HTTP long-polling', () => {
        it('closes the session upon invalid packet format', async () => {
          const page = await shaken();
          assert.equal((await page.post('abc')).status, 400);
          await gone(page);
        });
        it('closes the session upon duplicate poll requests', async () => {
          const page = await shaken();
          const [first, second] = [page.poll(), page.poll(new Line(t, scene.port))];
          const answers = (await Promise.all([first, second])).sort((a, b) => a.status - b.status);
          assert.deepEqual(answers.map((one) => one.status), [200, 400]);
          assert.equal(answers[0].text, packet('1'));
          await gone(page);
        });
        it('closes the session upon cancelled polling request', async () => {
          const page = await shaken();
          page.poll().catch(() => {});
          await scene.turn();
          page.line.socket.destroy();
          await scene.turn();
          await gone(page);
        });
      });
      describe('WebSocket', () => {
        it('closes the session upon invalid packet format', async () => {
          const sock = await opened();
          sock.say('abc');
          await sock.untilClosed();
        });
      });
    });

    describe('heartbeat', () => {
      describe('HTTP long-polling', () => {
        it('sends ping/pong packets', async () => {
          const page = await shaken();
          if (eio === 4) await page.say('40');
          for (let i = 0; i < 3; i++) {
            if (eio === 3) await page.say('2');
            const from = page.heard.length;
            await page.next((one) => one === (eio === 3 ? '3' : '2'), from); // says 3 to each 2
          }
        });
        it('closes the session upon ping timeout', async () => {
          const page = await shaken();
          const answers = [];
          // A poll, as the suite's, would be told of a ping or of the end.
          await until('the session to be gone', async () => {
            answers.push(await ask(t, scene, 'PUT', page.target(), { body: '' }));
            return answers.at(-1).text.includes('Session ID unknown');
          });
          assert.ok(answers.length > 1);
          await gone(page);
        });
      });
      describe('WebSocket', () => {
        it('sends ping/pong packets', async () => {
          const sock = await opened();
          if (eio === 4) sock.say('40');
          for (let i = 0; i < 3; i++) {
            const from = sock.frames.length;
            if (eio === 3) sock.say('2');
            await sock.next((one) => one === (eio === 3 ? '3' : '2'), { from });
            if (eio === 4) sock.say('3');
          }
          sock.socket.close();
        });
        it('closes the session upon ping timeout', async () => (await opened()).untilClosed());
      });
    });

    describe('close', () => {
      describe('HTTP long-polling', () => {
        it('forcefully closes the session', async () => {
          const page = await shaken();
          const pending = page.poll();
          await page.say('1');
          assert.equal((await pending).text, packet('6'));
          await gone(page);
        });
      });
      describe('WebSocket', () => {
        it('forcefully closes the session', async () => {
          const sock = await opened();
          sock.say('1');
          await sock.untilClosed();
        });
      });
    });

    describe('upgrade', () => {
      it('successfully upgrades from HTTP long-polling to WebSocket', async () => {
        const { page, sock } = await upgraded();
        assert.equal((await page.poll()).text, packet('6'));
        sock.say('5', ...(eio === 4 ? ['40'] : []), '421["login"]');
        await sock.next((one) => one.startsWith('431'));
      });
      it('ignores HTTP requests with same sid after upgrade', async () => {
        const { page, sock } = await upgraded();
        sock.say('5');
        await scene.turn();
        await gone(page);
        sock.say(...(eio === 4 ? ['40'] : []), '421["login"]');
        await sock.next((one) => one.startsWith('431'));
      });
      it('ignores WebSocket connection with same sid after upgrade', async () => {
        const { page, sock } = await upgraded();
        sock.say('5');
        await new Sock(t, scene, { eio, sid: page.sid }).untilClosed();
        sock.say(...(eio === 4 ? ['40'] : []), '421["login"]');
        await sock.next((one) => one.startsWith('431'));
      });
    });
  });

  describe(`Socket.IO protocol, revision ${eio}`, () => {
    const connected = () => Sock.connect(t, scene, { eio });

    describe('connect', () => {
      it('should allow connection to the main namespace', async () => {
        const answer = await (await connected()).next((one) => one.startsWith('40'));
        if (eio === 4) assert.deepEqual(Object.keys(JSON.parse(answer.slice(2))), ['sid']);
      });
      it('should allow connection to the main namespace with a payload', async () => {
        const sock = await opened();
        sock.say(`40${JSON.stringify({ token: scene.token('42') })}`);
        await sock.next((one) => one.startsWith('40'));
      });
      it('should disallow connection to an unknown namespace', async () => {
        const sock = await opened();
        sock.say('40/random');
        await sock.next((one) => one === (eio === 4 ? '44/random,{"message":"Invalid namespace"}' : '44/random,"Invalid namespace"'));
      });
      it('should disallow connection with an invalid handshake', async () => {
        const sock = await opened();
        sock.say('4abc');
        await sock.untilClosed();
      });
      it('should close the connection if no handshake is received', async () => (await opened()).untilClosed());
    });

    describe('disconnect', () => {
      it('should disconnect from the main namespace', async () => {
        const sock = await connected();
        sock.say('41');
        await sock.untilClosed();
      });
    });

    describe('message', () => {
      for (const [name, frame] of [['unknown packet type', '4abc'], ['invalid payload format', '42{}'], ['invalid ack id', '42abc["message-with-ack",1,"2",{"3":[false]}]']])
        it(`should close the connection upon invalid format (${name})`, async () => {
          const sock = await connected();
          sock.say(frame);
          await sock.untilClosed();
        });
    });
  });
}
