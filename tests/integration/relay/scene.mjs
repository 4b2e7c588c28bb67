// SPDX-License-Identifier: MIT
// relay_scene.mjs - doorbell-relay alone, in a folder and on ports of its own, for the tests of it.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { Bell, Events, freePort, makeFolder, makeKey, request, signToken, startRelay, within, writeSettings } from '../../harness/index.mjs';
import { parseMetrics, sumOf } from '../../harness/metrics_text.mjs';

class Scene {
  constructor(t) {
    this.t = t;
    this.dir = makeFolder();
    this.confPath = path.join(this.dir, 'doorbell.conf');
    this.secret = this.writeKey('auth.secret');
    this.publishKey = this.writeKey('publish.key');
  }

  writeKey(name, key = makeKey()) {
    writeFileSync(path.join(this.dir, name), `${key}\n`, { mode: 0o600 });
    return key;
  }

  async settle(config) {
    this.port = await freePort();
    this.publishPort = await freePort();
    this.relayUrl = `ws://127.0.0.1:${this.port}/ws`;
    this.origin = `http://127.0.0.1:${this.port}`;
    this.publishUrl = `http://127.0.0.1:${this.publishPort}`;
    this.settings = {
      'auth.secret_file': path.join(this.dir, 'auth.secret'),
      'auth.publish_key_file': path.join(this.dir, 'publish.key'),
      'relay.listen': `127.0.0.1:${this.port}`,
      'relay.publish_listen': `127.0.0.1:${this.publishPort}`,
      'relay.drain_window': '50ms',
      ...config,
    };
    writeSettings(this.confPath, this.settings);
  }

  async start(options = {}) {
    const listens = [this.settings['relay.listen'], this.settings['relay.publish_listen']];
    this.relay = await startRelay(this.t, { confPath: this.confPath, listens, ...options });
  }

  token(user, claims) {
    return signToken(this.secret, user, claims);
  }

  // A bell that has not logged in, unless options.token or options.cookie (a user) says so.
  bell({ cookie, headers = {}, ...options } = {}) {
    const sent = { ...headers };
    if (cookie) sent.cookie = `doorbell_token=${this.token(cookie)}`;
    const bell = new Bell(this.relayUrl, { headers: sent, ...options });
    this.t.after(() => bell.close());
    return bell;
  }

  async connect(user, options = {}) {
    const bell = this.bell({ token: this.token(user, options.claims), ...options });
    await bell.next('welcome');
    return bell;
  }

  // An event stream of `user` (by the cookie), as a page of our own asks for it; not opened yet.
  events(user, { query = '', headers = {} } = {}) {
    const sent = { 'sec-fetch-site': 'same-origin', ...headers };
    for (const name of Object.keys(sent)) if (sent[name] === undefined) delete sent[name];
    if (user) sent.cookie = `doorbell_token=${this.token(user)}`;
    const events = new Events(`${this.origin}/events${query}`, { headers: sent });
    this.t.after(() => events.close());
    return events;
  }

  async openEvents(user, options) {
    const events = this.events(user, options);
    await events.next('welcome');
    return events;
  }

  // A call of the publish port, with the key unless headers name another.
  call(method, callPath, { headers = {}, ...rest } = {}) {
    const sent = { authorization: `Bearer ${this.publishKey}`, ...headers };
    return request(this.publishUrl, method, callPath, { headers: sent, ...rest });
  }

  ring(...rings) {
    return this.call('POST', '/publish', { json: { rings } });
  }

  async metrics() {
    const { text } = await this.call('GET', '/metrics');
    return parseMetrics(text);
  }

  // Waits until the relay has heard all that was written to it so far.
  async turn() {
    assert.equal((await this.call('GET', '/health')).status, 200);
  }

  // All that `write` writes is there for the relay in one turn.
  inOneTurn(write) {
    this.relay.signal('SIGSTOP');
    write();
    this.relay.signal('SIGCONT');
  }

  // The sum over all samples with these labels.
  async metric(name, labels) {
    return sumOf(await this.metrics(), `doorbell_relay_${name}`, labels);
  }

  get residentKiB() {
    return Number(readFileSync(`/proc/${this.relay.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  }

  // A sanitizer keeps what was freed for a while, and so says nothing of the program's memory.
  get isMeasurable() {
    return !/lib(asan|tsan|clang_rt)/.test(readFileSync(`/proc/${this.relay.pid}/maps`, 'utf8'));
  }
}

// config: {'section.name': value}; options.start: false leaves the start to the test.
export async function startScene(t, config = {}, { start = true, ...options } = {}) {
  const scene = new Scene(t);
  await scene.settle(config);
  if (start) await scene.start(options);
  return scene;
}

// A raw connection: writes bytes, gathers what comes until the peer closes.
export class Raw {
  constructor(t, port) {
    this.text = '';
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => {
      this.text += data.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.socket.on('close', () => resolve(this.text));
    });
    t.after(() => this.socket.destroy());
  }

  write(bytes) {
    return new Promise((resolve) => {
      this.socket.write(bytes, resolve);
    });
  }

  untilEnd(timeoutMs) {
    return within(this.ended, 'the connection to be closed', timeoutMs);
  }

  async untilText(pattern, timeoutMs = 15_000) {
    let look;
    const found = new Promise((resolve) => {
      look = () => pattern.test(this.text) && resolve(this.text);
      this.socket.on('data', look);
      look();
    });
    return within(found, `${pattern} in ${JSON.stringify(this.text.slice(-500))}`, timeoutMs).finally(() =>
      this.socket.off('data', look),
    );
  }
}

export const upgradeHead = (more = '') =>
  'GET /ws HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`;

// One masked frame, as clients send them.
export function frame(opcode, payload, { fin = true } = {}) {
  const bytes = Buffer.from(payload);
  const first = Buffer.from([(fin ? 0x80 : 0) | opcode]);
  let length;
  if (bytes.length < 126) length = Buffer.from([0x80 | bytes.length]);
  else length = Buffer.from([0x80 | 126, bytes.length >> 8, bytes.length & 255]);
  return Buffer.concat([first, length, Buffer.alloc(4), bytes]);
}
