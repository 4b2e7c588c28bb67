// SPDX-License-Identifier: MIT
// A new doorbell-app takes over from one that runs, on a listener that another holds, as under systemd's socket
// unit: a restart or an upgrade loses no request.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, chmodSync, cpSync, existsSync, linkSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';

import { build, failRun, Service, startStack, top, until } from '../../harness/index.mjs';

const TAKEOVERS = 4;
const CALLERS = 12;
const BIG = 'x'.repeat(60_000); // does not pass in one piece

// Whoever listens removes the name when it leaves: the web server's is another name of the same socket.
async function startHolder(t, stack) {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(`${stack.appSocket}.first`, resolve));
  linkSync(`${stack.appSocket}.first`, stack.appSocket);
  chmodSync(stack.appSocket, 0o666);
  const holder = new Service({
    name: 'hold',
    command: path.join(top, 'tests/harness/hold'),
    args: [path.join(build, 'doorbell-app'), stack.confPath],
    stdin: 'pipe',
    descriptors: [server._handle],
    okCodes: [null],
  });
  t.after(() => holder.stop().catch(failRun));
  await holder.start();
  await new Promise((resolve) => server.close(resolve));
  return holder;
}

async function startNext(holder) {
  const from = holder.log.length;
  holder.process.stdin.write('\n');
  const [, pid] = await holder.waitLog(/^started (\d+)$/m, { from });
  await holder.waitLog(/serving/, { from });
  return Number(pid);
}

async function takeOver(holder, old) {
  const next = await startNext(holder);
  process.kill(old, 'SIGTERM');
  await until('the old one to end', () => !existsSync(`/proc/${old}/exe`));
  return next;
}

// Calls of all sizes, one after the other, until `caller.isDone`.
async function callOn(stack, caller) {
  while (!caller.isDone) {
    const key = `${caller.name}-${caller.sent + 1}`;
    const message = { to: caller.name, title: 'x', key, body: caller.sent % 3 ? 'short' : BIG };
    const sent = await stack.api('POST', '/messages', { service: true, json: message });
    assert.equal(sent.status, 201, sent.text);
    caller.sent++;
    const asked = await stack.api('GET', '/unread', { user: caller.name });
    assert.equal(asked.json.num, caller.sent, asked.text);
  }
}

// The folder of SQL as the next release might have it: the same functions anew, a table with another column.
function writeNextSql(dir, release) {
  const sql = path.join(dir, `sql-${release}`);
  cpSync(release === 1 ? path.join(top, 'sql') : path.join(dir, `sql-${release - 1}`), sql, { recursive: true });
  appendFileSync(path.join(sql, 'attributes.sql'), `-- release ${release}\n`);
  const columns = ['message', 'inbox', 'reader'].map((table) => `ALTER TABLE doorbell.${table} ADD COLUMN next_${release} integer;\n`);
  const sending = path.join(sql, 'functions/sending/sending.sql');
  const now = readFileSync(sending, 'utf8');
  const changed = now.replace(')::doorbell.message;', ', NULL)::doorbell.message;');
  assert.notEqual(changed, now);
  writeFileSync(sending, changed);
  writeFileSync(path.join(sql, `schema/${1000 + release}_next.sql`), columns.join(''));
  return sql;
}

async function migrate(stack, sql) {
  await promisify(execFile)(path.join(sql, 'doorbell-migrate'), ['--sql', sql, stack.ownerConninfo]);
}

// As many callers as there are, while `work` goes on; then all calls have succeeded, each message is stored once.
async function callDuring(stack, work) {
  const callers = Array.from({ length: CALLERS }, (_, i) => ({ name: `u${i}`, sent: 0, isDone: false }));
  const calls = Promise.all(callers.map((caller) => callOn(stack, caller)));
  await Promise.race([work(), calls]);
  for (const caller of callers) caller.isDone = true;
  await calls;
  const { rows } = await stack.db.query('SELECT count(*)::integer AS stored FROM doorbell.message');
  assert.equal(rows[0].stored, callers.reduce((sum, { sent }) => sum + sent, 0));
}

// A loaded machine may take longer for a migration than writes wait for it by default.
const config = { 'app.listen': 'fd:3', 'app.user_rate': '0', 'database.lock_timeout': '30s', 'database.statement_timeout': '30s' };

test('upgrades under a program that runs lose no request', async (t) => {
  const stack = await startStack(t, { app: false, config });
  const holder = await startHolder(t, stack);
  let app = await startNext(holder);
  await callDuring(stack, async () => {
    for (let release = 1; release <= TAKEOVERS; release++) {
      await migrate(stack, writeNextSql(stack.dir, release));
      app = await takeOver(holder, app);
    }
  });
});

for (const server of ['nginx', 'apache']) {
  test(`${TAKEOVERS} takeovers lose no request, through ${server}`, async (t) => {
    const stack = await startStack(t, { app: false, server, config });
    const holder = await startHolder(t, stack);
    let app = await startNext(holder);
    await callDuring(stack, async () => {
      for (let i = 0; i < TAKEOVERS; i++) app = await takeOver(holder, app);
    });
  });
}
