// SPDX-License-Identifier: MIT
// www/php/laravel/README.md is run, in its order: its site by Debian's Laravel in php-fpm, its commands by artisan.

import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { fences } from '../../harness/examples.mjs';
import { top } from '../../harness/index.mjs';
import { cookiesOf, here, laravelConnections, optionsOf, runPhp, startSite } from './php.mjs';

const blocks = fences(readFileSync(path.join(top, 'www/php/laravel/README.md'), 'utf8'));

// Laravel's skeleton, with the package where composer puts it.
async function makeSite(t) {
  const site = await startSite(t);
  const { folder, stack } = site;
  cpSync(path.join(here, 'laravel_site'), folder, { recursive: true });
  mkdirSync(`${folder}/vendor/doorbell`, { recursive: true });
  mkdirSync(`${folder}/vendor/composer`);
  symlinkSync(path.join(top, 'www/php'), `${folder}/vendor/doorbell/doorbell`);
  const { name, extra } = JSON.parse(readFileSync(path.join(top, 'www/php/composer.json'), 'utf8'));
  writeFileSync(`${folder}/composer.json`, '{}');
  writeFileSync(`${folder}/vendor/composer/installed.json`, JSON.stringify({ packages: [{ name, extra }] }));
  writeFileSync(`${folder}/connections.json`, JSON.stringify(await laravelConnections(stack)));
  for (const written of ['bootstrap/cache', 'storage/framework/views', 'storage/logs']) {
    mkdirSync(path.join(folder, written), { recursive: true });
    chmodSync(path.join(folder, written), 0o777);
  }
  await stack.db.query("CREATE TABLE public.users (id bigserial PRIMARY KEY, name text); INSERT INTO public.users (name) VALUES ('Ada'); GRANT SELECT ON public.users TO shop");
  return site;
}

// A file of the document; a second .env goes on in the first.
function put({ folder, stack }, name, text) {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  appendFileSync(file, text.replace('http://127.0.0.1/doorbell', optionsOf(stack).url).replace('/etc/doorbell/', `${folder}/`));
}

const example = `<?php
$app = require __DIR__ . '/bootstrap/app.php';
$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap();
require __DIR__ . '/example.php';
`;

test('the site rings, and the examples answer what is below them', async (t) => {
  const site = await makeSite(t);
  const { folder, stack } = site;
  writeFileSync(`${folder}/run.php`, example);
  let bell = null;
  for (const [i, { tag, text, line }] of blocks.entries()) {
    const [, name] = tag.match(/ file=(\S+)$/) ?? [];
    if (name) put(site, name, text);
    if (!tag.endsWith(' test')) continue;
    if (!bell) {
      const page = await stack.request('GET', '/index.php?user=1');
      assert.match(page.text, /<title>My site<\/title>\n<script [^]*<doorbell-inbox user="1" num="0"><\/doorbell-inbox>/);
      const { value } = cookiesOf(page).doorbell_token;
      bell = stack.connectRaw({ token: stack.secrets.add(value) });
      await bell.next('welcome');
    }
    if (tag.startsWith('php')) writeFileSync(`${folder}/example.php`, text);
    const args = tag.startsWith('php') ? ['run.php'] : text.trim().replace(/^php /, '').split(' ');
    const { code, stdout, stderr } = await runPhp(args, '', { cwd: folder });
    assert.equal(code, 0, `line ${line}: ${stdout}${stderr}`);
    assert.equal(stdout.trimEnd(), blocks[i + 1].text.trimEnd(), `line ${line}`);
    if (text.includes('doorbell:ring')) await bell.next('ring');
  }
  const nobody = await stack.request('GET', '/index.php');
  assert.doesNotMatch(nobody.text, /doorbell-inbox/);
  assert.equal(site.logOf(), '');
});
