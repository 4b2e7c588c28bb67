// SPDX-License-Identifier: MIT
// servers.mjs - real nginx and real apache before the programs, with the snippets of deploy/ as they
// are; the test writes only what is in doorbell-upstreams.conf on a site.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { copyPages, top } from './folder.mjs';
import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

const isRoot = process.getuid() === 0;

// Debian keeps servers out of the PATH of users.
export function findProgram(name) {
  const folders = ['/usr/sbin', '/sbin', ...(process.env.PATH ?? '').split(':')];
  const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (!found) throw new Error(`${name} is not installed`);
  return found;
}

function startServer(t, spec, port) {
  const service = new Service({ ...spec, ready: () => isConnectable({ host: '127.0.0.1', port }) });
  t?.after(() => service.stop().catch(failRun));
  return service.start();
}

function nginxSettings({ folder, port, appSocket, relayPort, pages, options }) {
  return `daemon off;
worker_processes ${options.workers ?? 2};
${isRoot ? 'user nobody nogroup;' : ''}
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections ${options.connections ?? 1024}; }
http {
    include mime.types;
    access_log ${folder}/access.log;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    ${options.apps ?? `upstream doorbell_app { server unix:${appSocket}; keepalive 16; keepalive_timeout 1s; }`}
    ${options.relays ?? `upstream doorbell_relay { server 127.0.0.1:${relayPort}; }`}
    fastcgi_cache_path ${folder}/cache levels=1:2 keys_zone=doorbell:10m max_size=100m inactive=1m use_temp_path=off;
    map $host $doorbell_www { default ${pages}; }
    ${options.http ?? ''}
    server {
        listen 127.0.0.1:${port};
        root ${pages};
        include doorbell.conf;
        ${options.server ?? ''}
    }
}
`;
}

// where: {dir, port, appSocket, relayPort}; options: {workers, connections (of each), and lines to add: http, server; relays, apps: the upstream of several}; `include legacy.conf` is there to be one.
export async function startNginx(t, where, options = {}) {
  const folder = path.join(where.dir, 'nginx');
  mkdirSync(folder, { mode: 0o755 });
  const snippets = ['doorbell.conf', 'legacy.conf'].map((name) => `${top}/deploy/nginx/${name}`);
  for (const file of ['/etc/nginx/mime.types', ...snippets]) {
    copyFileSync(file, path.join(folder, path.basename(file)));
  }
  const settings = nginxSettings({ ...where, folder, pages: copyPages(where.dir), options });
  writeFileSync(path.join(folder, 'nginx.conf'), settings);
  const args = ['-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')];
  return startServer(t, { name: 'nginx', command: findProgram('nginx'), args, deathSignal: 'TERM' }, where.port);
}

const APACHE_MODULES = [
  'mpm_event', 'authz_core', 'unixd', 'mime', 'dir', 'alias', 'headers', 'log_config',
  'proxy', 'proxy_fcgi', 'proxy_http', 'proxy_wstunnel', 'sed', 'filter', 'deflate',
];

const APACHE_BALANCER_MODULES = ['proxy_balancer', 'slotmem_shm', 'lbmethod_bybusyness'];

// A balancer as deploy/README.md has it, with these members in the places of its own.
function apacheBalancer(name, members) {
  const manual = readFileSync(path.join(top, 'deploy/README.md'), 'utf8');
  const [text] = manual.match(new RegExp(` {4}Define ${name} balancer://.*\\n(?: {4}.*\\n)+? {4}</Proxy>\\n`));
  const [lines] = text.match(/(?: {8}BalancerMember .*\n)+/);
  const shown = lines.trimEnd().split('\n');
  const ours = members.map((member, i) => {
    const line = shown[i % shown.length].replace(/(BalancerMember )\S+/, (_, directive) => directive + member);
    return line.replace(/route=\d+/, `route=${i + 1}`);
  });
  return text.replace(lines, () => `${ours.join('\n')}\n`);
}

// What doorbell-upstreams.conf defines: one of each, or as many as the lists have.
function apacheTargets({ appSocket, relayPort, options: { apps, relays } }) {
  const app = `Define DOORBELL_APP unix:${appSocket}|fcgi://doorbell-app\n`;
  const relay = `Define DOORBELL_RELAY ws://127.0.0.1:${relayPort}\nDefine DOORBELL_RELAY_HTTP http://127.0.0.1:${relayPort}\n`;
  return `${apps ? apacheBalancer('DOORBELL_APPS', apps) : app}${relays ? apacheBalancer('DOORBELL_RELAYS', relays) : relay}`;
}

function apacheSettings({ folder, port, appSocket, relayPort, pages, options }) {
  const wanted = options.apps || options.relays ? [...APACHE_MODULES, ...APACHE_BALANCER_MODULES] : APACHE_MODULES;
  const modules = wanted.filter((name) => existsSync(`/usr/lib/apache2/modules/mod_${name}.so`));
  return `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
${isRoot ? 'User nobody\nGroup nogroup' : ''}
ErrorLog "|$cat >&2"
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog ${folder}/access.log common
GracefulShutdownTimeout 5
TypesConfig /etc/mime.types
${apacheTargets({ appSocket, relayPort, options })}Define DOORBELL_WWW ${pages}
<VirtualHost *:${port}>
    DocumentRoot ${pages}
    <Directory ${pages}>
        Require all granted
    </Directory>
    Include ${folder}/doorbell.conf
    ${options.server ?? ''}
</VirtualHost>
`;
}

// options: {server: lines to add; relays: ['http://…'], apps: ['fcgi://…', 'unix:…|fcgi://name'] where there are several}
export async function startApache(t, where, options = {}) {
  const folder = path.join(where.dir, 'apache');
  mkdirSync(folder, { mode: 0o755 });
  for (const name of ['doorbell.conf', 'legacy.conf']) copyFileSync(`${top}/deploy/apache/${name}`, path.join(folder, name));
  const settings = apacheSettings({ ...where, folder, pages: copyPages(where.dir), options });
  writeFileSync(path.join(folder, 'apache.conf'), settings);
  const args = ['-D', 'FOREGROUND', '-f', path.join(folder, 'apache.conf')];
  return startServer(t, { name: 'apache', command: findProgram('apache2'), args, deathSignal: 'TERM' }, where.port);
}
