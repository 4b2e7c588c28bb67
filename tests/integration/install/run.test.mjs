// SPDX-License-Identifier: MIT
// `make run`: comes up, says how to use it, refuses what cannot work, and leaves nothing behind.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Bell } from '../../harness/bell.mjs';
import { build, makeFolder, removeFolder, top } from '../../harness/folder.mjs';
import { request } from '../../harness/http.mjs';
import { freePort } from '../../harness/port.mjs';
import { isConnectable, until, within } from '../../harness/wait.mjs';

const UP_MS = 120_000;

class Run {
  constructor(env) {
    this.output = '';
    const { NODE_TEST_CONTEXT, ...own } = process.env;
    this.process = spawn(path.join(top, 'deploy/run/run'), [], {
      env: { ...own, BUILD: build, ...env },
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

  async up() {
    await until(
      'the page to be announced',
      () => {
        if (this.hasEnded) throw new Error(this.output);
        return this.output.includes('Ctrl-C stops it') || this.hasEnded;
      },
      { timeoutMs: UP_MS },
    );
    assert.ok(!this.hasEnded, this.output);
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

  const lines = first.output.split('\n').filter((line) => line.trim().startsWith('curl '));
  assert.equal(lines.length, 3);
  for (const line of lines) {
    const from = bell.frames.length;
    const reply = JSON.parse(await sh(line));
    assert.ok(reply.id > 0 || reply.sessions === 1, JSON.stringify(reply));
    await bell.next('ring', { from });
  }
  assert.equal((await unread()).num, 2);

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
  [{ PORT: '0' }, /not a port: '0'/],
  [{ PORT: 'http' }, /not a port: 'http'/],
  [{ RELAY_PORT: '65536' }, /not a port/],
  [{ PORT: '4000', RELAY_PORT: '4000' }, /must differ/],
  [{ BIND: 'localhost; x' }, /BIND: not a numeric address/],
  [{ DOORBELL_RUN_USER: 'nobody-of-that-name' }, process.getuid() === 0 ? /no user 'nobody-of-that-name'/ : null],
]) {
  test(`a wrong setting is refused: ${JSON.stringify(wrong)}`, { skip: !message }, async (t) => {
    const run = new Run({ ...(await settings(t)), ...wrong });
    assert.equal((await run.end()).code, 1);
    assert.match(run.output, message);
  });
}
