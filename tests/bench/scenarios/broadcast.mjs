// SPDX-License-Identifier: MIT
// broadcast.mjs - a message to everybody, from the call that sends it until the last page knows its number: pages that compute
// it from the ring beside pages that ask, and many more pages than one relay has descriptors for.

import { OPEN } from '../../harness/index.mjs';
import { countingServer, lengthOfLog, questionsSince } from '../questions.mjs';
import { nowUs, ring, startRelayAlone, writeTokens } from '../relay.mjs';
import { fillInboxes, send, startDatabase, startSite } from '../site.mjs';
import { median } from '../table.mjs';
import { Swarm } from '../tools.mjs';
import { withCpu } from '../proc.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const MANY = 10 * SESSIONS;
const OF_A_RELAY = 19_000; // descriptors
const ROUNDS = 3;
const ASK_MS = 120_000;

export const title = `a message to all of ${SESSIONS.toLocaleString('en-US')} pages, and of ${MANY.toLocaleString('en-US')}`;

async function measureSend(site, swarm) {
  const from = lengthOfLog(site);
  const { cpu, result: wave } = await withCpu(site.pids, () => swarm.wave(SESSIONS, ASK_MS, () => send(site, '*')));
  if (wave.right.count !== SESSIONS) throw new Error(`of ${SESSIONS} pages not all know their number: ${JSON.stringify(wave)}`);
  const { peak } = questionsSince(site, from);
  const servers = Object.values(cpu).reduce((sum, us) => sum + us, 0);
  return { asked: wave.questions.asked, peak, p50: wave.right.p50 / 1000, max: wave.right.max / 1000, cpuMs: servers / 1000 };
}

// A site of its own for each way, with the same settings.
async function measureSite(scope, database, name, options) {
  const site = await startSite(scope, database, { serverOptions: countingServer, config: { ...OPEN } });
  const swarm = await Swarm.start(scope, site.clients, writeTokens(site.dir, site.keys.auth, SESSIONS), { ask: site.address, spread: true, ...options });
  await swarm.open(SESSIONS);
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await measureSend(site, swarm));
  await swarm.service.kill();
  const of = (part) => median(rounds.map((round) => round[part]));
  return [name, of('asked'), of('peak'), of('p50'), of('max'), of('cpuMs')];
}

// Relays side by side, each told by a call of its own, as by an app that has them all in its list.
async function measureMany(scope) {
  const counts = [];
  for (let left = MANY; left > 0; left -= OF_A_RELAY) counts.push(Math.min(left, OF_A_RELAY));
  const sides = await Promise.all(counts.map(() => startRelayAlone(scope)));
  for (const [i, side] of sides.entries()) {
    side.swarm = await Swarm.start(scope, side.clients, writeTokens(side.folder, side.secret, counts[i]), { computing: true });
    await side.swarm.open(counts[i]);
  }
  let from = 0;
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const seq = nowUs();
    const step = { all: true, from, seq, add: 1, category: null, critical: false, young: true, id: round + 1 };
    const waves = await Promise.all(sides.map((side, i) => side.swarm.wave(counts[i], ASK_MS, () => ring(side, step))));
    const right = waves.reduce((sum, wave) => sum + wave.right.count, 0);
    if (right !== MANY) throw new Error(`${right} of ${MANY} pages know their number: ${JSON.stringify(waves)}`);
    rounds.push(Math.max(...waves.map((wave) => wave.right.max)) / 1000);
    from = seq;
  }
  return [sides.length, median(rounds), Math.max(...rounds)];
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, SESSIONS, 1);
  const rows = [
    await measureSite(scope, database, 'compute it from the ring', { computing: true }),
    await measureSite(scope, database, 'ask, within spread_ms', {}),
  ];
  return [
    {
      columns: [`${SESSIONS} pages`, 'questions', 'most in any second', 'right p50, ms', 'the last, ms', 'CPU of nginx, app and PostgreSQL, ms'],
      rows,
      note: `Medians of ${ROUNDS} messages. From the call of POST /messages to the page. Target: at most 1 % ask, the last is right after at most 500 ms.`,
    },
    {
      columns: [`relays that share ${MANY} pages`, 'the last page is right, ms: median', 'worst'],
      rows: [await measureMany(scope)],
      note: `${ROUNDS} rings, from the publish calls on; all relays, and all pages, on this machine. Target: at most 3,000 ms.`,
    },
  ];
}
