// SPDX-License-Identifier: MIT
// screen_reader.mjs - what a screen reader says in a page, as phrases. What changes in a live region, and what is read on and on, a virtual one
// says, which runs in the page. It does not look into shadow roots from outside, so each of its places is read by itself. Of what has the
// focus, the browser's own tree tells, from which real ones take it.

import path from 'node:path';

import { build } from 'esbuild';

import { top } from '../harness/folder.mjs';

const PHRASES_MAX = 300;
let code = null;

async function bundled() {
  const file = path.join(top, 'tests/node_modules/@guidepup/virtual-screen-reader/lib/esm/index.browser.js');
  const { outputFiles } = await build({ entryPoints: [file], bundle: true, write: false, format: 'iife', globalName: 'screenReader' });
  return outputFiles[0].text;
}

export class ScreenReader {
  #world;

  // Past the policy of the page, which need not allow it.
  static async in(page) {
    code ??= await bundled();
    const reader = new ScreenReader();
    reader.#world = await page.context().newCDPSession(page);
    await reader.#evaluate(`${code}; globalThis.screenReader = screenReader.virtual`);
    return reader;
  }

  async #evaluate(expression) {
    const { result, exceptionDetails } = await this.#world.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
    return result.value;
  }

  // Goes to the element, an expression of the page, and listens from there.
  async enter(element) {
    await this.#evaluate(`screenReader.stop().then(() => screenReader.start({ container: ${element} }))`);
    return this.heard();
  }

  // Reads what is in that element to the end.
  async read(element) {
    const phrases = await this.enter(element);
    for (const end = `end of ${phrases[0]}`; phrases.at(-1) !== end; phrases.push(...(await this.heard()))) {
      if (phrases.length > PHRASES_MAX) throw new Error(`no "${end}" in ${phrases}`);
      await this.#evaluate('screenReader.next()');
    }
    return phrases;
  }

  // What has the focus: role, name, description.
  async focused() {
    const { nodes } = await this.#world.send('Accessibility.getFullAXTree');
    const { role, name, description } = nodes.findLast(({ properties = [] }) => properties.some((one) => one.name === 'focused' && one.value.value));
    return [role, name, description].map((one) => one?.value).filter(Boolean).join(', ');
  }

  // What was said since the last time that this was asked, or since it went where it is.
  heard() {
    return this.#evaluate(`(async () => {
      const phrases = [...await screenReader.spokenPhraseLog()];
      await screenReader.clearSpokenPhraseLog();
      return phrases.map((phrase) => phrase.replace(/\\u202f/g, ' '));
    })()`);
  }
}
