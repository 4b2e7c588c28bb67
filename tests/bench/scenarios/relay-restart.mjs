// SPDX-License-Identifier: MIT
// relay-restart.mjs - a new relay takes over the listener while the old one says goodbye: how the pages
// come back, and what they ask of the app when they are.

import { OPEN } from '../../harness/index.mjs';
import { delay } from '../../harness/wait.mjs';
import { HeldListeners } from '../../harness/held.mjs';
import { countingServer, lengthOfLog, questionsSince } from '../questions.mjs';
import { writeTokens } from '../relay.mjs';
import { fillInboxes, startDatabase, startSite } from '../site.mjs';
import { Swarm } from '../tools.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const DRAIN_S = 10;
const TIMEOUT_MS = 90_000;
const ACCEPTS = 1900; // a second: under max_anonymous_accepts_per_second

export const title = `a restart under ${SESSIONS.toLocaleString('en-US')} sessions`;

async function atOnce(held, old) {
  const { ended } = await held.stop(old);
  const next = await held.startAnother();
  await ended;
  return next;
}

// What systemd does on restart.
async function afterTheEnd(held, old) {
  const { ended } = await held.stop(old);
  await ended;
  return held.startAnother();
}

async function measure(site, swarm, name, restart) {
  const from = lengthOfLog(site);
  const home = await swarm.comeBack(TIMEOUT_MS, restart);
  const seen = questionsSince(site, from);
  if (home.back !== SESSIONS) throw new Error(`${name}: ${JSON.stringify(home)}`);
  const { us, failed } = home.questions;
  const seconds = (home.last_back_ms - home.first_lost_ms) / 1000;
  return [name, home.peak, seconds, home.refused, home.turned_away, seen.count, seen.peak, us.p50 / 1000, us.p99 / 1000, failed + seen.failed];
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, SESSIONS, 1);
  const held = await HeldListeners.open(scope);
  let relay;
  const listeners = { clients: held.clients, publish: held.publish, start: async (confPath) => (relay = await held.start(confPath)) };
  const config = { ...HeldListeners.settings, ...OPEN, 'relay.max_anonymous_accepts_per_second': '2000', 'relay.drain_window': `${DRAIN_S}s` };
  const site = await startSite(scope, database, { serverOptions: countingServer, config, listeners });
  const swarm = await Swarm.start(scope, site.clients, writeTokens(site.dir, site.keys.auth, SESSIONS), { ask: site.address });
  for (let count = 0; count < SESSIONS; await delay(1000)) {
    count = Math.min(SESSIONS, count + ACCEPTS);
    await swarm.open(count);
  }
  const take = (how) => async () => {
    relay = await how(held, relay);
  };
  const rows = [
    await measure(site, swarm, 'the new one starts at once', take(atOnce)),
    await measure(site, swarm, 'it starts when the old one has ended', take(afterTheEnd)),
  ];
  return [
    {
      columns: ['', 'reconnects, most in any second', 'from the first lost to all back, s', 'refused', 'turned away, came again', 'questions', 'most in any second', 'answered in p50, ms', 'p99, ms', 'failed'],
      rows,
      note: `drain_window = ${DRAIN_S} s, max_accepts_per_second as by default (2,000). Each page asks once when it is back. Target: none refused.`,
    },
  ];
}
