// SPDX-License-Identifier: MIT
// The lint of layers finds each kind of breach, and only in the file that has it.

import assert from 'node:assert/strict';
import { appendFile, cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { makeFolder, top } from '../../harness/folder.mjs';
import { runLint } from './run.mjs';

const lint = (tree) => runLint('layers', tree);

async function copySources() {
  const tree = makeFolder();
  for (const folder of ['common', 'fcgi-app', 'relay']) {
    await cp(path.join(top, folder), path.join(tree, folder), { recursive: true });
  }
  await cp(path.join(top, 'tests/lint'), path.join(tree, 'tests/lint'), { recursive: true });
  return tree;
}

const breaches = [
  ['foreign include', 'common/planted.c', '#include "relay/session/hub.h"'],
  ['foreign include', 'common/text/planted.c', '#include "common/security/token.h"'],
  ['foreign include', 'fcgi-app/main.c', '#include "relay/session/hub.h"'],
  ['foreign include', 'relay/session/hub.h', '#include "fcgi-app/store/store.h"'],
  ['foreign include', 'fcgi-app/store/planted.c', '#include "fcgi-app/http/response.h"'],
  ['foreign include', 'fcgi-app/endpoints/planted.c', '#include "fcgi-app/workers/publisher.h"'],
  ['foreign include', 'relay/session/hub.c', '#include "relay/publish/api.h"'],
  ['a library has its own files', 'fcgi-app/store/store.c', '#include <fcgiapp.h>'],
  ['a library has its own files', 'fcgi-app/endpoints/planted.c', '#include <libpq-fe.h>'],
  ['a library has its own files', 'relay/server/server.c', '#include <curl/curl.h>'],
  ['a library has its own files', 'relay/session/session.c', '#include <libwebsockets.h>'],
  ['a library has its own files', 'relay/session/frame.c', '#include <ev.h>'],
  ['a library has its own files', 'common/bytes/buf.c', '#include <json-c/json_object.h>'],
  ['threads start in main.c', 'fcgi-app/workers/worker.c', 'int x = pthread_create(&a, NULL, run, NULL);'],
  ['SQL has its own folders', 'fcgi-app/endpoints/unread.c', 'const char *q = "SELECT num FROM doorbell.message";'],
  ['SQL has its own folders', 'fcgi-app/workers/worker.c', 'PQexec(c, "COMMIT");'],
  ['pure code includes the shell', 'fcgi-app/http/route.c', '#include "common/os/log.h"'],
  ['foreign include', 'relay/session/hub.c', '#include "relay/server/server.h"'],
  ['pure code has no I/O and no clock', 'relay/session/session.c', '    int64_t now = time(NULL);'],
  ['pure code has no I/O and no clock', 'common/bytes/span.c', '    fd = open(path, O_RDONLY);'],
  ['pure code does not log', 'fcgi-app/http/route.c', '    log_info("no such route");'],
  ['pure code has no globals', 'relay/session/hub.c', 'static struct hub the_hub;'],
  ['pure code has no globals', 'common/bytes/arena.c', 'static size_t blocks_alive = 0;'],
];

test('the sources keep to their layers', async () => {
  const { code, stdout, stderr } = await lint(top);
  assert.equal(stdout + stderr, '');
  assert.equal(code, 0);
});

for (const [rule, file, line] of breaches) {
  test(`a planted breach is found: ${rule} (${file}: ${line})`, async () => {
    const tree = await copySources();
    await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
    await appendFile(path.join(tree, file), `\n${line}\n`);
    const { code, stdout } = await lint(tree);
    assert.equal(code, 1);
    const found = stdout.trim().split('\n');
    assert.ok(
      found.some((one) => one.startsWith(`${rule}: ${file}:`) && one.endsWith(line)),
      stdout,
    );
    assert.ok(found.every((one) => one.includes(`: ${file}:`)), stdout);
  });
}

test('a comment that names a library is no breach', async () => {
  const tree = await copySources();
  await appendFile(path.join(tree, 'fcgi-app/http/route.c'), '\n/* not #include <libpq-fe.h>, nor time() */\n');
  assert.equal((await lint(tree)).code, 0);
});
