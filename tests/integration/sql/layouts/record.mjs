// SPDX-License-Identifier: MIT
// record.mjs - writes the layout that sql/schema has now, with a few messages in it, into a file named after the
// newest schema file. Run it when a schema file lands, and commit what it writes: from then on the test upgrades
// databases of that layout. Of functions it has only what they take and return, since every upgrade writes them anew: what it must
// drop before it can shows.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startCluster } from '../../../harness/cluster.mjs';

const run = promisify(execFile);
const here = import.meta.dirname;
const cluster = await startCluster();
try {
  const conn = await cluster.createDatabase();
  const db = new pg.Client({ connectionString: conn });
  await db.connect();
  await db.query(await readFile(join(here, 'messages.sql'), 'utf8'));
  const answers = {};
  for (const { user_id } of (await db.query('SELECT user_id FROM doorbell.first_seen ORDER BY 1')).rows) {
    const { rows } = await db.query('SELECT num, latest, version, seq FROM doorbell.unread($1)', [user_id]);
    answers[user_id] = Object.values(rows[0]).map(Number);
  }
  const { schema } = (await db.query('SELECT doorbell.health() AS health')).rows[0].health;
  await db.query('SET search_path = pg_catalog'); // so that names are whole
  const { rows: functions } = await db.query(`SELECT format('CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN END'';', pronamespace::regnamespace, proname,
    pg_get_function_arguments(oid), pg_get_function_result(oid)) AS text FROM pg_proc
    WHERE pronamespace IN ('doorbell'::regnamespace, 'doorbell_internal'::regnamespace) ORDER BY 1`);
  await db.query("DELETE FROM doorbell.migration WHERE name = 'functions'"); // they are not in the file either
  await db.end();

  const [dump, list] = [join(cluster.dir, 'dump'), join(cluster.dir, 'list')];
  await run('pg_dump', ['-Fc', '--no-owner', '--no-privileges', '-f', dump, '-d', conn]);
  const entries = (await run('pg_restore', ['-l', dump])).stdout.split('\n');
  await writeFile(list, entries.filter((line) => !/ FUNCTION /.test(line)).join('\n'));
  const { stdout } = await run('pg_restore', ['-f', '-', '--no-owner', '--no-privileges', '-L', list, dump]);
  const lines = stdout.split('\n').filter((line) => !/^--|^\\(un)?restrict /.test(line)).join('\n').replace(/\n{3,}/g, '\n\n').trim();
  const head = `-- SPDX-License-Identifier: MIT\n-- Written by record.mjs. Each user's num, latest, version and seq:\n-- ${JSON.stringify(answers)}\n\n`;
  const stubs = functions.map(({ text }) => text).join('\n');
  await writeFile(join(here, `${schema}.sql`), `${head}${lines}\n\nSET check_function_bodies = off;\n${stubs}\n`);
} finally {
  await cluster.remove();
}
