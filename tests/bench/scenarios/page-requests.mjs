// SPDX-License-Identifier: MIT
// page-requests.mjs - what a site's servers are asked for by one user who reads: so many page views, messages to everybody and of
// their own, in one tab of a real Chromium.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { chromium } from 'playwright-core';

import { OPEN, request, signToken } from '../../harness/index.mjs';
import { sumOf } from '../../harness/metrics_text.mjs';
import { lengthOfLog, requestsSince } from '../questions.mjs';
import { metricsOf } from '../relay.mjs';
import { send, startDatabase, startSite } from '../site.mjs';

const VIEWS = 20;
const TO_ALL = 6;
const TO_ONE = 2;
const USER = 'bob';
const server = { http: 'log_format moments "$msec $request_time $status $uri";', server: 'access_log moments.log moments;' };

export const title = `${VIEWS} page views, ${TO_ALL} messages to everybody, ${TO_ONE} to the user`;

const view = (attributes, toasts) => `<!doctype html><meta charset="utf-8"><title>Shop</title><script src="/doorbell.min.js" defer></script>
<link rel="icon" href="data:,"><doorbell-inbox ${attributes}></doorbell-inbox>${toasts ? '<doorbell-toasts></doorbell-toasts>' : ''}`;

const ways = [
  { name: 'a worker goes on, the page says whose it is', attributes: `user="${USER}"`, hasWorker: true },
  { name: 'the same, with toasts', attributes: `user="${USER}"`, hasWorker: true, toasts: true },
  { name: 'a worker goes on', attributes: '', hasWorker: true },
  { name: 'no worker: each view begins anew', attributes: `user="${USER}"`, hasWorker: false },
];

async function sessionsOpened(site) {
  return sumOf(await metricsOf({ publish: site.publish, key: site.keys.publish }), 'doorbell_relay_opened_total');
}

const showsNumber = (num) => {
  const bell = document.querySelector('doorbell-inbox').doorbell;
  return Boolean(bell) && bell.num === num && bell.state === 'live';
};

async function read(site, browser, { attributes, hasWorker, toasts }) {
  writeFileSync(path.join(site.dir, 'www', 'view.html'), view(attributes, toasts));
  const profile = await browser.newContext();
  await profile.addCookies([{ name: 'doorbell_token', value: signToken(site.keys.auth, USER), url: `http://${site.address}` }]);
  if (!hasWorker) await profile.addInitScript(() => delete window.SharedWorker);
  const tab = await profile.newPage();
  const texts = []; // those of broadcasts nginx does not log
  tab.on('request', (call) => /\/(messages|broadcasts)\/\d+$/.test(new URL(call.url()).pathname) && texts.push(call));
  const base = (await request(`http://${site.address}`, 'GET', '/doorbell/unread', { headers: { authorization: `Bearer ${signToken(site.keys.auth, USER)}` } })).json.num;
  const [from, before] = [lengthOfLog(site), await sessionsOpened(site)];
  let sent = 0;
  for (let n = 0; n < VIEWS; n++) {
    await tab.goto(`http://${site.address}/view.html?${n}`);
    await tab.waitForFunction(showsNumber, base + sent);
    if (n % 3 !== 1 && sent < TO_ALL + TO_ONE) {
      await send(site, sent % 4 === 3 ? USER : '*');
      sent++;
      await tab.waitForFunction(showsNumber, base + sent);
      await tab.locator('body > [role=status]').filter({ hasText: 'News' }).waitFor({ state: 'attached' }); // told
    }
  }
  await profile.close();
  return { uris: requestsSince(site, from), texts: texts.length, sessions: (await sessionsOpened(site)) - before };
}

const count = (uris, pattern) => uris.filter((uri) => pattern.test(uri)).length;

export async function run(scope) {
  const site = await startSite(scope, await startDatabase(scope), { serverOptions: server, config: { ...OPEN } });
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu'] });
  scope.after(() => browser.close());
  const rows = [];
  for (const way of ways) {
    const { uris, texts, sessions } = await read(site, browser, way);
    const ours = [sessions, count(uris, /^\/doorbell\/unread$/), texts];
    rows.push([way.name, ...ours, ours.reduce((sum, n) => sum + n, 0), count(uris, /\.js$/)]);
  }
  return [
    {
      columns: ['', 'connections', 'checks', 'texts', 'in all', 'scripts, a 304 each but the first'],
      rows,
      note: 'As nginx saw it, in less than an hour: each hour adds up to 4 checks that all is still right. By a hashed name (doorbell.load.js) the script is asked for once.',
    },
  ];
}
