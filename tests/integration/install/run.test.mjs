// SPDX-License-Identifier: MIT
// `make run`: comes up, says how to use it, refuses what cannot work, and leaves nothing behind.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Bell } from '../../harness/bell.mjs';
import { buildFromTop, makeFolder, removeFolder, top } from '../../harness/folder.mjs';
import { request } from '../../harness/http.mjs';
import { freePort } from '../../harness/port.mjs';
import { isConnectable, until, within } from '../../harness/wait.mjs';

const UP_MS = 120_000;
const BUILD_MS = 900_000;

class Run {
  constructor(env, command = [path.join(top, 'deploy/run/run')], cwd = top) {
    this.output = '';
    const { NODE_TEST_CONTEXT, MAKEFLAGS, MAKELEVEL, MFLAGS, ...own } = process.env;
    this.process = spawn(command[0], command.slice(1), {
      cwd,
      env: { ...own, BUILD: buildFromTop, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => (this.output += text));
    }
    this.exited = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.hasEnded = true;
        resolve({ code, signal });
      });
    });
  }

  async up(timeoutMs = UP_MS) {
    await until(
      'the page to be announced',
      () => this.output.includes('Ctrl-C stops it') || this.hasEnded,
      { timeoutMs },
    );
    assert.ok(!this.hasEnded, this.output);
  }

  // The lines that it tells to paste.
  get lines() {
    return this.output.split('\n').filter((line) => line.trim().startsWith('curl '));
  }

  end() {
    return within(this.exited, `the end of: ${this.output}`, UP_MS);
  }

  async stop(signal = 'SIGTERM') {
    const before = Date.now();
    this.process.kill(signal);
    const { code } = await this.end();
    assert.ok(Date.now() - before < 15_000, 'stops in time');
    return code;
  }
}

async function settings(t) {
  const folder = makeFolder();
  const closed = path.join(folder, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const VAR = path.join(closed, 'var');
  const ports = { PORT: await freePort(), RELAY_PORT: await freePort(), PUBLISH_PORT: await freePort() };
  t.after(() => {
    for (const { pid } of processesOf(VAR)) process.kill(pid, 'SIGKILL');
    if (existsSync(path.join(VAR, 'data'))) removeFolder(dataOf(VAR));
  });
  return { VAR, ...ports };
}

// Where the data lie: elsewhere, when the servers' user cannot enter $VAR.
function dataOf(folder) {
  return existsSync(path.join(folder, 'data')) ? readlinkSync(path.join(folder, 'data')) : folder;
}

function processesOf(folder) {
  const data = existsSync(folder) ? dataOf(folder) : folder;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return { pid: Number(pid), line: readFileSync(`/proc/${pid}/cmdline`, 'utf8'), cwd: readlinkSync(`/proc/${pid}/cwd`) };
      } catch {
        return { pid: 0, line: '', cwd: '' };
      }
    })
    .filter(({ pid, line, cwd }) => pid > 0 && [folder, data].some((one) => line.includes(one) || cwd.startsWith(one)));
}

function sh(command) {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', command], (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout)));
  });
}

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

async function assertNothingLeft(env) {
  assert.deepEqual(processesOf(env.VAR), []);
  for (const port of [env.PORT, env.RELAY_PORT, env.PUBLISH_PORT]) {
    assert.equal(await isConnectable({ host: '127.0.0.1', port }), false);
  }
  assert.deepEqual(readdirSync(path.join(dataOf(env.VAR), 'run')), []);
}

