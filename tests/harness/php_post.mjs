// SPDX-License-Identifier: MIT
// php_post.mjs - a call by PHP's curl, as a site makes it.

import { spawn } from 'node:child_process';
import path from 'node:path';

import { top } from './folder.mjs';

const script = path.join(top, 'tests/harness/php_post.php');

// Answers {status, type, body, continued}. Without fields it is a GET.
export function phpPost(url, fields, headers = []) {
  return new Promise((resolve, reject) => {
    const php = spawn('php', [script], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let faults = '';
    php.stdout.on('data', (text) => (output += text));
    php.stderr.on('data', (text) => (faults += text));
    php.on('error', reject);
    php.on('close', (code) => (code === 0 ? resolve(JSON.parse(output)) : reject(new Error(faults || output))));
    php.stdin.end(JSON.stringify({ url, fields, headers }));
  });
}
