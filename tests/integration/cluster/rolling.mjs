// SPDX-License-Identifier: MIT
// rolling.mjs - pages that come to several relays by a web server: how they are spread, and a rolling restart of the relays.
import assert from 'node:assert/strict';

import { Bell, until } from '../../harness/index.mjs';
import { joined, ringsOf } from './scene.mjs';

/** A page of the user whose token this is, that comes by the web server on `port`. */
export async function openBell(t, port, token) {
  const headers = { origin: `http://127.0.0.1:${port}`, cookie: `doorbell_token=${token}` };
  const bell = new Bell(`ws://127.0.0.1:${port}/ws`, { headers });
  t.after(() => bell.close());
  await bell.next('welcome');
  return bell;
}

/** Pages are spread, each relay is restarted in turn, and all pages are rung, each once. */
export async function outliveRollingRestart(t, relays, port) {
  const connect = (user) => openBell(t, port, relays[0].token(user));
  let bells = [];
  for (const user of ['1', '2', '3', '4', '5', '6']) bells.push(await connect(user));
  for (const relay of relays) assert.equal(await relay.metric('pages'), 6 / relays.length);
  let seq = 0;
  for (const relay of relays) {
    const count = await relay.metric('pages');
    await relay.relay.stop();
    await until('its pages to know', () => bells.filter((bell) => bell.closed).length === count);
    const gone = bells.filter((bell) => bell.closed);
    bells = bells.filter((bell) => !bell.closed);
    // A page comes back until it is served.
    for (const _ of gone) bells.push(await until('a page to be back', () => connect('7')));
    await relay.relay.start();
    await joined(relays);
    await relay.ring({ all: true, seq: ++seq });
    for (const bell of bells) await bell.next((one) => one.seq === seq);
  }
  for (const bell of bells) assert.equal(new Set(ringsOf(bell).map((one) => one.seq)).size, ringsOf(bell).length);
}
