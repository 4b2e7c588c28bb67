// SPDX-License-Identifier: MIT
// What holds for every file that pages load: no way for a text to become HTML or code, nothing from
// elsewhere, nothing that a strict Content-Security-Policy forbids.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const www = fileURLToPath(new URL('../../www', import.meta.url));
const files = readdirSync(www, { recursive: true }).filter((file) => statSync(path.join(www, file)).isFile());
const read = (file) => readFileSync(path.join(www, file), 'utf8');
const scripts = files.filter((file) => file.endsWith('.js') && !file.endsWith('.min.js') && !/^(bell|ui)\/min\//.test(file)); // these are made of the others
const pages = files.filter((file) => file.endsWith('.html'));

const sinks = [
  /\b(inner|outer)HTML\b/, /insertAdjacentHTML/, /document\.write/, /createContextualFragment/, /srcdoc/,
  /\beval\b/, /new Function\b/, /\bsetTimeout\(\s*['"`]/, /DOMParser/, /setAttribute\(\s*['"](on|style|href|src)/,
];

test('there is something to look at', () => {
  assert.ok(scripts.includes('doorbell.js') && scripts.includes('ui/list.js') && scripts.includes('demo/demo.js'));
  assert.deepEqual(pages.sort(), ['demo/inbox.html', 'demo/index.html', 'demo/web-msg-sender.html']);
});

for (const file of scripts) {
  test(`${file} makes no HTML and no code of texts`, () => {
    for (const sink of sinks) assert.doesNotMatch(read(file), sink);
  });

  test(`${file} imports only what is ours`, () => {
    for (const [, from] of read(file).matchAll(/^(?:import|export)[^;]*? from '([^']*)'/gm)) {
      assert.match(from, /^\.\.?\//);
      const { pathname } = new URL(from, `http://site/${file.replace(/^demo\//, 'demo/alice/')}`);
      assert.match(pathname, /^\/(doorbell\.mjs|(doorbell|elements|(bell|ui|words)\/([a-z]+\/)?[A-Za-z_-]+)\.js)$/); // what deploy/ serves
      assert.ok(statSync(path.join(www, pathname)).isFile());
    }
  });
}

for (const file of pages) {
  test(`${file} has nothing inline and nothing from elsewhere`, () => {
    const html = read(file);
    assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=|javascript:/i);
    assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/i);
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//i);
  });
}

test('the bell is a small sound', () => {
  const bytes = readFileSync(path.join(www, 'demo/bell.wav'));
  assert.equal(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 12), 'RIFFWAVE');
  assert.ok(bytes.length < 30_000);
});
