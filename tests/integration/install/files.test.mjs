// SPDX-License-Identifier: MIT
// What `make install` lays down works from there; what `make uninstall` leaves; and that building is
// repeatable.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { build, buildFromTop, makeFolder, top } from '../../harness/folder.mjs';
import { makeKey } from '../../harness/secret.mjs';

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: top, ...options }, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr });
    });
  });
}

async function make(...words) {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...env } = process.env;
  const { code, stdout, stderr } = await run('make', ['-s', ...words], { env });
  assert.equal(code, 0, stdout + stderr);
}

function filesUnder(folder, base = folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? filesUnder(file, base) : [path.relative(base, file)];
  });
}

// A DESTDIR as a word of make, which would expand its dollars.
const destdir = (root) => `DESTDIR=${root.replaceAll('$', '$$$$')}`;

const sha256 = createHash('sha256').update(readFileSync(path.join(top, 'www/doorbell.min.js'))).digest('hex');
const hashed = `doorbell.${sha256.slice(0, 12)}.min.js`;
const prefix = 'usr/local';
const wanted = [
  `${prefix}/sbin/doorbell-app`,
  `${prefix}/sbin/doorbell-relay`,
  `${prefix}/sbin/doorbell-migrate`,
  `${prefix}/sbin/doorbell-purge`,
  `${prefix}/sbin/doorbell-import-notifynder`,
  `${prefix}/share/doorbell/sql/notifynder/mysqldump.pl`,
  `${prefix}/share/doorbell/sql/notifynder/take.sql`,
  `${prefix}/share/doorbell/doorbell.conf`,
  `${prefix}/share/doorbell/nginx/doorbell.conf`,
  `${prefix}/share/doorbell/nginx/doorbell-upstreams.conf`,
  `${prefix}/share/doorbell/nginx/legacy.conf`,
  `${prefix}/share/doorbell/apache/doorbell.conf`,
  `${prefix}/share/doorbell/apache/doorbell-upstreams.conf`,
  `${prefix}/share/doorbell/apache/legacy.conf`,
  `${prefix}/share/doorbell/www/doorbell.js`,
  `${prefix}/share/doorbell/www/doorbell.load.js`,
  `${prefix}/share/doorbell/www/${hashed}`,
  `${prefix}/share/doorbell/www/${hashed}.gz`,
  `${prefix}/share/doorbell/php/doorbell.php`,
  `${prefix}/share/doorbell/php/composer.json`,
  `${prefix}/share/doorbell/php/laravel/config.php`,
  `${prefix}/share/doorbell/php/laravel/notifications.sql`,
  `${prefix}/share/doorbell/php/psr18/Psr18Http.php`,
  `${prefix}/share/doorbell/php/symfony/DoorbellTransportFactory.php`,
  `${prefix}/share/doorbell/php/wordpress/doorbell/doorbell.php`,
  `${prefix}/share/doorbell/php/wordpress/doorbell/includes/doorbell.php`,
  `${prefix}/share/doorbell/php/wordpress/doorbell/includes/site.php`,
  `${prefix}/share/doorbell/php/wordpress/doorbell/js/hops.js`,
  `${prefix}/share/doorbell/php/wordpress/doorbell/languages/doorbell.pot`,
  `${prefix}/share/man/man5/doorbell.conf.5`,
  `${prefix}/share/man/man8/doorbell-app.8`,
  `${prefix}/share/man/man8/doorbell-relay.8`,
  `${prefix}/share/man/man8/doorbell-migrate.8`,
  `${prefix}/share/man/man8/doorbell-purge.8`,
  `${prefix}/share/man/man8/doorbell-import-notifynder.8`,
  `${prefix}/lib/systemd/system/doorbell-app.service`,
  `${prefix}/lib/systemd/system/doorbell-app.socket`,
  `${prefix}/lib/systemd/system/doorbell-relay.service`,
  `${prefix}/lib/systemd/system/doorbell-relay.socket`,
  `${prefix}/lib/systemd/system/doorbell-purge.service`,
  `${prefix}/lib/systemd/system/doorbell-purge.timer`,
  `${prefix}/lib/sysusers.d/doorbell.conf`,
];

