// SPDX-License-Identifier: MIT
// Old and hostile databases give their sessions settings of their own. No call of the app minds, nor one that a site
// makes in a session of its own.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import pg from 'pg';

import { startStack, top, until } from '../../harness/index.mjs';

const defaults = {
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  search_path: 'nowhere',
  DateStyle: "'German, DMY'",
  IntervalStyle: 'sql_standard',
  TimeZone: "'Asia/Kolkata'",
  bytea_output: 'escape',
  extra_float_digits: '-15',
  client_encoding: 'LATIN1',
  client_min_messages: 'error',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  transform_null_equals: 'on',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  row_security: 'off',
  check_function_bodies: 'off',
  xmloption: 'document',
  enable_seqscan: 'off',
  enable_indexscan: 'off',
  enable_nestloop: 'off',
  plan_cache_mode: 'force_custom_plan',
  jit_above_cost: '0',
  from_collapse_limit: '1',
  work_mem: "'64kB'",
  geqo_threshold: '2',
  lock_timeout: '1',
  statement_timeout: "'1min'",
  idle_in_transaction_session_timeout: "'1s'",
  synchronous_commit: 'off',
  'plpgsql.variable_conflict': 'use_column',
  'plpgsql.extra_errors': "'all'",
  session_replication_role: 'replica',
};

const text = 'it\'s "so" \\n \\\' 中 \u{1f514} $1 %s';
const stack = await startStack(test, { ownCluster: true, config: { 'app.user_rate': 0 } });
const service = (method, call, json) => stack.api(method, call, { service: true, json });

async function setDefault(name, value) {
  await stack.db.query(`ALTER DATABASE "${new URL(stack.ownerConninfo).pathname.slice(1)}" ${name ? `SET ${name} = ${value}` : 'RESET ALL'}`);
  const { rows } = await stack.db.query("SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'doorbell_app'");
  await until('the sessions to end', () => rows.every((row) => !existsSync(`/proc/${row.pid}`)));
}

async function assertCallsWork(user) {
  assert.equal((await stack.api('GET', '/unread', { user })).json.num, 0);
  const bell = await stack.connect(user);
  const sent = await service('POST', '/messages', { to: user, title: text, body: text, extra: { text }, category: text, url: '/a?b=c', key: `${user} ${text}`, expires_in: 3600 });
  assert.deepEqual([sent.status, sent.json.recipients], [201, 1], sent.text);
  await bell.next((frame) => frame.type === 'ring' && frame.num === 1);
  const [message] = (await stack.api('GET', '/messages', { user })).json.messages;
  assert.deepEqual([message.title, message.body, message.extra.text, message.category], [text, text, text, text]);
  assert.ok(Math.abs(message.created_at - Date.now() / 1000) < 60, message.created_at);
  assert.equal((await service('POST', '/messages', { to: user, title: 'x', url: '/\\host' })).status, 422);
  assert.equal((await service('POST', '/messages', { to: 'b', title: 'a\u0085b' })).status, 422);
  assert.equal((await service('POST', `/groups/g/members`, { add: [user], remove: ['null'] })).status, 200);
  assert.equal((await service('POST', '/messages', { group: 'g', title: 'x' })).status, 201);
  const all = await service('POST', '/messages', { to: '*', title: 'x' });
  assert.equal((await stack.api('GET', '/unread?by=category', { user })).json.num, 3);
  assert.equal((await stack.api('POST', '/messages/read', { user, json: { ids: [message.id] } })).json.num, 2);
  assert.equal((await service('DELETE', `/sent/${all.json.id}`)).status, 200);
  assert.equal((await stack.api('PUT', '/preferences', { user, json: { muted: [text] } })).status, 200);
  assert.equal((await stack.api('POST', '/messages/read', { user, json: { all: true } })).json.num, 0);
  assert.equal((await service('GET', '/health')).json.database.drift, 0);
  bell.close();
}

async function assertSiteCanSend(user) {
  const site = new pg.Client({ connectionString: stack.ownerConninfo });
  await site.connect();
  try {
    await site.query('SELECT * FROM doorbell.send(ARRAY[$1], title => $2)', [user, text]);
    await assert.rejects(site.query("SELECT * FROM doorbell.send(ARRAY[E'a\\u0085'], title => 'x')"), { code: 'DB422' });
    assert.equal((await site.query('SELECT num FROM doorbell.unread($1)', [user])).rows[0].num, '1');
  } finally {
    await site.end();
  }
}

for (const [name, value] of Object.entries({ '': '', ...defaults })) {
  test(name ? `${name} = ${value}` : 'what PostgreSQL comes with', async () => {
    await setDefault();
    if (name) await setDefault(name, value);
    await assertCallsWork(`user of ${name}`);
    await assertSiteCanSend(`user of ${name}`);
  });
}

test('no literal of the functions means something else with standard_conforming_strings = off', async () => {
  const folder = path.join(top, 'sql/functions');
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.sql'));
  for (const name of names) {
    for (const line of (await readFile(path.join(folder, name), 'utf8')).split('\n')) {
      const parts = line.replace(/--.*/, '').split("'");
      for (let i = 1; i < parts.length; i += 2) assert.ok(!parts[i].includes('\\') || parts[i - 1].endsWith('E'), `${name}: ${line}`);
    }
  }
});
