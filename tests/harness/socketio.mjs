// SPDX-License-Identifier: MIT
// socketio.mjs - unmodified releases of socket.io-client, each by any transport, in node or in a page
// of a browser: clients of one shape. What the release does is its own; nothing of it is replaced.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { top } from './folder.mjs';
import { within } from './wait.mjs';

const require = createRequire(import.meta.url);

// As they are named in tests/package.json.
export const releases = ['1.0.6', '1.3.7', '1.4.8', '1.7.4', '2.0.3', '2.5.0', '3.1.3', '4.0.2', '4.8.4'];

export const transports = {
  polling: ['polling'],
  websocket: ['websocket'],
  upgrade: ['polling', 'websocket'],
};

// Reconnects soon, and never shares a connection with another client of the same place.
const settings = {
  forceNew: true,
  'force new connection': true, // as 1.0 calls it
  reconnectionDelay: 200,
  reconnectionDelayMax: 1000,
  timeout: 20_000,
};

// Runs where the release runs, in node or in a page, so it uses its arguments alone. `tell` gets
// (event, argument) of all that happens; the answer is what a test may do with the client.
function drive(io, url, options, tell) {
  const plain = (value) => (value instanceof Error ? `${value.message} ${value.description ?? ''}`.trim() : value);
  const socket = io(url, options);
  for (const event of ['connect', 'disconnect', 'connect_error', 'error', 'new_msg', 'update_online_count'])
    socket.on(event, (...args) => tell(event, plain(args[0])));
  socket.io.on('open', () => {
    const { engine } = socket.io;
    engine.on('upgrade', (transport) => tell('upgrade', transport.name));
    engine.on('packet', ({ type }) => (type === 'ping' || type === 'pong') && tell('heartbeat', type));
  });
  return {
    emit: (...args) => void socket.emit(...args),
    call: (...args) => new Promise((resolve) => socket.emit(...args, resolve)),
    transport: () => socket.io.engine.transport.name,
    // Where the server has closed the socket, releases keep the connection, and renew it for ever.
    close() {
      socket.close();
      socket.io.reconnection(false);
      socket.io.reconnectionAttempts(0);
      socket.io.engine.close();
    },
  };
}

class Client {
  #waiting = new Set();

  // run(method, ...args): calls one of what drive() answers.
  constructor(name) {
    this.name = name;
    this.events = []; // {event, argument}, in order
  }

  tell(event, argument) {
    this.events.push({ event, argument });
    for (const look of this.#waiting) look();
  }

  // What came by `event`, from position `from` of all events on.
  all(event, from = 0) {
    return this.events.slice(from).filter((one) => one.event === event).map((one) => one.argument);
  }

  // Waits until `probe` answers something; answers that.
  async until(what, probe, timeoutMs = 30_000) {
    let look;
    const found = new Promise((resolve) => {
      look = () => {
        const answer = probe();
        if (answer) resolve(answer);
      };
      this.#waiting.add(look);
      look();
    });
    try {
      return await within(found, what, timeoutMs);
    } catch (error) {
      const last = this.events.slice(-5).map((one) => `${one.event} ${JSON.stringify(one.argument)}`);
      throw new Error(`${this.name}: ${error.message}; last of ${this.events.length}: ${last.join(', ')}`);
    } finally {
      this.#waiting.delete(look);
    }
  }

  // The argument of the first `event` from `from` on, of those that `likes`.
  async waitFor(event, { likes = () => true, from = 0, timeoutMs } = {}) {
    const found = await this.until(
      event,
      () => this.events.slice(from).find((one) => one.event === event && likes(one.argument)),
      timeoutMs,
    );
    return found.argument;
  }

  // The answer to a login.
  login(argument) {
    return within(this.run('call', 'login', argument), `${this.name}: the answer to login`, 30_000);
  }

  emit(...args) {
    return this.run('emit', ...args);
  }

  transport() {
    return this.run('transport');
  }

  close() {
    return this.run('close');
  }
}

const optionsOf = (transport, more) => ({ ...settings, transports: transports[transport], ...more });

// what: {release, transport, url, name, options}
export async function openInNode({ release, transport, url, name, options }) {
  const client = new Client(name);
  const driven = drive(require(`socket.io-client-${release}`), url, optionsOf(transport, options), (event, argument) =>
    client.tell(event, argument),
  );
  client.run = async (method, ...args) => driven[method](...args);
  return client;
}

// The bundle of a release for browsers.
export function bundleOf(release) {
  const folder = path.join(top, 'tests/node_modules', `socket.io-client-${release}`);
  return ['dist/socket.io.js', 'socket.io.js'].map((file) => path.join(folder, file)).find(existsSync);
}

// In the page: what happens while the test is being told goes along the next time.
async function tellSoon(event) {
  tellSoon.waiting ??= [];
  tellSoon.waiting.push(event);
  if (tellSoon.isBusy) return;
  tellSoon.isBusy = true;
  while (tellSoon.waiting.length > 0) await window.tellTest(tellSoon.waiting.splice(0));
  tellSoon.isBusy = false;
}

// Loads a release into a page of playwright; answers what opens clients there, as openInNode does.
export async function loadRelease(page, release) {
  const clients = [];
  await page.exposeFunction('tellTest', (events) => {
    for (const [id, event, argument] of events) clients[id].tell(event, argument);
  });
  await page.addScriptTag({ path: bundleOf(release) });
  await page.addScriptTag({ content: `window.driven = []; ${drive} ${tellSoon}` });
  return async function openInPage({ transport, url, name, options }) {
    const client = new Client(name);
    const id = clients.push(client) - 1;
    client.run = (method, ...args) =>
      page.evaluate(([of, called, given]) => window.driven[of][called](...given), [id, method, args]);
    await page.evaluate(
      ([of, to, opts]) => {
        window.driven[of] = drive(window.io, to, opts, (event, argument) => tellSoon([of, event, argument]));
      },
      [id, url, optionsOf(transport, options)],
    );
    return client;
  };
}
