// SPDX-License-Identifier: MIT
// Installed under another PREFIX and SYSCONFDIR: nothing names the usual folders, and the programs,
// the migrations, the sample and the snippets work from there, edited as they say.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import pg from 'pg';

import { failRun, freePort, isConnectable, makeFolder, makeKey, request, Service, startCluster, top } from '../../harness/index.mjs';
import { findProgram } from '../../harness/servers.mjs';

const isRoot = process.getuid() === 0;

// stdout and stderr of a command that succeeds.
function run(command, args, options = {}) {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...env } = process.env;
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: top, env, ...options }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command}: ${stdout}${stderr}`));
      else resolve(stdout + stderr);
    });
  });
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(file) : [file];
  });
}

// The sample with settings taken out of their comments: {'section.name': value}.
function edit(sample, changes) {
  const left = new Map(Object.entries(changes));
  let section;
  const lines = sample.split('\n').map((line) => {
    section = line.match(/^\[(\w+)\]$/)?.[1] ?? section;
    const key = `${section}.${line.match(/^#(\w+) =/)?.[1]}`;
    if (!left.has(key)) return line;
    const value = left.get(key);
    left.delete(key);
    return `${line.slice(1, line.indexOf('='))}= ${value}`;
  });
  assert.deepEqual([...left.keys()], [], 'all are in the sample');
  return lines.join('\n');
}

function replaceAll(text, pairs) {
  return pairs.reduce((result, [from, to]) => {
    assert.ok(result.includes(from), from);
    return result.replaceAll(from, to);
  }, text);
}

async function startService(t, spec) {
  const service = new Service(spec);
  t.after(() => service.stop().catch(failRun));
  await service.start();
}

