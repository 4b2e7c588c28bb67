// SPDX-License-Identifier: MIT
// elements.mjs - pages with the elements of www/, and a Doorbell that plays the server: no other is needed.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

import { top } from '../harness/index.mjs';
import { openProfile } from './pages.mjs';

const strict = "default-src 'self'; require-trusted-types-for 'script'";
const types = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8', '.css': 'text/css' };
const axeFile = path.join(top, 'tests/node_modules/axe-core/axe.min.js');

// In the page. `state` and `messages` are of the Doorbell; `isSlow`, `isFailing`: what its lists do.
const script = ({ state, messages, isSlow, isFailing }) => `
import { useDoorbell } from '/doorbell.mjs';
import { FakeDoorbell, message } from '/fake_doorbell.mjs';
const fake = new FakeDoorbell(${JSON.stringify(messages)}.map((fields) => message(fields.id, fields)));
fake.state = '${state}';
if (${isSlow}) fake.gate = new Promise(() => {});
if (${isFailing}) fake.refusal = Object.assign(new Error('down'), { status: 503 });
window.fake = fake;
useDoorbell(fake);`;

// Serves `files`, and else what is in the folder `www`; pages of other sites may load it too.
export function serve(t, files, policy, www = path.join(top, 'www')) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    const file = pathname === '/fake_doorbell.mjs' ? path.join(top, 'tests/browser', pathname) : path.join(www, pathname);
    let bytes = files[pathname];
    try {
      bytes ??= readFileSync(file);
    } catch {
      response.writeHead(404).end();
      return;
    }
    const headers = { 'Content-Security-Policy': policy, 'Access-Control-Allow-Origin': '*' };
    response.writeHead(200, { ...headers, 'Content-Type': types[path.extname(pathname)] ?? 'text/plain' });
    response.end(bytes);
  });
  t.after(() => (server.closeAllConnections(), server.close()));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)));
}

// A page with `body` and the script `src`: the one with a FakeDoorbell, or one of ours as it is, with the `attributes` of its tag. `www`: where ours
// are. Its faults are those of its scripts and of its policy.
export async function openElements(t, { body, lang = 'en', dir = 'ltr', profile, state = 'live', messages = [], isSlow = false, isFailing = false, src = '/page.js', attributes = /\.(min|load)\.js$/.test(src) ? 'defer' : 'type="module"', www, policy = strict, search = '' } = {}) {
  const url = await serve(t, {
    '/page.html': `<!doctype html><html lang="${lang}" dir="${dir}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Page</title><link rel="icon" href="/demo/bell.svg"><link rel="stylesheet" href="/page.css"><script ${attributes} src="${src}"></script><main><h1>Page</h1>${body}</main>`,
    '/page.css': ':root { color-scheme: light dark; background: Canvas; color: CanvasText }',
    '/page.js': script({ state, messages, isSlow, isFailing }),
  }, policy, www);
  const page = await (profile ?? (await openProfile(t))).newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (line) => line.type() === 'error' && page.faults.push(line.text()));
  page.loaded = [];
  page.on('request', (request) => page.loaded.push(new URL(request.url()).pathname));
  await page.goto(`${url}/page.html${search}`);
  return page;
}

// What axe finds, in words.
export async function faultsOf(page) {
  const world = await page.context().newCDPSession(page);
  const evaluate = (expression) => world.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  await evaluate(readFileSync(axeFile, 'utf8'));
  const { result, exceptionDetails } = await evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html + ' ' + failureSummary)))`);
  if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
  return result.value;
}