test('make run comes up, does what its lines say, stops, and comes up again with its data', async (t) => {
  const env = await settings(t);
  const url = `http://127.0.0.1:${env.PORT}`;
  const first = new Run(env);
  await first.up();

  const secrets = ['send.key', 'publish.key', 'auth.secret'].map((name) => path.join(env.VAR, name));
  const values = secrets.map((file) => readFileSync(file, 'utf8').trim());
  for (const file of [...secrets, path.join(env.VAR, 'send.curl'), path.join(env.VAR, 'doorbell.conf')]) {
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
  }
  assert.equal(new Set(values).size, 3);
  assert.ok(values.every((value) => value.length >= 32 && !first.output.includes(value)));
  for (const { line } of processesOf(env.VAR)) assert.ok(values.every((value) => !line.includes(value)), line);
  if (process.getuid() === 0) {
    for (const { pid } of processesOf(env.VAR).filter(({ line }) => /nginx|doorbell-|postgres/.test(line))) {
      assert.notEqual(statSync(`/proc/${pid}`).uid, 0, 'servers do not run as root');
    }
  }

  const page = await request(url, 'GET', '/demo/bob/');
  assert.equal(page.status, 200);
  assert.match(page.headers['set-cookie'][0], /^doorbell_token=[\w.-]+; Path=\/demo\/bob\/; HttpOnly; SameSite=Lax$/);
  assert.ok(values.every((value) => !page.text.includes(value)));
  const cookie = page.headers['set-cookie'][0].split(';')[0];
  const unread = async () => (await request(url, 'GET', '/demo/bob/doorbell/unread', { headers: { cookie } })).json;
  assert.equal((await unread()).num, 0);

  const bell = new Bell(`ws://127.0.0.1:${env.PORT}/demo/bob/ws`, { headers: { cookie, origin: url } });
  t.after(() => bell.close());
  assert.equal((await bell.next('welcome')).user, 'bob');

  assert.equal(first.lines.length, 3);
  for (const line of first.lines) {
    const from = bell.frames.length;
    const reply = JSON.parse(await sh(line));
    assert.ok(reply.id > 0 || reply.sessions === 1, JSON.stringify(reply));
    await bell.next('ring', { from });
  }
  assert.equal((await unread()).num, 2);

  // What web-msg-sender.html needs.
  for (const page of ['/demo/bob/web-msg-sender.html', '/socket.io/socket.io.js', '/socket.io/?EIO=3&transport=polling'])
    assert.equal((await request(url, 'GET', page, { headers: { origin: url } })).status, 200, page);
  const old = { form: { type: 'publish', to: 'nobody', content: 'Tea' } };
  assert.equal((await request(`http://127.0.0.1:${env.PUBLISH_PORT}`, 'POST', '/', old)).text, 'offline');

  const same = new Run({ ...env, PORT: await freePort() });
  assert.equal((await same.end()).code, 1);
  assert.match(same.output, /another run is using/);

  assert.equal(await first.stop(), 0, first.output);
  await assertNothingLeft(env);

  const second = new Run(env);
  await second.up();
  assert.deepEqual(secrets.map((file) => readFileSync(file, 'utf8').trim()), values);
  assert.equal((await unread()).num, 2, 'the data are kept, and the cookie is still good');

  // One of its servers dies: all stop, and it says which.
  const relay = processesOf(env.VAR).find(({ line }) => line.includes('sbin/doorbell-relay'));
  process.kill(relay.pid, 'SIGKILL');
  const { code } = await second.end();
  assert.equal(code, 1);
  assert.match(second.output, /relay ended with status 137; the end of .*relay\.log/);
  await assertNothingLeft(env);
});

test('make run goes when it is killed, and all its servers with it', async (t) => {
  const env = await settings(t);
  const run = new Run(env);
  await run.up();
  assert.ok(processesOf(env.VAR).length > 5);
  run.process.kill('SIGKILL');
  await until('the servers to be gone', () => processesOf(env.VAR).length === 0);
});

test('signals in a row stop it as one does', async (t) => {
  const env = await settings(t);
  const run = new Run(env);
  await run.up();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM']) run.process.kill(signal);
  assert.equal(await run.stop(), 0, run.output);
  await until('all to be gone', () => processesOf(env.VAR).length === 0);
});

test('a folder with a long path is no hindrance', async (t) => {
  const env = await settings(t);
  env.VAR = path.join(makeFolder(), 'long-'.repeat(30), 'var');
  mkdirSync(path.dirname(env.VAR));
  const run = new Run(env);
  await run.up();
  assert.equal(await run.stop('SIGINT'), 0, run.output);
  assert.deepEqual(processesOf(env.VAR), []);
});

