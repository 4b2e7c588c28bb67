// SPDX-License-Identifier: MIT
// The check from memory is exact: two doorbell-apps that share a database remember answers, while plain SQL writes and
// time passes, and each of their answers is what the database itself says.

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { startApp, startStack, until, writeSettings } from '../../harness/index.mjs';
import { makeRandom } from '../../harness/random.mjs';

const OPERATIONS = Number(process.env.DOORBELL_CHECK_OPS ?? 600);
const USERS = ['u0', 'u1', 'u2', 'u3', 'u4'];
const GROUPS = ['g0', 'g1'];
const CATEGORIES = ['a', 'b'];

// What may change an answer, as SQL of another client: {name: (pick) => [statement, values]}.
const writers = {
  sendToOne: ({ user, category, expiry }) => ['SELECT doorbell.send(to_users => $1, title => $2, category => $3, expires_in => $4::integer)',
    [[user], 'x', category, expiry]],
  sendToGroup: ({ group, category, expiry }) => ['SELECT doorbell.send(to_group => $1, title => $2, category => $3, expires_in => $4::integer)',
    [group, 'x', category, expiry]],
  sendToAll: ({ category, expiry }) => ["SELECT doorbell.send(to_all => true, title => 'x', category => $1, expires_in => $2::integer)", [category, expiry]],
  join: ({ group, user }) => ['SELECT doorbell.group_join($1, $2)', [group, user]],
  leave: ({ group, user }) => ['SELECT doorbell.group_leave($1, $2)', [group, user]],
  mute: ({ user, categories }) => ['SELECT * FROM doorbell.mute($1, $2)', [user, categories]],
  // To the second, as no call does, so that they begin and end within the run.
  quiet: ({ user, seconds: [from, to] }) => [`UPDATE doorbell.reader SET version = nextval('doorbell.seq'), quiet_hours = jsonb_build_object('timezone', 'UTC',
      'from', to_char(now() AT TIME ZONE 'UTC' + make_interval(secs => $2), 'HH24:MI:SS'), 'to', to_char(now() AT TIME ZONE 'UTC' + make_interval(secs => $3), 'HH24:MI:SS'))
    WHERE user_id = $1`, [user, from, to]],
  unquiet: ({ user }) => ["SELECT * FROM doorbell.set_preferences($1, quiet_hours => 'null')", [user]],
  readOldest: ({ user }) => ['SELECT * FROM doorbell.mark_read_oldest($1, 1)', [user]],
  readAll: ({ user }) => ['SELECT * FROM doorbell.mark_read_all($1)', [user]],
  unreadAll: ({ user }) => ['SELECT * FROM doorbell.mark_unread_all($1)', [user]],
  recall: () => ['SELECT doorbell.recall(id) FROM (SELECT id FROM doorbell.message WHERE recalled_at IS NULL AND seq IS NOT NULL ORDER BY random() LIMIT 1) m', []],
  critical: ({ category, coin }) => ['SELECT doorbell.category_set($1, $2)', [category ?? 'a', coin]],
  sweep: () => ['SELECT doorbell.sweep()', []],
  purge: () => ['SELECT doorbell.purge(gone_days => 0, user_cap => 5)', []],
  recount: () => ['SELECT * FROM doorbell.recount(true)', []],
  erase: ({ user }) => ['SELECT doorbell.erase($1)', [user]],
};

function pickFrom(random) {
  const one = (list) => list[random(list.length)];
  return {
    user: one(USERS), group: one(GROUPS), category: one([null, ...CATEGORIES]), coin: random(2) === 1,
    seconds: [random(4) - 2, 2 + random(3)], categories: CATEGORIES.filter(() => random(3) === 0), expiry: one([null, null, 1, 3600]),
  };
}

// A second doorbell-app on the same database, with a socket of its own.
async function startSecondApp(t, stack) {
  const socket = path.join(stack.dir, 'second.sock');
  const confPath = path.join(stack.dir, 'second.conf');
  writeSettings(confPath, { ...stack.settings, 'app.listen': `unix:${socket}` });
  const app = await startApp(null, { confPath, listens: [`unix:${socket}`] });
  t.after(() => app.stop());
  return { path: socket };
}

async function checkBy(where, stack, user) {
  const answer = await fastcgi(where, { REQUEST_URI: '/doorbell/unread', HTTP_AUTHORIZATION: `Bearer ${stack.token(user)}` });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text.slice(answer.text.indexOf('{')));
}

