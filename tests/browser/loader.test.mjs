// SPDX-License-Identifier: MIT
// doorbell.load.js as `make install` lays it down: a page with its tag gets all that doorbell.min.js brings, by the name of its content.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { buildFromTop, makeFolder, top } from '../harness/folder.mjs';
import { until } from '../harness/index.mjs';
import { openElements, serve } from './elements.mjs';
import { openProfile } from './pages.mjs';

const run = promisify(execFile);
const offline = 'api="/none" relay="none" events="none"';
const body = `<doorbell-inbox ${offline}></doorbell-inbox><doorbell-list ${offline}></doorbell-list>`;
const strict = "default-src 'self'; require-trusted-types-for 'script'";

async function install() {
  const root = makeFolder();
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...env } = process.env;
  await run('make', ['-s', `BUILD=${buildFromTop}`, `DESTDIR=${root}`, 'PREFIX=/usr', 'install'], { cwd: top, env });
  const www = path.join(root, 'usr/share/doorbell/www');
  return { www, hashed: `/${readdirSync(www).find((name) => /^doorbell\.[0-9a-f]{12}\.min\.js$/.test(name))}` };
}

// Sees that the page has a bell and a list, in its own language; returns what it loaded for that.
async function loadedBy(page) {
  await page.waitForFunction(() => typeof window.Doorbell === 'function');
  await page.getByRole('button', { name: '消息' }).first().waitFor();
  await page.getByText('消息加载失败').waitFor();
  const faults = page.faults.filter((text) => !/404/.test(text));
  assert.deepEqual(faults, []);
  return page.loaded.filter((name) => name.endsWith('.js') && name !== '/page.js');
}

test('a page with the loader has a bell and a list', async (t) => {
  const { www, hashed } = await install();
  const wanted = ['/doorbell.load.js', hashed, '/ui/min/list.js', '/words/zh-CN.js'];

  await t.test('under a strict policy, with Trusted Types', async () => {
    const page = await openElements(t, { body, lang: 'zh-CN', src: '/doorbell.load.js', www, policy: strict });
    assert.deepEqual((await loadedBy(page)).sort(), wanted.sort());
  });

  await t.test('under a policy that goes by the nonce of the tag', async () => {
    const policy = "default-src 'self'; script-src 'nonce-c2VjcmV0' 'strict-dynamic'; require-trusted-types-for 'script'";
    const page = await openElements(t, { body, lang: 'zh-CN', src: '/doorbell.load.js', attributes: 'defer nonce="c2VjcmV0"', www, policy });
    assert.deepEqual((await loadedBy(page)).sort(), wanted.sort());
  });

  await t.test('from another host', async () => {
    const other = await serve(t, {}, strict, www);
    const policy = `default-src 'self' ${other}; require-trusted-types-for 'script'`;
    const page = await openElements(t, { body, lang: 'zh-CN', src: `${other}/doorbell.load.js`, attributes: 'defer crossorigin', www, policy });
    assert.deepEqual((await loadedBy(page)).sort(), wanted.sort());
  });

  await t.test('and the worker, where there may be one', async () => {
    const profile = await openProfile(t, { worker: true });
    const page = await openElements(t, { body, lang: 'zh-CN', src: '/doorbell.load.js', www, policy: strict, profile });
    await until('the worker to be asked for', async () => page.loaded.includes('/bell/min/worker.js'));
    await loadedBy(page);
  });

  await t.test('and without an installation too, by the name of doorbell.min.js', async () => {
    const page = await openElements(t, { body, lang: 'zh-CN', src: '/doorbell.load.js', policy: strict });
    assert.ok((await loadedBy(page)).includes('/doorbell.min.js'));
  });
});
