// SPDX-License-Identifier: MIT
// www/php/README.md is run: its site in php-fpm and a browser, its examples by php-cli, in their order.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { openProfile } from '../../browser/pages.mjs';
import { assertLike, examplesOf, fences } from '../../harness/examples.mjs';
import { top } from '../../harness/index.mjs';
import { optionsOf, runPhp, startSite } from './php.mjs';

const blocks = fences(readFileSync(path.join(top, 'www/php/README.md'), 'utf8'));
const pages = Object.fromEntries(blocks.flatMap(({ tag, text }) => {
  const [, name] = tag.match(/ file=(\S+)$/) ?? [];
  return name ? [[name, text]] : [];
}));

// bell.php as it is, but for where this Doorbell is.
function moved(site) {
  const text = pages['bell.php'].replace('http://127.0.0.1/doorbell', optionsOf(site.stack).url)
    .replace('/etc/doorbell/', `${site.folder}/`);
  assert.notEqual(text, pages['bell.php']);
  return text.replace("'send_key_file'", "'timeout' => 20, 'page_timeout' => 20, 'connect_timeout' => 20, 'send_key_file'");
}

test('the site rings in a browser, and the examples answer what is below them', async (t) => {
  const site = await startSite(t, { pages });
  writeFileSync(path.join(site.folder, 'bell.php'), moved(site));
  const page = await (await openProfile(t)).newPage();
  await page.goto(`${site.stack.url}/index.php`);
  const count = (num) => page.waitForFunction((text) => document.title.startsWith(text), `(${num})`);
  for (const { text, expected, line } of examplesOf(blocks)) {
    writeFileSync(path.join(site.folder, 'example.php'), text);
    const { code, stdout, stderr } = await runPhp(['example.php'], '', { cwd: site.folder });
    assert.equal(code, 0, `line ${line}: ${stdout}${stderr}`);
    if (expected.tag === 'json') assertLike(JSON.parse(stdout), JSON.parse(expected.text));
    else assert.equal(stdout, expected.text.trimEnd(), `line ${line}`);
    if (text.includes('Your order has shipped')) await count(1);
    if (text.includes('arrived-7')) await count(4);
  }
  await page.waitForFunction(() => document.title === 'My site');
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ['doorbell_token', true, 'Lax']);
  site.stack.secrets.add(cookie.value);
  assert.equal(site.logOf(), '');
});

test('sent_message() of the document is a drop-in', async (t) => {
  const site = await startSite(t, { pages, config: { 'relay.legacy_publish': 'yes' } });
  writeFileSync(path.join(site.folder, 'bell.php'), moved(site).replace("'timeout'", `'relay_url' => '${site.stack.publishUrl}', 'timeout'`));
  const call = "require 'sent_message.php'; echo sent_message('42', 'Hello');";
  assert.equal((await runPhp(['-r', call], '', { cwd: site.folder })).stdout, 'offline');
  const bell = await site.stack.connect('42');
  assert.equal((await runPhp(['-r', call], '', { cwd: site.folder })).stdout, 'ok');
  await bell.next('ring');
});

test('the other blocks of PHP are PHP', async () => {
  for (const { text } of blocks.filter(({ tag }) => tag === 'php')) {
    const { code, stdout } = await runPhp(['-l'], `<?php\n${text}`);
    assert.equal(code, 0, stdout);
  }
});

test('it tells of every option and every method', async () => {
  const text = readFileSync(path.join(top, 'www/php/README.md'), 'utf8');
  const source = readFileSync(path.join(top, 'www/php/doorbell.php'), 'utf8');
  const [, defaults] = source.match(/function defaults\(\)[^]*?return \[([^]*?)\];/);
  const names = [...defaults.matchAll(/'(\w+)' =>/g), ...source.slice(source.indexOf('\nclass Doorbell\n')).matchAll(/ {4}public function ([a-z]\w*)\(/g)];
  assert.ok(names.length > 40, `${names.length}`);
  for (const [, name] of names) assert.match(text, new RegExp(`\`${name}\\b|[ \`]${name}\\(`), name);
});
