// SPDX-License-Identifier: MIT
// A private PostgreSQL cluster for one test file. initdb and doorbell-migrate run once for each version of
// them, into a cached folder that every cluster is a copy of. Needs no system service, and no rights: as root
// it drops to user nobody.
import { spawn, execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, chmod, chown, cp, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
const sqlDir = fileURLToPath(new URL('../../sql', import.meta.url));
const template = 'doorbell_template';
const owner = 'doorbell';

const settings = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  shared_buffers: '64MB',
  deadlock_timeout: '200ms',
  timezone: 'UTC',
  logging_collector: 'off',
};

// Where the programs are: in DOORBELL_POSTGRESQL, and then psql and pg_dump as well, which tests and scripts find in PATH;
// or where Debian keeps them.
const given = process.env.DOORBELL_POSTGRESQL;
if (given) process.env.PATH = `${given}:${process.env.PATH}`;

async function findPrograms() {
  if (given) return given;
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  for (const version of versions.map(Number).filter((v) => v >= 15).sort((a, b) => a - b)) {
    const dir = `${root}/${version}/bin`;
    if (await access(`${dir}/initdb`).then(() => true, () => false)) return dir;
  }
  throw new Error('PostgreSQL 15 is not installed');
}

// PostgreSQL refuses to run as root: spawn options of the user it shall run as.
async function unprivileged() {
  if (process.getuid() !== 0) return {};
  const id = async (flag) => Number((await run('id', [flag, 'nobody'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

async function makeDir(prefix, user) {
  const dir = await mkdtemp(join(tmpdir(), prefix));
  await chmod(dir, 0o711);
  if (user.uid !== undefined) await chown(dir, user.uid, user.gid);
  return dir;
}

// One postmaster over a data folder, as a child of this process.
class Postmaster {
  constructor(bin, dir, user, port, extra = {}, env = {}) {
    Object.assign(this, { bin, dir, user, port, extra, env, child: null });
  }

  async start() {
    const all = { ...settings, ...this.extra, unix_socket_directories: this.dir, port: String(this.port),
      listen_addresses: this.port === 5432 ? '' : '127.0.0.1' };
    const args = ['-D', join(this.dir, 'data')];
    for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`);
    const child = spawn(`${this.bin}/postgres`, args, { ...this.user, cwd: this.dir, env: { ...process.env, ...this.env }, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    this.exited = once(child, 'exit');
    const log = createWriteStream(join(this.dir, 'log'), { flags: 'a' });
    child.stderr.pipe(log);
    const lines = createInterface({ input: child.stderr });
    const ready = new Promise((resolve) => {
      lines.on('line', (line) => /database system is ready to accept (read-only )?connections/.test(line) && resolve(true));
    });
    if (await Promise.race([ready, this.exited.then(() => false)])) return;
    throw new Error(`postgres ended: ${await readFile(join(this.dir, 'log'), 'utf8')}`);
  }

  async stop(signal = 'SIGINT') {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await this.exited;
  }
}

function connString(dir, port, db) {
  return `postgresql://${owner}@${encodeURIComponent(dir)}:${port}/${db}`;
}

async function psql(conn, ...commands) {
  return run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', conn, ...commands.flatMap((c) => ['-c', c])]);
}

function migrate(conn, sql) {
  return run(join(sqlDir, 'doorbell-migrate'), ['--sql', sql, conn]);
}

// The template as a dump brings it to another server, under another owner: without the roles and what they may do.
async function restoreTemplate(dir) {
  const [conn, server] = [connString(dir, 5432, template), connString(dir, 5432, 'postgres')];
  const dump = join(dir, 'dump');
  await run('pg_dump', ['-Fc', '-f', dump, '-d', conn]);
  await psql(server, `DROP DATABASE ${template}`);
  const { stdout } = await run('psql', ['-X', '-A', '-t', '-d', server, '-c', "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname LIKE 'doorbell\\_%'"]);
  for (const role of stdout.split('\n').filter(Boolean)) await psql(server, `DROP ROLE ${role}`);
  await psql(server, 'CREATE ROLE another_owner', `CREATE DATABASE ${template} OWNER another_owner`);
  // What it cannot grant to roles that are missing is an error, and is left out.
  await run('pg_restore', ['--no-owner', '--role=another_owner', '-d', conn, dump]).catch(({ stderr }) => {
    if (!/^pg_restore: warning: errors ignored on restore/m.test(stderr)) throw new Error(stderr);
  });
  await migrate(conn, sqlDir);
}

async function readSql() {
  const names = (await readdir(sqlDir, { recursive: true })).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(sqlDir, name), 'utf8') })));
}

// The cached data folder: a cluster with one migrated, empty database.
async function preparedData(bin, user) {
  const isRestored = process.env.DOORBELL_TEMPLATE === 'restored';
  const hash = createHash('sha256').update(bin).update(String(isRestored)).update(JSON.stringify(settings)).update(await readFile(join(sqlDir, 'doorbell-migrate')));
  for (const { name, text } of await readSql()) hash.update(`${name}\0${text}\0`);
  const cached = join(tmpdir(), `doorbell-cluster-${process.getuid()}-${hash.digest('hex').slice(0, 16)}`);
  const found = await stat(cached).catch(() => null);
  if (found) {
    if (found.uid !== (user.uid ?? process.getuid())) throw new Error(`${cached} belongs to somebody else`);
    return join(cached, 'data');
  }

  const dir = await makeDir('doorbell-initdb-', user);
  await run(`${bin}/initdb`, ['-D', join(dir, 'data'), '-U', owner, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...user, cwd: dir });
  const postmaster = new Postmaster(bin, dir, user, 5432);
  await postmaster.start();
  try {
    await psql(connString(dir, 5432, 'postgres'), `CREATE DATABASE ${template}`);
    await migrate(connString(dir, 5432, template), sqlDir);
    if (isRestored) await restoreTemplate(dir);
  } finally {
    await postmaster.stop();
  }
  // Another test file may have been quicker; its folder is as good.
  await rename(dir, cached).catch(() => rm(dir, { recursive: true }));
  return join(cached, 'data');
}

/**
 * Starts a cluster and, given a test context, removes it after the test.
 * It listens on a unix socket in its folder; with options.port on 127.0.0.1 too. options.settings are
 * added to those of every cluster (a benchmark wants fsync: 'on'), options.env to its environment (a Clock).
 */
export async function startCluster(t, { port = 5432, settings: extra = {}, env } = {}) {
  const bin = await findPrograms();
  const user = await unprivileged();
  const data = await preparedData(bin, user);
  const dir = await makeDir('doorbell-pg-', user);
  await run('cp', ['-a', '--reflink=auto', data, join(dir, 'data')], user);
  return serve(t, new Postmaster(bin, dir, user, port, extra, env));
}

async function serve(t, postmaster) {
  const { bin, dir, user, port, extra } = postmaster;
  const killAtExit = () => postmaster.child?.kill('SIGQUIT');
  process.on('exit', killAtExit);
  await postmaster.start();

  // A copy is another database, with an epoch of its own; no page is there yet to be asked.
  const begin = async (name) => {
    await psql(cluster.connString(name), 'SELECT doorbell.keep_epoch(); DELETE FROM doorbell.outbox');
    return cluster.connString(name);
  };

  const cluster = {
    dir,
    port,
    get pid() {
      return postmaster.child.pid;
    },
    connString: (db = 'postgres') => connString(dir, port, db),

    /** A migrated database; chunkSize other than 1024 brings chunk borders within a test's reach. */
    async createDatabase(name = `db_${randomBytes(6).toString('hex')}`, { chunkSize = 1024 } = {}) {
      if (chunkSize === 1024) {
        await psql(cluster.connString(), `CREATE DATABASE "${name}" TEMPLATE ${template}`);
        return begin(name);
      }
      const sql = join(dir, `sql-${chunkSize}`);
      await cp(sqlDir, sql, { recursive: true });
      await writeFile(join(sql, 'schema/0001_chunk.sql'), `CREATE DOMAIN doorbell.chunk_bits AS bit(${chunkSize});\n`);
      await psql(cluster.connString(), `CREATE DATABASE "${name}"`);
      await migrate(cluster.connString(name), sql);
      return begin(name);
    },

    /** A standby that follows this cluster, and is one like it once it is promoted. options.env as of startCluster. */
    async startStandby({ env: environment } = {}) {
      const copy = await makeDir('doorbell-pg-', user);
      await run(`${bin}/pg_basebackup`, ['-D', join(copy, 'data'), '-h', dir, '-p', String(port), '-U', owner, '-R', '-c', 'fast', '--no-sync'],
        { ...user, cwd: copy });
      return serve(t, new Postmaster(bin, copy, user, 5432, extra, environment));
    },
    promote: () => psql(cluster.connString(), 'SELECT pg_promote()'),

    stop: () => postmaster.stop('SIGINT'),
    start: () => postmaster.start(),
    /** As a crash: no session ends in order, and the next start recovers. */
    kill: () => postmaster.stop('SIGQUIT'),
    async remove() {
      await postmaster.stop('SIGQUIT');
      process.off('exit', killAtExit);
      await rm(dir, { recursive: true, force: true });
    },
  };
  t?.after(() => cluster.remove());
  return cluster;
}