test('make install and make uninstall', async (t) => {
  const root = path.join(makeFolder(), `a "place" that isn't $HOME`);
  await make(`BUILD=${buildFromTop}`, destdir(root), 'install');
  const files = filesUnder(root);
  for (const file of wanted) assert.ok(files.includes(file), `${file} of ${files}`);

  await t.test('the pages find all that they import', () => {
    const www = path.join(root, prefix, 'share/doorbell/www');
    const scripts = filesUnder(www).filter((file) => file.endsWith('.js'));
    for (const script of scripts) {
      const text = readFileSync(path.join(www, script), 'utf8');
      for (const [, name] of text.matchAll(/from '(\.[^']+)'/g)) {
        assert.ok(existsSync(path.join(www, path.dirname(script), name)), `${name} of ${script}`);
      }
    }
  });

  await t.test('the script is there by a name of its content, which the loader knows, and compressed', () => {
    const www = path.join(root, prefix, 'share/doorbell/www');
    const [script, again] = ['doorbell.min.js', hashed].map((name) => readFileSync(path.join(www, name)));
    assert.ok(again.equals(script));
    const loader = readFileSync(path.join(www, 'doorbell.load.js'));
    assert.match(String(loader), new RegExp(`^import\\('\\./${hashed}'\\);$`, 'm'));
    assert.ok(loader.length < 1024);
    for (const name of [hashed, 'doorbell.min.js', 'doorbell.mjs', 'ui/min/list.js', 'ui/min/toasts.js']) {
      const plain = readFileSync(path.join(www, name));
      assert.ok(gunzipSync(readFileSync(path.join(www, `${name}.gz`))).equals(plain), name);
      if (existsSync('/usr/bin/brotli')) assert.ok(brotliDecompressSync(readFileSync(path.join(www, `${name}.br`))).equals(plain), name);
    }
  });

  await t.test('the SQL files are where doorbell-migrate and doorbell-import-notifynder look', () => {
    const laid = filesUnder(path.join(root, prefix, 'share/doorbell/sql'));
    assert.deepEqual(laid.sort(), filesUnder(path.join(top, 'sql')).filter((file) => /\.(sql|pl)$/.test(file)).sort());
  });

  await t.test('the importer finds its files', async () => {
    const empty = path.join(makeFolder(), 'empty.sql');
    writeFileSync(empty, '');
    const { code, stderr } = await run(path.join(root, prefix, 'sbin/doorbell-import-notifynder'), ['host=/nowhere dbname=a', empty]);
    assert.deepEqual([code, /no table notification_categories/.test(stderr)], [2, true], stderr);
  });

  await t.test('the programs run, and take the sample for a sound configuration', async () => {
    const keys = makeFolder();
    const env = { ...process.env };
    for (const name of ['secret', 'send_key', 'publish_key']) {
      const file = path.join(keys, name);
      writeFileSync(file, `${makeKey()}\n`, { mode: 0o600 });
      env[`DOORBELL_AUTH_${name.toUpperCase()}_FILE`] = file;
    }
    for (const program of ['doorbell-app', 'doorbell-relay']) {
      const file = path.join(root, prefix, 'sbin', program);
      const version = await run(file, ['--version']);
      assert.match(version.stdout, new RegExp(`^${program} \\d+\\.\\d+\\.\\d+\n$`));
      const sample = path.join(root, prefix, 'share/doorbell/doorbell.conf');
      const check = await run(file, ['-n', '-c', sample], { env });
      assert.equal(check.code, 0, check.stderr);
      const missing = await run(file, ['-n', '-c', path.join(keys, 'none.conf')], { env });
      assert.equal(missing.code, 78);
    }
  });

  await t.test('nothing installed is open to all', () => {
    for (const file of files) assert.equal(statSync(path.join(root, file)).mode & 0o022, 0, file);
  });

  await make(`BUILD=${buildFromTop}`, destdir(root), 'uninstall');
  assert.deepEqual(filesUnder(root), []);
  const folders = readdirSync(root, { recursive: true });
  assert.deepEqual(folders.filter((folder) => folder.includes('doorbell')), []);
});

