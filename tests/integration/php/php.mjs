// SPDX-License-Identifier: MIT
// php.mjs - doorbell.php in real PHP: by php-cli, and as pages of a site of php-fpm and nginx.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { makeFolder, startStack, top } from '../../harness/index.mjs';
import { startFpm } from '../../harness/php_fpm.mjs';

export const client = path.join(top, 'www/php/doorbell.php');
export const here = path.join(top, 'tests/integration/php');

// How doorbell.php makes its calls, as arguments of php.
export const TRANSPORTS = { curl: [], streams: ['-d', 'disable_functions=curl_init'] };

export function runPhp(args, input = '', options = {}) {
  return new Promise((resolve, reject) => {
    const php = spawn('php', args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) php[name].on('data', (text) => (output[name] += text));
    php.on('error', reject);
    php.on('close', (code) => resolve({ code, ...output }));
    php.stdin.end(input);
  });
}

// The tests of a folder, with its bootstrap.php.
export function phpunit(folder, env) {
  const args = ['/usr/bin/phpunit', '--no-configuration', '--bootstrap', path.join(folder, 'bootstrap.php'),
    '--do-not-cache-result', '--fail-on-warning', '--fail-on-risky', folder];
  return runPhp(args, '', { env: { ...process.env, ...env } });
}

// What the constructor and each of the calls gave: [{answer} or {error}, and ms, …].
export async function drive(options, calls, { args = [] } = {}) {
  const input = JSON.stringify({ file: client, options, calls });
  const { code, stdout, stderr } = await runPhp([...args, path.join(here, 'drive.php')], input);
  assert.equal(code, 0, stdout + stderr);
  const results = JSON.parse(stdout);
  results.log = stderr;
  return results;
}

// One call, which is to succeed.
export async function ask(options, call, how) {
  const [made, done] = await drive(options, [call], how);
  assert.ok(done && 'answer' in done, JSON.stringify(done ?? made));
  return done.answer;
}

// One call, or only the constructor, which is to fail.
export async function fail(options, call, how) {
  const results = await drive(options, call ? [call] : [], how);
  assert.ok(results.at(-1).error, JSON.stringify(results));
  return { ...results.at(-1).error, ms: results.at(-1).ms };
}

export const optionsOf = (stack) => ({
  url: `${stack.url}/doorbell`,
  send_key_file: path.join(stack.dir, 'send.key'),
  secret_file: path.join(stack.dir, 'auth.secret'),
  relay_url: stack.publishUrl,
  timeout: 20, // under load, with sanitizers; tests of times have their own
  connect_timeout: 20,
  page_timeout: 20,
});

// Connections of Laravel to the database of a stack: of the site, whose role may nothing yet, and of its owner.
export async function laravelConnections({ cluster, ownerConninfo, db }) {
  await db.query('CREATE ROLE shop LOGIN');
  const database = new URL(ownerConninfo).pathname.slice(1);
  const of = (username) => ({ driver: 'pgsql', host: cluster.dir, port: cluster.port, database, username, password: '', prefix: '', schema: 'public' });
  return { site: of('shop'), owner: of('doorbell') };
}

// A site: what is in `pages` {name: text}, and doorbell.php with key files that php-fpm may read. On a page {name}
// of `pages`, and of the test's own site.php with its options.
export async function startSite(t, { pages = {}, options = {}, lines = '', ...stackOptions } = {}) {
  const folder = makeFolder();
  writeFileSync(`${folder}/php.log`, '');
  chmodSync(`${folder}/php.log`, 0o666);
  const fpm = await startFpm(t, folder, { lines: `catch_workers_output = yes\nphp_admin_value[error_log] = ${folder}/php.log\n${lines}` });
  const stack = await startStack(t, {
    ...stackOptions,
    serverOptions: { server: `location ~ ^/[a-z_]+\\.php$ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param HTTPS $http_test_https if_not_empty;
      fastcgi_pass unix:${folder}/php.sock;
      fastcgi_param SCRIPT_FILENAME ${folder}$uri;
    }` },
  });
  for (const name of ['send.key', 'auth.secret']) writeFileSync(path.join(folder, name), readFileSync(path.join(stack.dir, name)));
  copyFileSync(client, path.join(folder, 'doorbell.php'));
  copyFileSync(path.join(here, 'site.php'), path.join(folder, 'site.php'));
  const own = { ...optionsOf(stack), send_key_file: `${folder}/send.key`, secret_file: `${folder}/auth.secret`, ...options };
  writeFileSync(path.join(folder, 'options.json'), JSON.stringify(own));
  for (const [name, text] of Object.entries(pages)) writeFileSync(path.join(folder, name), text);
  const logOf = () => readFileSync(`${folder}/php.log`, 'utf8');
  t.after(() => stack.secrets.assertUnseen({ 'the log of PHP': logOf() + fpm.log }));
  return { stack, folder, fpm, logOf };
}

// Of a reply: {name: {value, attributes: ['Path=/', …]}}.
export function cookiesOf({ headers }) {
  const cookies = {};
  for (const line of headers['set-cookie'] ?? []) {
    const [pair, ...attributes] = line.split('; ');
    const equals = pair.indexOf('=');
    cookies[pair.slice(0, equals)] = { value: pair.slice(equals + 1), attributes };
  }
  return cookies;
}

export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