test('another PREFIX and SYSCONFDIR', async (t) => {
  const folder = makeFolder();
  const at = (...names) => path.join(folder, ...names);
  const where = [`PREFIX=${at('opt')}`, `SYSCONFDIR=${at('conf')}`];
  const options = ['-s', '-j2', `BUILD=${at('build')}`, 'CFLAGS=-O0', ...where];
  await run('make', [...options, 'install']);
  const installed = [...filesUnder(at('opt')), ...filesUnder(at('conf'))];
  assert.ok(installed.length > 40, String(installed));
  const [share, sbin, conf] = [at('opt/share/doorbell'), at('opt/sbin'), at('conf/doorbell')];
  const listen = { app: at('app.sock'), clients: await freePort(), publish: await freePort(), site: await freePort() };

  await t.test('nothing that is installed names the usual folders', () => {
    for (const file of installed) {
      const text = readFileSync(file, 'latin1');
      for (const usual of ['/usr/local', '/etc/doorbell']) assert.ok(!text.includes(usual), `${usual} in ${file}`);
    }
    assert.match(readFileSync(path.join(share, 'apache/doorbell-upstreams.conf'), 'utf8'), new RegExp(`^Define DOORBELL_WWW ${share}/www$`, 'm'));
    assert.match(readFileSync(at('opt/share/man/man8/doorbell-app.8'), 'utf8'), new RegExp(`^\\.Pa ${conf}/doorbell\\.conf`, 'm'));
  });

  await t.test('systemd finds all that the units name', { skip: !existsSync('/usr/bin/systemd-analyze') }, async () => {
    const units = readdirSync(at('opt/lib/systemd/system')).map((name) => at('opt/lib/systemd/system', name));
    const words = await run('systemd-analyze', ['verify', '--man=no', ...units]).catch(({ message }) => message);
    assert.doesNotMatch(words, /not executable|doorbell-\w+\.\w+:\d/);
  });

  const cluster = await startCluster(t);
  const database = new pg.Client({ connectionString: cluster.connString() });
  await database.connect();
  await database.query('CREATE DATABASE site');
  await database.end();

  await t.test('the installed doorbell-migrate finds its migrations', async () => {
    assert.match(await run(path.join(sbin, 'doorbell-migrate'), [cluster.connString('site')]), /^applying 0001_/m);
  });

  await t.test('the programs serve with the edited sample and the keys beside it, found without an option', async () => {
    const sample = readFileSync(path.join(share, 'doorbell.conf'), 'utf8');
    const settings = edit(sample, {
      'app.listen': `unix:${listen.app}`,
      'app.listen_mode': '0666',
      'app.relay_url': `http://127.0.0.1:${listen.publish}`,
      'database.url': cluster.connString('site'),
      'relay.listen': `127.0.0.1:${listen.clients}`,
      'relay.publish_listen': `127.0.0.1:${listen.publish}`,
      'relay.drain_window': '0',
    });
    writeFileSync(path.join(conf, 'doorbell.conf'), settings);
    for (const key of ['send.key', 'publish.key', 'auth.secret']) writeFileSync(path.join(conf, key), `${makeKey()}\n`, { mode: 0o600 });
    const ready = { app: () => isConnectable({ path: listen.app }), relay: () => isConnectable({ host: '127.0.0.1', port: listen.clients }) };
    for (const name of ['app', 'relay']) {
      await startService(t, { name, command: path.join(sbin, `doorbell-${name}`), ready: ready[name] });
    }
  });

  await t.test('nginx serves the pages and the API by the installed snippets', async () => {
    mkdirSync(at('nginx'));
    chmodSync(at('nginx'), 0o755);
    const upstreams = readFileSync(path.join(share, 'nginx/doorbell-upstreams.conf'), 'utf8');
    writeFileSync(at('nginx/doorbell-upstreams.conf'), replaceAll(upstreams, [
      ['/run/doorbell/app.sock', listen.app],
      ['127.0.0.1:2120', `127.0.0.1:${listen.clients}`],
      ['/var/cache/doorbell', at('nginx/cache')],
    ]));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${at('nginx', name)};`);
    writeFileSync(at('nginx/nginx.conf'), `daemon off; pid ${at('nginx/pid')}; error_log stderr warn; ${isRoot ? 'user nobody nogroup;' : ''}
events {}
http {
    access_log off; ${temporary.join(' ')}
    include doorbell-upstreams.conf;
    server { listen 127.0.0.1:${listen.site}; include ${share}/nginx/doorbell.conf; }
}
`);
    const args = ['-e', 'stderr', '-p', at('nginx'), '-c', at('nginx/nginx.conf')];
    const ready = () => isConnectable({ host: '127.0.0.1', port: listen.site });
    await startService(t, { name: 'nginx', command: findProgram('nginx'), args, deathSignal: 'TERM', ready });

    const site = `http://127.0.0.1:${listen.site}`;
    const page = await request(site, 'GET', '/doorbell.js');
    assert.equal(page.text, readFileSync(path.join(top, 'www/doorbell.js'), 'utf8'));
    const headers = { authorization: `Bearer ${readFileSync(path.join(conf, 'send.key'), 'utf8').trim()}` };
    const sent = await request(site, 'POST', '/doorbell/messages', { headers, json: { to: ['bob'], title: 'Hello' } });
    assert.equal(sent.status, 201, sent.text);
    assert.equal(sent.json.recipients, 1);
  });

  await t.test('uninstall removes what install wrote, and nothing else', async () => {
    const own = [path.join(share, 'www/ours.js'), ...readdirSync(conf).map((name) => path.join(conf, name))];
    writeFileSync(own[0], '');
    await run('make', [...options, 'uninstall']);
    assert.deepEqual([...filesUnder(at('opt')), ...filesUnder(at('conf'))], own);
  });

  await t.test('objects are made anew when SYSCONFDIR changes', async () => {
    const object = at('build/common/os/program.o');
    await run('make', [...options.filter((word) => !/^(SYSCONFDIR|-j2)/.test(word)), 'SYSCONFDIR=/other', object]);
    assert.ok(readFileSync(object, 'latin1').includes('/other/doorbell/doorbell.conf'));
  });
});

for (const wrong of ['PREFIX=opt', 'PREFIX=', 'PREFIX=/my site', 'SYSCONFDIR=etc', "SYSCONFDIR=/it's", 'UNITDIR=/a:b', 'BUILD=my build']) {
  test(`${wrong} is refused`, async () => {
    const [name] = wrong.split('=');
    await assert.rejects(run('make', ['-n', wrong, 'install']), new RegExp(`${name}="[^"]*": give a path `));
  });
}
