// SPDX-License-Identifier: MIT
// pot.mjs - `make pot`: the plugin's texts for translators, doorbell/languages/doorbell.pot, out of its sources. With --check it
// writes nothing, and exits 1 if the file is not what it would write.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('doorbell', import.meta.url));
const target = path.join(folder, 'languages/doorbell.pot');
const HEAD = `# SPDX-License-Identifier: MIT
msgid ""
msgstr ""
"Project-Id-Version: Doorbell\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"X-Domain: doorbell\\n"
`;
// A call with a text of one piece and the text domain, and the comment for translators before it.
const call = /(?:\/\* (translators: [^*]*) \*\/\s*[^;]{0,60}?)?\b(?:__|esc_html__|esc_attr__)\('((?:[^'\\]|\\.)*)', 'doorbell'\)/g;
const anyCall = /\b(?:__|esc_html__|esc_attr__|_e|_x|_n|_nx|esc_html_e|esc_attr_e|esc_html_x|esc_attr_x)\(/g;

function textsOf(file) {
  const source = readFileSync(path.join(folder, file), 'utf8');
  const texts = [...source.matchAll(call)].map(([, comment, text]) => ({ file, comment, text: text.replace(/\\(.)/g, '$1') }));
  const calls = source.match(anyCall)?.length ?? 0;
  if (calls !== texts.length) throw new Error(`${file}: write each text as __('of one piece', 'doorbell')`);
  return texts;
}

const quoted = (text) => `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;

function entry([text, uses]) {
  const comment = uses.find((one) => one.comment)?.comment;
  const files = [...new Set(uses.map(({ file }) => file))];
  return `\n${comment ? `#. ${comment}\n` : ''}#: ${files.join(' ')}\n${/%(\d\$)?[sd]/.test(text) ? '#, php-format\n' : ''}msgid ${quoted(text)}\nmsgstr ""\n`;
}

const sources = readdirSync(folder, { recursive: true }).filter((file) => /\.(php|js)$/.test(file)).sort();
const uses = new Map();
for (const use of sources.flatMap(textsOf)) uses.set(use.text, [...(uses.get(use.text) ?? []), use]);
const pot = HEAD + [...uses].map(entry).join('');
if (!process.argv.includes('--check')) writeFileSync(target, pot);
else if (readFileSync(target, 'utf8') !== pot) {
  console.log('www/php/wordpress/doorbell/languages/doorbell.pot is older than the texts: run make pot');
  process.exitCode = 1;
}