// Copies the checkout, without what it has built and installed, into a folder of that name.
function copyCheckout(name) {
  const checkout = path.join(makeFolder(), name);
  mkdirSync(checkout);
  const filter = (file) => path.basename(file) !== 'node_modules';
  for (const part of ['Makefile', 'common', 'fcgi-app', 'relay', 'sql', 'www', 'deploy', 'tests']) {
    cpSync(path.join(top, part), path.join(checkout, part), { recursive: true, filter });
  }
  return checkout;
}

test('the checkout and VAR may have any name', async (t) => {
  const checkout = copyCheckout(`my "site" isn't $HOME; it's {5} [or] \\6, #7 & 100% ok`);
  const { VAR, ...ports } = await settings(t);
  const inBlank = path.join(makeFolder(), 'my site', 'var');
  const inCheckout = path.join(checkout, 'var');
  t.after(() => {
    for (const folder of [inBlank, inCheckout]) {
      for (const { pid } of processesOf(folder)) process.kill(pid, 'SIGKILL');
    }
    removeFolder(dataOf(inCheckout));
  });
  for (const [folder, env] of [[inBlank, { VAR: inBlank }], [inCheckout, {}]]) {
    const run = new Run({ ...ports, ...env, BUILD: undefined, CFLAGS: '-O0' }, ['make', 'run'], checkout);
    t.after(() => run.process.kill());
    await run.up(BUILD_MS);
    assert.equal(run.lines.length, 3);
    for (const line of run.lines) {
      const reply = JSON.parse(await sh(line));
      assert.ok(reply.id > 0 || reply.sessions === 0, JSON.stringify(reply));
    }
    await run.stop();
    assert.deepEqual(processesOf(folder), [], run.output);
  }
  assert.equal(dataOf(inBlank), inBlank);
  assert.match(dataOf(inCheckout), /^\/var\/tmp\/doorbell\.\w+$/);
});

test('only where this machine alone is served, a user id is taken for the user', async () => {
  const settings = (bind) => sh(`cd ${quoted(top)} && bash -euc '. deploy/run/files.sh; bind="$1"; legacy_settings' - '${bind}'`);
  for (const bind of ['127.0.0.1', '127.0.0.2', '[::1]'])
    assert.equal(await settings(bind), 'socketio = yes\nlegacy_login = yes\nlegacy_publish = yes\n', bind);
  for (const bind of ['0.0.0.0', '[::]', '192.0.2.1', '[2001:db8::1]']) assert.equal(await settings(bind), '', bind);
});

test('a path with a control character is refused', async (t) => {
  const run = new Run({ ...(await settings(t)), VAR: path.join(makeFolder(), 'two\nlines') });
  assert.equal((await run.end()).code, 1);
  assert.match(run.output, /contains a control character/);
});

for (const name of ['PORT', 'RELAY_PORT', 'PUBLISH_PORT']) {
  test(`a ${name} in use is said before anything starts`, async (t) => {
    const env = await settings(t);
    const holder = spawn(process.execPath, ['-e', `require('net').createServer().listen(${env[name]}, '127.0.0.1')`]);
    t.after(() => holder.kill());
    await until('the port to be taken', () => isConnectable({ host: '127.0.0.1', port: env[name] }));
    const run = new Run(env);
    assert.equal((await run.end()).code, 1);
    assert.match(run.output, new RegExp(`: ${name}=${env[name]} is in use`));
    assert.equal(existsSync(path.join(dataOf(env.VAR), 'pg')), false);
  });
}

for (const [wrong, message] of [
  [{ PORT: '0' }, /PORT=0: give a number from 1 to 65535/],
  [{ PORT: 'http' }, /PORT=http: give a number/],
  [{ RELAY_PORT: '65536' }, /RELAY_PORT=65536: give a number/],
  [{ PORT: '4000', RELAY_PORT: '4000' }, /must differ/],
  [{ BIND: 'localhost; x' }, /BIND=localhost; x: give a numeric address/],
  [{ DOORBELL_RUN_USER: 'nobody-of-that-name' }, process.getuid() === 0 ? /no user 'nobody-of-that-name'/ : null],
]) {
  test(`a wrong setting is refused: ${JSON.stringify(wrong)}`, { skip: !message }, async (t) => {
    const run = new Run({ ...(await settings(t)), ...wrong });
    assert.equal((await run.end()).code, 1);
    assert.match(run.output, message);
  });
}