// By the database alone; undefined before a user's first contact.
async function truthOf(db, user) {
  const { rows } = await db.query(
    `SELECT num, hit, latest, version, seq, scope, groups, muted, quiet, (SELECT epoch::text FROM doorbell.current_epoch) AS epoch FROM doorbell.unread($1, NULL, 1)`, [user]);
  if (!rows[0]) return undefined;
  const { muted, quiet, epoch, ...numbers } = rows[0];
  return { ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)])), muted,
    ...(quiet && { quiet: quiet.map(Number) }), epoch, user };
}

// Time alone may change the truth, and a first contact makes one: then it is asked once more.
async function assertTrue(app, stack, user, what) {
  for (;;) {
    const before = JSON.stringify(await truthOf(stack.db, user));
    const answer = JSON.stringify(await checkBy(app, stack, user));
    const after = JSON.stringify(await truthOf(stack.db, user));
    if (before !== after) continue;
    assert.equal(answer, before, `${what}, ${user}`);
    return;
  }
}

const from = (text, source) => Number(new RegExp(`^doorbell_app_checks_total\\{from="${source}"\\} (\\d+)$`, 'm').exec(text)[1]);

test('two apps that remember answers say what the database says, whatever was written and whenever', async (t) => {
  const seed = Number(process.env.DOORBELL_CHECK_SEED ?? Date.now() % 1e6);
  t.diagnostic(`DOORBELL_CHECK_SEED=${seed}`);
  const random = makeRandom(seed);
  // A short window, so that hits end within the run.
  const config = { 'app.user_rate': '0', 'app.hit_window': '1s' };
  const stack = await startStack(t, { relay: false, server: null, ownCluster: true, config });
  const apps = [{ path: stack.appSocket }, await startSecondApp(t, stack)];
  const names = Object.keys(writers);
  for (let i = 0; i < OPERATIONS; i++) {
    const name = names[random(names.length)];
    const [statement, values] = writers[name](pickFrom(random));
    // What is refused (a critical category that is muted, say) has changed nothing.
    await stack.db.query(statement, values).catch((error) => assert.match(error.code, /^DB4/, `${name}: ${error.message}`));
    for (const user of [USERS[random(USERS.length)], USERS[random(USERS.length)]]) {
      await assertTrue(apps[random(2)], stack, user, `${i} ${name}`);
    }
  }
  const metrics = { REQUEST_URI: '/doorbell/metrics', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` };
  const { text } = await fastcgi(apps[0], metrics);
  assert.ok(from(text, 'memory') > 10 && from(text, 'database') > 10, 'both ways were gone');
});

test('what is remembered is forgotten with the connection, and by a reload of hit_window', async (t) => {
  const stack = await startStack(t, { relay: false, server: null, ownCluster: true });
  const where = { path: stack.appSocket };
  await stack.db.query("SELECT doorbell.send(to_users => '{42}', title => 'x')");
  assert.equal((await checkBy(where, stack, '42')).num, 1);
  assert.equal((await checkBy(where, stack, '42')).num, 1);
  // A history that the app cannot know of: the numbers that prove an answer stay, the answer does not.
  await stack.db.query("UPDATE doorbell.unread_count SET unread = 5 WHERE user_id = '42'");
  await stack.db.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doorbell-app'");
  await until('the new connection to be asked', async () => (await checkBy(where, stack, '42')).num === 5);
  assert.equal((await checkBy(where, stack, '42')).hit, 1);
  writeSettings(stack.confPath, { ...stack.settings, 'app.hit_window': '0' });
  const from = stack.app.log.length;
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/reloaded/, { from });
  await until('the new hit_window to count', async () => (await checkBy(where, stack, '42')).hit === 0);
});

test('with check_cache = 0 each check is computed', async (t) => {
  const stack = await startStack(t, { relay: false, server: null, config: { 'app.check_cache': '0' } });
  const where = { path: stack.appSocket };
  for (let i = 0; i < 5; i++) assert.equal((await checkBy(where, stack, '42')).num, 0);
  const { text } = await fastcgi(where, { REQUEST_URI: '/doorbell/metrics', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` });
  assert.equal(from(text, 'memory'), 0);
  assert.ok(from(text, 'database') >= 4);
});
