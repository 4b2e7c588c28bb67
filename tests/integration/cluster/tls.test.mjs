// SPDX-License-Identifier: MIT
// A Redis that speaks TLS alone, by the stunnel of deploy/README.md.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { failRun, freePort, isConnectable, makeFolder, Service, startRedis, top } from '../../harness/index.mjs';
import { joined, startRelayOf } from './scene.mjs';

const run = promisify(execFile);

async function makeCertificate(folder) {
  const [key, cert] = [path.join(folder, 'redis.key'), path.join(folder, 'redis.crt')];
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert]);
  return { key, cert };
}

// The configuration as the manual has it, with the places of this test in it.
function stunnelOf({ accept, connect, cert }) {
  const [, text] = readFileSync(path.join(top, 'deploy/README.md'), 'utf8').match(/\n((?: {4}.*\n)*? {4}\[redis\]\n(?: {4}.*\n)+)/);
  const settings = { accept, connect, checkHost: 'localhost', CAfile: cert };
  const lines = text.split('\n').map((line) => {
    const name = line.trim().split(' = ')[0];
    return name in settings ? `${name} = ${settings[name]}` : line.trim();
  });
  return `foreground = yes\npid =\n${lines.join('\n')}\n`;
}

async function startStunnel(t, settings) {
  const conf = path.join(makeFolder(), 'stunnel.conf');
  writeFileSync(conf, stunnelOf(settings));
  const [host, port] = settings.accept.split(':');
  const service = new Service({ name: 'stunnel', command: 'stunnel', args: [conf], ready: () => isConnectable({ host, port: Number(port) }) });
  t.after(() => service.stop().catch(failRun));
  return service.start();
}

test('a Redis behind TLS is reached by stunnel', async (t) => {
  const folder = makeFolder();
  const { key, cert } = await makeCertificate(folder);
  const tlsPort = await freePort();
  const redis = await startRedis(t, { settings: [`tls-port ${tlsPort}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`, 'tls-auth-clients no'] });
  const accept = `127.0.0.1:${await freePort()}`;
  await startStunnel(t, { accept, connect: `localhost:${tlsPort}`, cert });
  const a = await startRelayOf(t, { url: `redis://${accept}` });
  const b = await startRelayOf(t, redis, {}, a);
  await joined([a, b]);
  const bell = await b.connect('42');
  assert.equal((await a.ring({ to: ['42'], seq: 1 })).status, 200);
  await bell.next((one) => one.seq === 1);
});
