// SPDX-License-Identifier: MIT
// php_wasm.mjs - PHP of other versions than this machine's: real ones, made for WebAssembly, without a network and without
// curl. Each runs in a process of its own, as it would keep node running.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const VERSIONS = ['5.6', '7.0', '7.1', '7.2', '7.3', '7.4', '8.0', '8.1', '8.2'];
const self = fileURLToPath(import.meta.url);

// What `code` prints and the headers it sets, {text, headers: {name: [values]}}, where `files` {name: text} are there.
export async function runWasm(version, files, code) {
  const child = spawn(process.execPath, [self], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ version, files, code }));
  return JSON.parse(await text(child.stdout));
}

async function runInput() {
  const { version, files, code } = JSON.parse(await text(process.stdin));
  const { PHP } = createRequire(import.meta.url)('@php-wasm/node');
  const php = await PHP.load(version);
  for (const [name, content] of Object.entries(files)) php.writeFile(name, content);
  const { body, headers } = await php.run({ code });
  process.stdout.write(JSON.stringify({ text: new TextDecoder().decode(body), headers }), () => process.exit());
}

if (process.argv[1] === self) await runInput();
