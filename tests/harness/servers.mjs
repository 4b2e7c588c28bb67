// SPDX-License-Identifier: MIT
// servers.mjs - real nginx and real apache before the programs, with the snippets of deploy/ as they
// are; the test writes only what is in doorbell-upstreams.conf on a site.

import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
    upstream doorbell_app { server unix:${appSocket}; keepalive 16; keepalive_timeout 1s; }
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

// where: {dir, port, appSocket, relayPort}; options: {workers, connections (of each), and lines to add: http, server; relays: the upstream of several}; `include legacy.conf` is there to be one.
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

function apacheSettings({ folder, port, appSocket, relayPort, pages, options }) {
  const modules = APACHE_MODULES.filter((name) => existsSync(`/usr/lib/apache2/modules/mod_${name}.so`));
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
Define DOORBELL_APP unix:${appSocket}|fcgi://doorbell-app
Define DOORBELL_RELAY ws://127.0.0.1:${relayPort}
Define DOORBELL_RELAY_HTTP http://127.0.0.1:${relayPort}
Define DOORBELL_WWW ${pages}
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

export async function startApache(t, where, options = {}) {
  const folder = path.join(where.dir, 'apache');
  mkdirSync(folder, { mode: 0o755 });
  for (const name of ['doorbell.conf', 'legacy.conf']) copyFileSync(`${top}/deploy/apache/${name}`, path.join(folder, name));
  const settings = apacheSettings({ ...where, folder, pages: copyPages(where.dir), options });
  writeFileSync(path.join(folder, 'apache.conf'), settings);
  const args = ['-D', 'FOREGROUND', '-f', path.join(folder, 'apache.conf')];
  return startServer(t, { name: 'apache', command: findProgram('apache2'), args, deathSignal: 'TERM' }, where.port);
}
