// SPDX-License-Identifier: MIT
// What the documents show is run: the examples of fcgi-app/API.md, deploy/MIGRATING.md and deploy/SWITCHES.md in
// their order, those of README.md, and those of sql/README.md, against a real Doorbell.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';

import { assertLike, examplesOf, fences } from '../../harness/examples.mjs';
import { makeFolder, removeFolder, top } from '../../harness/folder.mjs';
import { startStack } from '../../harness/index.mjs';
import { operations } from './openapi_document.mjs';

const run = promisify(execFile);
const read = (name) => readFileSync(path.join(top, name), 'utf8');
const api = read('fcgi-app/API.md');
const guides = ['deploy/MIGRATING.md', 'deploy/SWITCHES.md'];

async function makePlace(t, options) {
  const stack = await startStack(t, options);
  const folder = makeFolder();
  t.after(() => removeFolder(folder));
  for (const dir of [folder, path.join(folder, 'var')]) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, 'send.key'), `${stack.sendKey}\n`, { mode: 0o600 });
    writeFileSync(path.join(dir, 'send.curl'), `header = "Authorization: Bearer ${stack.sendKey}"\n`, { mode: 0o600 });
  }
  writeFileSync(path.join(folder, 'publish.curl'), `header = "Authorization: Bearer ${stack.publishKey}"\n`, { mode: 0o600 });
  const env = {
    PATH: `${path.join(top, 'sql')}:${process.env.PATH}`,
    HOME: folder,
    DOORBELL: `${stack.url}/doorbell`,
    RELAY: stack.publishUrl,
    DATABASE: stack.ownerConninfo,
  };
  return {
    stack,
    folder,
    env,
    shell: async (text) => (await run('sh', ['-euc', text], { cwd: folder, env })).stdout,
    async php(text) {
      writeFileSync(path.join(folder, 'example.php'), text);
      return (await run('php', ['example.php'], { cwd: folder, env })).stdout;
    },
  };
}

// What the following examples may refer to.
async function remember({ env, stack }, answer) {
  const id = answer.id ?? answer.messages?.[0].id;
  if (id) env.ID = String(id);
  if (id) [, env.C] = (await stack.broadcastPath(id)).split('c=');
  if (answer.next) env.NEXT = answer.next;
  if (answer.position) env.POSITION = answer.position;
}

// Those of a document, in their order, each as a test of its own.
async function runExamples(t, place, markdown) {
  const blocks = fences(markdown);
  for (const { tag, text } of blocks) {
    const [, name] = tag.match(/ file=(\S+)$/) ?? [];
    if (name) writeFileSync(path.join(place.folder, name), text);
  }
  for (const { language, text, expected, heading, line } of examplesOf(blocks)) {
    await t.test(`${heading}, line ${line}`, async () => {
      const output = language === 'php' ? await place.php(text) : await place.shell(text);
      if (expected?.tag !== 'json') return assert.equal(output.trimEnd(), (expected?.text ?? '').trimEnd());
      const answer = JSON.parse(output);
      place.stack.secrets.add(answer.token);
      assertLike(answer, JSON.parse(expected.text));
      await remember(place, answer);
    });
  }
}

