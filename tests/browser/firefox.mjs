// SPDX-License-Identifier: MIT
// firefox.mjs - pages in Firefox, by WebDriver BiDi as it is on the wire: what the tests need of it is less than a library.

import { existsSync } from 'node:fs';

import WebSocket from 'ws';

import { makeFolder, Service, until } from '../harness/index.mjs';

const command = '/usr/bin/firefox-esr';

// Firefox 140 logs this of its own code when a popover opens; no script of the page hears of it.
const OWN_FAULT = 'Error: Permission denied to access property "length"';

// For test(): why there is nothing to test with, or false.
export const skip = existsSync(command) ? false : `there is no ${command}; install the package firefox-esr`;

// A browser with a fresh profile. `init`: a function that runs in each page before any script of its own.
export async function openFirefox(t, init) {
  const dir = makeFolder();
  const args = ['--headless', '--no-remote', '--remote-debugging-port=0', '--profile', dir];
  const browser = new Service({ name: 'firefox', command, args, env: { HOME: dir } });
  browser.spawn();
  t.after(() => browser.kill());
  const [, address] = await browser.waitLog(/BiDi listening on (ws:\S+)/);
  const session = await Session.open(address);
  await session.ask('session.new', { capabilities: {} });
  await session.ask('session.subscribe', { events: ['log.entryAdded'] });
  await session.ask('script.addPreloadScript', { functionDeclaration: String(init) });
  return session;
}

class Session {
  #faults = [];
  #socket;
  #calls = new Map(); // id → {resolve, reject}
  #asked = 0;

  static async open(address) {
    const session = new Session();
    session.#socket = new WebSocket(`${address}/session`);
    session.#socket.on('message', (text) => session.#hear(JSON.parse(text)));
    await new Promise((resolve, reject) => session.#socket.on('open', resolve).on('error', reject));
    return session;
  }

  #hear({ id, type, result, error, message, params }) {
    if (type === 'event') {
      if (params.level === 'error' && params.text !== OWN_FAULT) this.#faults.push(params.text);
      return;
    }
    const { resolve, reject } = this.#calls.get(id);
    this.#calls.delete(id);
    if (type === 'success') resolve(result);
    else reject(new Error(`${error}: ${message}`));
  }

  ask(method, params) {
    const id = ++this.#asked;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  // Of the pages' scripts.
  async readFaults() {
    return this.#faults;
  }

  async newPage(url) {
    const { context } = await this.ask('browsingContext.create', { type: 'tab' });
    await this.ask('browsingContext.navigate', { context, url, wait: 'complete' });
    return new Page(this, context);
  }
}

class Page {
  #session;
  #context;

  constructor(session, context) {
    this.#session = session;
    this.#context = context;
  }

  // What `look`, a function, returns in the page.
  async evaluate(look, ...args) {
    const expression = `(async () => JSON.stringify(await (${look})(...${JSON.stringify(args)})))()`;
    const target = { context: this.#context };
    const { result, exceptionDetails } = await this.#session.ask('script.evaluate', { expression, target, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  until(look, ...args) {
    return until(`${look} in the page`, () => this.evaluate(look, ...args));
  }

  // Presses where the element is that `find` returns in the page, as a user would.
  async click(find) {
    const [x, y] = await this.evaluate(`() => {
      const { left, top, width, height } = (${find})().getBoundingClientRect();
      return [left + width / 2, top + height / 2].map(Math.round);
    }`);
    const parameters = { pointerType: 'mouse' };
    const actions = [{ type: 'pointerMove', x, y }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }];
    await this.#session.ask('input.performActions', { context: this.#context, actions: [{ type: 'pointer', id: 'mouse', parameters, actions }] });
  }
}
