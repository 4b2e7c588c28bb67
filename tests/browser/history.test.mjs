// SPDX-License-Identifier: MIT
// The database goes back under open pages, on the whole line of servers: they show what it says now, though it is less
// than they knew, and what comes next counts and sounds, though its id may have been another message's.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { startApp, startStack, until, writeSettings } from '../harness/index.mjs';
import { openBell, openProfile, plays, send, setVisibility, untilQuiet, untilState, untilUnread } from './pages.mjs';

const run = promisify(execFile);
const LOST = 40; // more than the 32 numbers that a sequence draws ahead of a crash

const first = async (db, text) => Object.values((await db.query(text)).rows[0])[0];

// What both tabs show before the loss: one unread message, and a newer one that was read, so that nothing sounds anew.
async function openTabs(t, stack) {
  const profile = await openProfile(t);
  const tabs = [await openBell(t, profile, stack, { cookie: 'bob' }), await openBell(t, profile, stack)];
  for (const tab of tabs) await untilState(tab, 'live');
  await setVisibility(tabs[1], 'hidden');
  await send(stack, { to: 'bob', title: 'Kept' });
  const id = await send(stack, { to: 'bob', title: 'Kept and read' });
  assert.equal((await stack.api('POST', `/messages/${id}/read`, { user: 'bob', json: {} })).status, 200);
  for (const tab of tabs) await untilUnread(tab, 1, 'Inbox');
  return tabs;
}

// Messages that the pages learn of, and the database will not know.
async function sendLost(stack, tabs) {
  await stack.db.query(`SELECT doorbell.send(ARRAY['bob'], title => 'Lost') FROM generate_series(1, ${LOST})`);
  for (const tab of tabs) await untilUnread(tab, LOST + 1, 'Inbox');
  return first(stack.db, 'SELECT max(id) FROM doorbell.message');
}

const known = (tab) => tab.evaluate(() => window.told.filter(([type]) => type === 'change').at(-1)[1]);

// Every tab knows what the server says.
async function untilTrue(stack, tabs, expected) {
  await until('the app', async () => (await stack.api('GET', '/unread', { user: 'bob' })).json?.num === expected);
  for (const tab of tabs) {
    await untilUnread(tab, expected, 'Inbox');
    await untilQuiet(tab);
  }
  const { num, version, seq } = (await stack.api('GET', '/unread', { user: 'bob' })).json;
  for (const tab of tabs) assert.deepEqual(await known(tab), { num, version, seq });
}

// The next message counts in every tab, and sounds in one.
async function assertNextSounds(stack, tabs, num) {
  const playsOfAll = async () => (await Promise.all(tabs.map(plays))).reduce((sum, count) => sum + count);
  const before = await playsOfAll();
  const from = await Promise.all(tabs.map((tab) => tab.evaluate(() => window.told.length)));
  const id = await send(stack, { to: 'bob', title: 'The next' });
  for (const [i, tab] of tabs.entries()) {
    await untilUnread(tab, num, 'Inbox');
    await tab.waitForFunction(([begin, wanted]) => window.told.slice(begin).some(([type, { id: of }]) => type === 'sound' && of === wanted), [from[i], id]);
  }
  assert.equal(await playsOfAll(), before + 1);
  return id;
}

async function assertForgotten(stack, tabs, lostId) {
  await untilTrue(stack, tabs, 1);
  const id = await assertNextSounds(stack, tabs, 2);
  assert.ok(id <= lostId, `${id} was given out before, up to ${lostId}`);
}

test('a standby takes over without the last sends', async (t) => {
  const stack = await startStack(t, { ownCluster: true, app: false });
  const { cluster, db: primary } = stack;
  const standby = await cluster.startStandby();
  t.after(() => standby.remove());
  const hosts = [cluster, standby].map(({ dir }) => encodeURIComponent(dir)).join(',');
  writeSettings(stack.confPath, { ...stack.settings, 'database.url': stack.conninfo.replace(/@[^/]*/, `@${hosts}`) });
  stack.app = await startApp(null, { confPath: stack.confPath, listens: [stack.settings['app.listen']] });
  const tabs = await openTabs(t, stack);

  stack.cluster = standby;
  stack.db = await stack.connectDatabase();
  const sent = await first(primary, 'SELECT pg_current_wal_lsn()');
  await until('the standby', () => first(stack.db, `SELECT pg_last_wal_replay_lsn() >= '${sent}'`));
  await stack.db.query("ALTER SYSTEM SET primary_conninfo = ''");
  await stack.db.query('SELECT pg_reload_conf()');
  await until('the standby to be cut off', () => first(stack.db, 'SELECT count(*) = 0 FROM pg_stat_wal_receiver'));
  const lostId = await sendLost({ db: primary }, tabs);
  await primary.end();
  await cluster.kill();
  await standby.promote();
  await assertForgotten(stack, tabs, lostId);
});

test('a dump is restored under the running site', async (t) => {
  const stack = await startStack(t, { ownCluster: true });
  const tabs = await openTabs(t, stack);
  const dump = join(stack.cluster.dir, 'history.dump');
  await run('pg_dump', ['-Fc', '-f', dump, '-d', stack.ownerConninfo]);
  const lostId = await sendLost(stack, tabs);
  await until('a restore without deadlock', () => run('pg_restore', ['-1', '--clean', '--if-exists', '-d', stack.ownerConninfo, dump]).then(() => true));
  await assertForgotten(stack, tabs, lostId);
});

test('a crash loses commits that did not wait for the disk', async (t) => {
  const stack = await startStack(t, { ownCluster: true });
  const settings = { synchronous_commit: 'off', autovacuum: 'off', bgwriter_lru_maxpages: '0' };
  for (const [name, value] of Object.entries(settings)) await stack.db.query(`ALTER SYSTEM SET ${name} = '${value}'`);
  await stack.db.query('SELECT pg_reload_conf()');
  const tabs = await openTabs(t, stack);
  await stack.db.query('CHECKPOINT');
  const writer = await first(stack.db, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'");
  process.kill(writer, 'SIGSTOP');
  const lostId = await sendLost(stack, tabs);
  process.kill(writer, 'SIGKILL'); // PostgreSQL recovers as from a crash of all
  await stack.db.end().catch(() => {});
  stack.db = await until('PostgreSQL to be back', () => stack.connectDatabase());
  await assertForgotten(stack, tabs, lostId);
});

test('files from a clean stop are put back, and the operator begins a new epoch', async (t) => {
  const stack = await startStack(t, { ownCluster: true });
  const tabs = await openTabs(t, stack);
  const [data, copy] = ['data', 'copy'].map((name) => join(stack.cluster.dir, name));
  const stopped = async (change) => {
    await stack.db.end();
    await stack.cluster.stop();
    await change();
    await stack.cluster.start();
    stack.db = await stack.connectDatabase();
  };
  await stopped(() => run('cp', ['-a', '--reflink=auto', data, copy]));
  const lostId = await sendLost(stack, tabs);
  await stopped(async () => {
    rmSync(data, { recursive: true });
    await run('mv', [copy, data]);
  });
  await stack.db.query('SELECT doorbell.new_epoch()');
  await assertForgotten(stack, tabs, lostId);
});

test('a user with open pages is erased', async (t) => {
  const stack = await startStack(t);
  const tabs = await openTabs(t, stack);
  await sendLost(stack, tabs);
  assert.equal((await stack.api('DELETE', '/users/bob', { service: true })).status, 200);
  await untilTrue(stack, tabs, 0);
  await assertNextSounds(stack, tabs, 1);
});
