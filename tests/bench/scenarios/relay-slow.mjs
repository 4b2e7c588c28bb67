// SPDX-License-Identifier: MIT
// relay-slow.mjs - a thousand sessions that never read, and go on sending: what they cost in memory and
// in the others' time while they are rung, and how they end.

import { delay } from '../../harness/wait.mjs';
import { sumOf } from '../../harness/metrics_text.mjs';
import { memoryOf } from '../proc.mjs';
import { metricsOf, startRelayAlone, writeRings, writeTokens } from '../relay.mjs';
import { median } from '../table.mjs';
import { runLoad, Swarm } from '../tools.mjs';

const DEAF = 1000;
const READING = 1000;
const RINGS = 100_000;
const SECONDS = 4;
const SPARE_MS = 2000;
const ROUNDS = 2;
const RATE = 2500; // to those who read, a call each
const DEAF_PER_CALL = 100;
const DEAF_CALLS = Math.round((RINGS / ROUNDS / SECONDS - RATE) / DEAF_PER_CALL); // a second
const STUCK_ROUNDS_MAX = 100;
const END_MS = 120_000; // 55 s since its kernel took something last, and some for the close

export const title = `${DEAF.toLocaleString('en-US')} sessions that never read, during ${RINGS.toLocaleString('en-US')} rings`;

const metric = async (side, name, labels) => sumOf(await metricsOf(side), `doorbell_relay_${name}`, labels);
const rssOf = (side) => memoryOf(side.pid).rss;

async function measure(side, withDeaf) {
  const load = (file, rate) => runLoad(side.publish, file, { connections: 16, seconds: SECONDS, rate });
  let loads;
  const wave = await side.reading.wave(0, SECONDS * 1000 + SPARE_MS, async () => {
    loads = await Promise.all([load(side.rings, RATE), ...(withDeaf ? [load(side.deafRings, DEAF_CALLS)] : [])]);
  });
  if (wave.frames !== loads[0].ok) throw new Error(`${wave.frames} of ${loads[0].ok} rings came`);
  return { p50: wave.personal.p50 / 1000, p99: wave.personal.p99 / 1000, max: wave.personal.max / 1000, rss: rssOf(side) };
}

async function measureRounds(side, withDeaf) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await measure(side, withDeaf));
  return rounds;
}

// Both kernels take some first.
async function fillUp(side) {
  for (let i = 0; i < STUCK_ROUNDS_MAX; i++) {
    if ((await metric(side, 'slow_sessions')) === DEAF) return;
    await runLoad(side.publish, side.deafRings, { connections: 4, seconds: 1, rate: 100 });
  }
  throw new Error('they still take what they are sent');
}

// A close is counted when the connection is no more, some seconds after the session has left the others.
async function awaitEnd(side, before) {
  const deadline = Date.now() + END_MS;
  const end = { closed: 0, reasons: '', seconds: NaN };
  while ((end.closed < DEAF || (await metric(side, 'sessions')) > READING) && Date.now() < deadline) {
    if (Number.isNaN(end.seconds) && (await metric(side, 'sessions')) <= READING) end.seconds = (Date.now() - before) / 1000;
    const closes = (await metricsOf(side)).get('doorbell_relay_closed_total').samples.filter(({ labels }) => labels.code === '1008');
    end.closed = closes.reduce((sum, { value }) => sum + value, 0);
    end.reasons = closes.map(({ labels, value }) => `${value} by "${labels.reason}"`).join(', ');
    await delay(500);
  }
  return end;
}

function row(name, rounds) {
  const of = (part) => median(rounds.map((round) => round[part]));
  return [name, of('p50'), of('p99'), of('max'), `${(of('rss') / 2 ** 20).toFixed(2)} MiB`];
}

export async function run(scope) {
  const side = await startRelayAlone(scope);
  const start = (first, count, options) => Swarm.start(scope, side.clients, writeTokens(side.folder, side.secret, count, first), options);
  side.reading = await start(0, READING);
  await side.reading.open(READING);
  side.rings = writeRings(side, READING);
  side.deafRings = writeRings(side, DEAF, { first: READING, ringsPerCall: DEAF_PER_CALL });
  await measure(side, false); // not counted: it brings memory and caches to where they stay
  const alone = await measureRounds(side, false);
  const deaf = await start(READING, DEAF, { deaf: true });
  await deaf.open(DEAF);
  await fillUp(side);
  const stuckAt = Date.now();
  const stuck = rssOf(side);
  const beside = await measureRounds(side, true);
  const slow = await metric(side, 'slow_sessions');
  const end = await awaitEnd(side, stuckAt);
  const after = await measureRounds(side, false);
  const growth = (rssOf(side) - stuck) / 1024;
  return [
    {
      columns: [`${RATE.toLocaleString('en-US')} rings a second to those who read`, 'p50, ms', 'p99, ms', 'max, ms', 'RSS of the relay'],
      rows: [
        row(`${READING.toLocaleString('en-US')} sessions, all read`, alone),
        row(`beside them ${DEAF.toLocaleString('en-US')} that do not, rung ${(DEAF_CALLS * DEAF_PER_CALL).toLocaleString('en-US')} times a second`, beside),
        row('when those are closed', after),
      ],
      note:
        `Medians of ${ROUNDS} rounds of ${SECONDS} s. ${slow} sessions were stuck during the second row; from the moment at which all were, with ${(stuck / 2 ** 20).toFixed(2)} MiB, ` +
        `to the end memory changed by ${growth.toFixed(0)} KiB. ${end.closed} were closed by the dead-peer rule (${end.reasons}), the last ${end.seconds.toFixed(0)} s after they were stuck.`,
    },
  ];
}
