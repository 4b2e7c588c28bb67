// SPDX-License-Identifier: MIT
// php.mjs - php-fpm behind the nginx of a site, with two_inserts.php as the other way to send.

import { copyFileSync } from 'node:fs';
import path from 'node:path';

import { makeFolder, top } from '../harness/index.mjs';
import { startFpm } from '../harness/php_fpm.mjs';
import { writeRequests } from './tools.mjs';

const CHILDREN = 4; // as many as doorbell-app has workers
const SCRIPT = 'two_inserts.php';

// Two tables with the indexes that a list and a badge need.
const TABLES = `
CREATE TABLE bench_message (
    id bigserial PRIMARY KEY, title text NOT NULL, body text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE bench_notification (
    id bigserial PRIMARY KEY, user_id text NOT NULL, message_id bigint NOT NULL REFERENCES bench_message,
    read_at timestamptz, created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON bench_notification (user_id, read_at)`;

function location(dir, { conninfo, cluster }, isPersistent) {
  const dsn = `pgsql:host=${cluster.dir};port=${cluster.port};dbname=${new URL(conninfo).pathname.slice(1)};user=doorbell`;
  return `location = /two_inserts/${isPersistent} {
    include /etc/nginx/fastcgi_params;
    fastcgi_pass unix:${dir}/php.sock;
    fastcgi_param SCRIPT_FILENAME ${dir}/${SCRIPT};
    fastcgi_param BENCH_DSN "${dsn}";
    fastcgi_param BENCH_PERSISTENT ${isPersistent};
}
`;
}

// {pid, server: the lines that nginx needs}
export async function startPhp(scope, database) {
  const dir = makeFolder();
  copyFileSync(path.join(top, 'tests/bench', SCRIPT), path.join(dir, SCRIPT)); // where its user may read it
  await database.db.query(TABLES);
  const service = await startFpm(scope, dir, { children: CHILDREN });
  return { pid: service.pid, server: [0, 1].map((is) => location(dir, database, is)).join('') };
}

// A file of sends for load.c: to each of `users`, by kept connections to PostgreSQL or by a new one for each.
export function writeInserts(site, users, isPersistent) {
  const file = path.join(site.dir, `inserts-${isPersistent}.requests`);
  const requests = users.map((to) => ({
    method: 'POST',
    path: `/two_inserts/${Number(isPersistent)}`,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ to, title: 'a message', body: 'its text' }),
  }));
  writeRequests(file, requests);
  return file;
}
