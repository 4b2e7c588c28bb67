// SPDX-License-Identifier: MIT
// Connections that a web server keeps and does not use must not keep doorbell-app from others.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { request } from '../../harness/http.mjs';
import { freePort } from '../../harness/port.mjs';
import { startNginx } from '../../harness/servers.mjs';
import { startStack } from '../../harness/stack.mjs';
import { failRun } from '../../harness/process.mjs';

const WORKERS = 2;
const KEPT = 16;

test(`2 × ${KEPT} idle kept connections do not starve 4 workers`, async (t) => {
  const stack = await startStack(t, {
    relay: false,
    config: { 'app.workers': 4, 'app.user_rate': 0, 'app.user_queue': 0 },
    serverOptions: { workers: WORKERS },
  });
  const headers = { authorization: `Bearer ${stack.token('42')}` };
  const check = (url) => request(url, 'GET', '/doorbell/unread', { headers });
  // Many at once, so that the first server opens as many connections as it keeps.
  const first = await Promise.all(Array.from({ length: 100 }, () => check(stack.url)));
  assert.ok(first.every(({ status }) => status === 200));

  const dir = path.join(stack.dir, 'second');
  mkdirSync(dir, { mode: 0o755 });
  const where = { dir, port: await freePort(), appSocket: stack.appSocket, relayPort: stack.ports.relay };
  const second = await startNginx(null, where);
  try {
    const answers = await Promise.all(Array.from({ length: 200 }, () => check(`http://127.0.0.1:${where.port}`)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  } finally {
    await second.stop().catch(failRun);
  }
});
