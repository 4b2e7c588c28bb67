// SPDX-License-Identifier: MIT
// webkit.mjs - pages in WebKit, as Safari is made of: WebKitGTK's MiniBrowser on a screen that nobody sees, by WebDriver as it is on the wire.

import { existsSync } from 'node:fs';

import { freePort, isConnectable, makeFolder, Service, until } from '../harness/index.mjs';

const driver = '/usr/bin/WebKitWebDriver';
const binary = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser';
const missing = [driver, binary, '/usr/bin/Xvfb'].find((file) => !existsSync(file));

// For test(): why there is nothing to test with, or false.
export const skip = missing ? `there is no ${missing}; install the packages webkit2gtk-driver and xvfb` : false;

// A browser with nothing kept. `init`: a function that runs in each page as soon as it is there.
export async function openWebkit(t, init) {
  const home = makeFolder();
  const screen = new Service({ name: 'Xvfb', command: 'Xvfb', args: ['-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'] });
  screen.spawn();
  t.after(() => screen.kill());
  const [, display] = await screen.waitLog(/^(\d+)\n/m); // below what it says of displays that are taken
  const port = await freePort();
  const env = { HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: `:${display}` };
  const service = new Service({ name: 'WebKitWebDriver', command: driver, args: [`--port=${port}`], env, ready: () => isConnectable({ port, host: '127.0.0.1' }) });
  await service.start();
  const session = new Session(`http://127.0.0.1:${port}/session`, init);
  t.after(async () => {
    await session.ask('DELETE', '');
    await service.kill();
  });
  await session.open();
  return session;
}

class Session {
  #address;
  #init;
  #pages = [];
  #last = Promise.resolve(); // what is asked: one command at a time, each in the window that is switched to before it

  constructor(address, init) {
    this.#address = address;
    this.#init = init;
  }

  async open() {
    const options = { binary, args: ['--automation'] };
    const { sessionId } = await this.ask('POST', '', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    this.#address += `/${sessionId}`;
  }

  async ask(method, path, json) {
    const response = await fetch(this.#address + path, { method, body: json && JSON.stringify(json) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }

  // Of several commands of one window none of another's comes between.
  within(handle, commands) {
    const asked = this.#last.then(async () => {
      await this.ask('POST', '/window', { handle });
      return commands();
    });
    this.#last = asked.catch(() => {});
    return asked;
  }

  // The first is in front; others are there, but nobody sees them.
  async newPage(url) {
    const handle = this.#pages.length === 0 ? await this.ask('GET', '/window') : (await this.ask('POST', '/window/new', { type: 'tab' })).handle;
    await this.within(handle, () => this.ask('POST', '/url', { url }));
    const page = new Page(this, handle);
    await page.evaluate(`() => {
      (${this.#init})();
      window.faults = [];
      window.addEventListener('error', ({ message }) => window.faults.push(message));
      window.addEventListener('unhandledrejection', ({ reason }) => window.faults.push(String(reason)));
    }`);
    this.#pages.push(page);
    return page;
  }

  // Of the pages' scripts.
  async readFaults() {
    return (await Promise.all(this.#pages.map((page) => page.evaluate(() => window.faults)))).flat();
  }
}

class Page {
  #session;
  #handle;

  constructor(session, handle) {
    this.#session = session;
    this.#handle = handle;
  }

  // What `look`, a function, returns in the page.
  async evaluate(look, ...args) {
    const script = `const done = arguments[0];
      Promise.resolve().then(() => (${look})(...${JSON.stringify(args)})).then((value) => done([JSON.stringify(value)]), (error) => done([null, String(error)]));`;
    const [text, fault] = await this.#session.within(this.#handle, () => this.#session.ask('POST', '/execute/async', { script, args: [] }));
    if (fault) throw new Error(fault);
    return text === null || text === undefined ? undefined : JSON.parse(text);
  }

  until(look, ...args) {
    return until(`${look} in the page`, () => this.evaluate(look, ...args));
  }

  // By a script: where no window has the focus, the driver does not answer when the pointer is to move.
  click(find) {
    return this.evaluate(`() => (${find})().click()`);
  }
}