test('a package: PREFIX=/usr and DESTDIR', async () => {
  const root = makeFolder();
  const where = [`BUILD=${buildFromTop}`, `DESTDIR=${root}`, 'PREFIX=/usr'];
  await make(...where, 'install');
  const files = filesUnder(root);
  for (const file of wanted) assert.ok(files.includes(file.replace(prefix, 'usr')), `${file} of ${files}`);
  for (const file of files) {
    const text = readFileSync(path.join(root, file), 'latin1');
    assert.ok(!text.includes('/usr/local') && !text.includes(root), file);
  }
  // An upgrade: pages that are kept somewhere may have the name of before.
  writeFileSync(path.join(root, 'usr/share/doorbell/www/doorbell.0123456789ab.min.js'), '');
  await make(...where, 'install');
  assert.ok(filesUnder(root).includes('usr/share/doorbell/www/doorbell.0123456789ab.min.js'));
  const unit = readFileSync(path.join(root, 'usr/lib/systemd/system/doorbell-app.service'), 'utf8');
  assert.match(unit, /^ExecStart=\/usr\/sbin\/doorbell-app -c \/etc\/doorbell\/doorbell\.conf$/m);
  await make(...where, 'uninstall');
  assert.deepEqual(filesUnder(root), []);
});

test('systemd takes the units', { skip: !existsSync('/usr/bin/systemd-analyze') }, async () => {
  const folder = path.join(top, 'deploy/systemd');
  const units = readdirSync(folder).filter((name) => name.startsWith('doorbell-')).map((name) => path.join(folder, name));
  const { stderr } = await run('systemd-analyze', ['verify', '--man=no', ...units]);
  const faults = stderr.split('\n').filter((line) => /doorbell/.test(line) && !/is not executable/.test(line));
  assert.deepEqual(faults, []);
});

test('another build gives the same bytes', async () => {
  const folder = makeFolder();
  await make('-j2', `BUILD=${folder}`, `${folder}/doorbell-relay`, `${folder}/doorbell-app`);
  for (const program of ['doorbell-relay', 'doorbell-app']) {
    assert.ok(readFileSync(path.join(folder, program)).equals(readFileSync(path.join(build, program))), program);
  }
});

// Without a network, and without what npm may have kept.
function runOffline(command, args, options = {}) {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...own } = process.env;
  const env = { ...own, npm_config_offline: 'true', npm_config_cache: makeFolder() };
  const [first, ...rest] = process.getuid() === 0 ? ['unshare', '-n', command, ...args] : [command, ...args];
  return run(first, rest, { ...options, env });
}

test('deps does nothing, without a network, when all is there', async () => {
  const deps = path.join(top, 'deploy/deps');
  for (const target of ['run', 'check', 'bench', 'coverage']) {
    assert.deepEqual(await runOffline(deps, [target]), { code: 0, stdout: '', stderr: '' }, target);
  }
  assert.equal((await run(deps, [])).code, 64);
  assert.equal((await run(deps, ['everything'])).code, 64);
});

test('make bench installs its node modules before anything needs them', async () => {
  const copy = makeFolder();
  for (const name of ['Makefile', 'deploy/deps', 'tests/bench', 'tests/package.json', 'tests/package-lock.json']) {
    cpSync(path.join(top, name), path.join(copy, name), { recursive: true });
  }
  const { code, stdout, stderr } = await runOffline('make', ['bench'], { cwd: copy });
  assert.notEqual(code, 0);
  assert.match(stdout, /^deps: installing with npm: /m);
  assert.match(stderr, /ENOTCACHED/);
});
