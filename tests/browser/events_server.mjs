// SPDX-License-Identifier: MIT
// events_server.mjs - GET /events as doorbell-relay answers it, where the test says what is told.

import { createHmac } from 'node:crypto';
import http from 'node:http';

import { freePort } from '../harness/index.mjs';

const PING_MS = 1000;

// Whose token it is; null for one that was not signed with `secret`.
function userOf(token, secret) {
  const [header, body, signature] = (token ?? '').split('.');
  const expected = createHmac('sha256', secret).update(`${header}.${body}`).digest('base64url');
  return signature === expected ? JSON.parse(Buffer.from(body, 'base64url')).sub : null;
}

export class EventsServer {
  asked = 0;
  #streams = new Map(); // each response: its user
  #secret;
  #server;

  static async start(t, secret) {
    const events = new EventsServer();
    events.port = await freePort();
    events.#secret = secret;
    events.#server = http.createServer((req, res) => events.#answer(req, res));
    await new Promise((done) => events.#server.listen(events.port, '127.0.0.1', done));
    const pings = setInterval(() => events.#ping(), PING_MS);
    t.after(() => {
      clearInterval(pings);
      events.#server.close();
      events.#server.closeAllConnections();
    });
    return events;
  }

  isStreaming(user) {
    return this.#streamsOf(user).length > 0;
  }

  tell(user, message) {
    for (const res of this.#streamsOf(user)) write(res, message);
  }

  end(user, code) {
    this.tell(user, { type: 'error', code });
    for (const res of this.#streamsOf(user)) res.end();
  }

  // As a relay that hangs: no pings any more.
  silence(user) {
    for (const res of this.#streamsOf(user)) res.isSilent = true;
  }

  #streamsOf(user) {
    return [...this.#streams].filter(([, its]) => its === user).map(([res]) => res);
  }

  #answer(req, res) {
    const token = /(?:^|;\s*)doorbell_token=([^;]*)/.exec(req.headers.cookie ?? '')?.[1];
    const user = userOf(token, this.#secret);
    const isSamePage = ['same-origin', 'none'].includes(req.headers['sec-fetch-site']);
    this.asked++;
    if (req.method !== 'GET' || req.url !== '/events') res.writeHead(404).end();
    else if (!isSamePage || req.headers.origin) res.writeHead(403).end();
    else if (user === null) res.writeHead(401).end();
    else this.#stream(user, res);
  }

  #stream(user, res) {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    this.#streams.set(res, user);
    res.on('close', () => this.#streams.delete(res));
    write(res, { type: 'welcome', user });
  }

  #ping() {
    for (const res of this.#streams.keys()) if (!res.isSilent) write(res, { type: 'ping' });
  }
}

function write(res, message) {
  res.write(`data: ${JSON.stringify(message)}\n\n`);
}