test('the examples of API.md run, and answer what is below them', async (t) => {
  const place = await makePlace(t);
  await runExamples(t, place, api);
  const [, token] = readFileSync(path.join(place.folder, 'alice.curl'), 'utf8').match(/Bearer (\S+)"/);
  place.stack.secrets.add(token);
});

test('the examples of MIGRATING.md run, and answer what is below them', async (t) => {
  const place = await makePlace(t);
  // In the place of the old relay, whose call needs no key.
  const old = await startStack(t, { server: null, app: false, config: { 'relay.legacy_publish': 'yes' } });
  place.env.OLD_RELAY = old.publishUrl;
  await runExamples(t, place, read('deploy/MIGRATING.md'));
  const [, token] = readFileSync(path.join(place.folder, 'page.curl'), 'utf8').match(/doorbell_token=(\S+)"/);
  place.stack.secrets.add(token);
  // The example shows the first of the two calls; the second went out as well.
  const answers = await place.php("<?php require 'notify.php'; echo implode(' ', notify('42', 'Your order has shipped', 'notice-7'));");
  assert.match(answers, /"duplicate": ?true.* offline$/);
});

test('the examples of SWITCHES.md run, and answer what is below them', async (t) => {
  const place = await makePlace(t);
  writeFileSync(path.join(place.folder, 'doorbell.conf'), '[relay]\nlisten = 127.0.0.1:2120\n');
  await runExamples(t, place, read('deploy/SWITCHES.md'));
});

test('API.md has a part for every operation, with an example that is run', () => {
  const parts = [...api.matchAll(/^## `([A-Z]+ \/\S*)`$/gm)].map(([, name]) => name);
  assert.deepEqual(parts.sort(), operations.map(({ method, route }) => `${method} ${route}`).sort());
  const shown = new Set(examplesOf(fences(api)).map(({ heading }) => heading));
  for (const part of parts) assert.ok(shown.has(`\`${part}\``), part);
});

test('the examples in PHP that are not run are PHP', async (t) => {
  const folder = makeFolder();
  t.after(() => removeFolder(folder));
  const parts = [api, ...guides.map(read)].flatMap(fences).filter(({ tag }) => tag === 'php');
  for (const { text } of parts) {
    writeFileSync(path.join(folder, 'part.php'), `<?php\n${text}`);
    await run('php', ['-l', path.join(folder, 'part.php')]);
  }
});

for (const document of ['README.md', 'fcgi-app/API.md', 'sql/README.md', 'www/README.md', 'www/README.zh-CN.md', 'www/php/README.md', 'www/php/laravel/README.md',
  'www/php/symfony/README.md', 'www/php/wordpress/README.md', 'www/llms.txt', 'www/PROTOCOL.md', 'deploy/README.md',
  ...guides, 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']) {
  test(`the links of ${document} lead somewhere`, () => {
    const text = read(document);
    const slug = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(' ', '-');
    const anchorsOf = (name) => [...read(name).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading));
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, anchor] = target.split('#');
      const name = file ? path.join(path.dirname(document), file) : document;
      assert.ok(existsSync(path.join(top, name)), target);
      if (anchor) assert.ok(anchorsOf(name).includes(anchor), target);
    }
  });
}

// README.md

const readme = read('README.md');

test('README.md: the curl line sends', async (t) => {
  const place = await makePlace(t);
  const [line] = readme.match(/^ +curl --config .*$/m);
  const answer = JSON.parse(await place.shell(line.replace('http://127.0.0.1:8080', place.stack.url)));
  assertLike(answer, { id: 1, recipients: 1, duplicate: false });
  const { messages } = (await place.stack.api('GET', '/messages', { user: 'bob' })).json;
  assert.deepEqual([messages[0].title, messages[0].body], ['Hello', 'Tea is ready']);
});

test('README.md: the PHP lines send, and answer what their comment says', async (t) => {
  const place = await makePlace(t);
  const [code] = readme.match(/^ +\$curl = curl_init[^]*?json_decode.*$/m);
  const [, comment] = code.match(/\/\/ (\{.*\})/);
  const php = `<?php $sendKey = trim(file_get_contents('send.key')); $orderId = 7;
${code.replace('https://example.org', place.stack.url)}
echo json_encode($answer);`;
  assertLike(JSON.parse(await place.php(php)), JSON.parse(comment));
  assert.equal((await place.stack.api('GET', '/unread', { user: '42' })).json.num, 1);
});

// SQL, as the role of a site that shares the database

async function asSite(stack, text) {
  const client = await stack.connectDatabase();
  try {
    await client.query('SET ROLE doorbell_site');
    await client.query(text);
  } finally {
    await client.end();
  }
}

test('README.md: the line of SQL sends', async (t) => {
  const { stack } = await makePlace(t);
  const [, line] = readme.match(/`(SELECT doorbell\.send[^`]*)`/);
  await asSite(stack, line);
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).json.num, 1);
});

const sqlReadme = read('sql/README.md');

test('sql/README.md: the command prepares a database', async (t) => {
  const { stack } = await makePlace(t);
  const [, line] = sqlReadme.match(/^ +(sql\/doorbell-migrate "[^"]*")/m);
  await run('sh', ['-euc', line.replace('dbname=site', stack.ownerConninfo)], { cwd: top });
});

test('sql/README.md: the transaction sends and rings when it commits, and not when it does not', async (t) => {
  const { stack } = await makePlace(t);
  await stack.db.query('CREATE TABLE public.orders (id integer GENERATED ALWAYS AS IDENTITY)');
  await stack.db.query('GRANT INSERT ON public.orders TO doorbell_site');
  await stack.api('GET', '/unread', { user: '42' });
  const bell = await stack.connect('42');
  const [text] = sqlReadme.match(/^ +BEGIN;[^]*?COMMIT;/m);
  const transaction = text.replace('orders ...', 'orders DEFAULT VALUES');
  assert.notEqual(transaction, text);
  await asSite(stack, transaction.replace('COMMIT', 'ROLLBACK'));
  assert.equal((await stack.api('GET', '/unread', { user: '42' })).json.num, 0);
  await asSite(stack, transaction);
  const ring = await bell.next('ring');
  assert.equal(ring.num, 1);
  assert.equal((await stack.api('GET', '/messages', { user: '42' })).json.messages[0].url, '/orders/7');
});

test('sql/README.md names every function, with its arguments', async (t) => {
  const { stack } = await makePlace(t);
  const { rows } = await stack.db.query(`
    SELECT p.proname AS name, coalesce((
      SELECT string_agg(a.name || ' ' || format_type(a.type, NULL), ', ' ORDER BY a.nth)
      FROM unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY a (name, type, nth)), '') AS args
    FROM pg_proc p WHERE p.pronamespace = 'doorbell'::regnamespace ORDER BY 1`);
  const plain = (args) => args.replaceAll('timestamptz', 'timestamp with time zone').split(',')
    .map((one) => one.replace(/ DEFAULT .*/, '').replaceAll('"', '').trim().replace(/\s+/g, ' ')).join(', ');
  const documented = sqlReadme.split('\n').filter((line) => line.startsWith('    ')).join('\n')
    .matchAll(/doorbell\.(\w+)\(([^)]*)\)/g);
  const inReadme = [...documented].filter(([, , args]) => !args.includes('=>')).map(([, name, args]) => `${name}(${plain(args)})`);
  assert.deepEqual(inReadme.sort(), rows.map(({ name, args }) => `${name}(${args})`).sort());
});
