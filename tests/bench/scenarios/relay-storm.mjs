// SPDX-License-Identifier: MIT
// relay-storm.mjs - what a message to everybody brings upon the app, when every page asks, within the time that its ring names.

import { OPEN } from '../../harness/index.mjs';
import { countingServer, lengthOfLog, questionsSince } from '../questions.mjs';
import { writeTokens } from '../relay.mjs';
import { fillInboxes, send, startDatabase, startSite } from '../site.mjs';
import { median } from '../table.mjs';
import { Swarm } from '../tools.mjs';

const SESSIONS = Number(process.env.BENCH_SESSIONS || 10_000);
const PACES = [500, 1000];
const ROUNDS = 3;
const WORKERS = 4;

export const title = `GET /unread after a message to all of ${SESSIONS.toLocaleString('en-US')} sessions that ask`;

async function measure(site, swarm, pace) {
  const from = lengthOfLog(site);
  const timeoutMs = pace ? (SESSIONS / pace) * 2000 + 30_000 : 60_000;
  const wave = await swarm.wave(SESSIONS, timeoutMs, () => send(site, '*'));
  if (wave.reached !== SESSIONS) throw new Error(`${wave.reached} of ${SESSIONS} were rung: ${JSON.stringify(wave)}`);
  const seen = questionsSince(site, from);
  const { asked, failed, us } = wave.questions;
  return { asked, failed: failed + seen.failed, peak: seen.peak, p50: us.p50 / 1000, p99: us.p99 / 1000, seconds: wave.ms / 1000 };
}

// A site of its own, so that the pace is one of a start.
async function measurePace(scope, database, pace, rounds) {
  const config = { ...OPEN, 'relay.pace': pace, 'app.workers': WORKERS };
  const site = await startSite(scope, database, { serverOptions: countingServer, config });
  const swarm = await Swarm.start(scope, site.clients, writeTokens(site.dir, site.keys.auth, SESSIONS), { ask: site.address, spread: pace > 0 });
  await swarm.open(SESSIONS);
  const found = [];
  for (let i = 0; i < rounds; i++) found.push(await measure(site, swarm, pace));
  await swarm.service.kill();
  return found;
}

function row(name, pace, rounds) {
  const of = (part) => median(rounds.map((round) => round[part]));
  const ratio = pace ? Math.max(...rounds.map((round) => round.peak / pace)).toFixed(2) : '–';
  return [name, of('asked'), of('peak'), ratio, of('p50'), of('p99'), of('seconds'), Math.max(...rounds.map((round) => round.failed))];
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fillInboxes(database.db, SESSIONS, 1);
  const rows = [];
  for (const pace of PACES) rows.push(row(`pace = ${pace}`, pace, await measurePace(scope, database, pace, ROUNDS)));
  rows.push(row('pace = 0, and nobody keeps to spread_ms', 0, await measurePace(scope, database, 0, 1)));
  return [
    {
      columns: ['', 'questions', 'most in any second', 'worst round, × pace', 'answered in p50, ms', 'p99, ms', 'all answered after, s', 'failed'],
      rows,
      note: `Medians of ${ROUNDS} rounds (1 without pace), ${WORKERS} workers, a connection per question; counted by nginx as they come. Target: at most 1.2 × pace.`,
    },
  ];
}
