// SPDX-License-Identifier: MIT
// The units, under a systemd that has booted: the commands of deploy/README.md as they are there, and what
// becomes of the programs afterwards. And, without systemd, how they end when they cannot listen: systemd
// starts them again unless the status is 78.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { assertLike, examplesOf, fences } from '../../harness/examples.mjs';
import { build, buildFromTop, makeFolder, top } from '../../harness/folder.mjs';
import { writeSettings } from '../../harness/programs.mjs';
import { makeKey } from '../../harness/secret.mjs';
import { until } from '../../harness/wait.mjs';
import { makeMachine, whyNoMachine } from './units_machine.mjs';

const isRoot = process.getuid() === 0;
// Root may give a socket to any group, unless this is taken from it.
const unprivileged = isRoot ? ['setpriv', '--bounding-set=-chown', '--clear-groups', '--'] : [];

// {code, stderr} of a program that is not going to run.
function runProgram(name, settings) {
  const folder = makeFolder();
  const keys = {};
  for (const key of ['secret', 'send_key', 'publish_key']) {
    keys[`auth.${key}_file`] = path.join(folder, key);
    writeFileSync(path.join(folder, key), `${makeKey()}\n`);
  }
  const conf = path.join(folder, 'doorbell.conf');
  writeSettings(conf, { ...keys, 'database.url': `postgresql:///none?host=${folder}`, ...settings(folder) });
  const [command, ...args] = [...unprivileged, path.join(build, name), '-c', conf];
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 30_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? error?.signal ?? 0, stderr }));
  });
}

const programs = {
  'doorbell-app': (listen, more = {}) => ({ 'app.listen': listen, ...more }),
  'doorbell-relay': (listen, more = {}) => ({ 'relay.listen': listen, 'relay.publish_listen': '127.0.0.1:0', ...more }),
};

for (const [name, listenAt] of Object.entries(programs)) {
  const section = name.replace('doorbell-', '');

  test(`${name}: a listener that only the operator can mend is exit 78, and the log says how`, async (t) => {
    const rows = {
      'an unknown group': ['app.sock', { listen_group: 'no-such-group' }, /listen_group = no-such-group: no such group; name the one/],
      'a group that its user is not in': ['app.sock', { listen_group: 'daemon' },
        /listen_group = daemon: chown of .*: Operation not permitted; .*SupplementaryGroups=/],
      'no directory': ['none/app.sock', {}, /none\/app\.sock: No such file or directory; its directory must exist/],
    };
    for (const [what, [file, settings, message]] of Object.entries(rows)) {
      await t.test(what, async () => {
        const more = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`${section}.${key}`, value]));
        const { code, stderr } = await runProgram(name, (folder) => listenAt(`unix:${folder}/${file}`, more));
        assert.equal(code, 78, stderr);
        assert.match(stderr, message);
      });
    }
  });

  test(`${name}: an address in use may pass, and is exit 1`, async (t) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => { server.once('listening', resolve); });
    const { code, stderr } = await runProgram(name, () => listenAt(`127.0.0.1:${server.address().port}`));
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Address already in use; another program/);
  });
}

const readme = fences(readFileSync(path.join(top, 'deploy/README.md'), 'utf8'));
const UNITS = ['doorbell-app', 'doorbell-relay'];

// `make install` lays the files into the machine's own layer.
function install(machine) {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...env } = process.env;
  execFileSync('make', ['-s', `BUILD=${buildFromTop}`, `DESTDIR=${path.dirname(machine.layers.usr)}`, 'install'], { cwd: top, env });
}

// What Debian's packages have done when the steps begin. Nothing is to survive, so nothing is synced.
async function startPackages(machine) {
  const [version] = readdirSync('/usr/lib/postgresql').sort();
  await machine.sh(`pg_createcluster ${version} main -o fsync=off -o full_page_writes=off -- --no-sync
    systemctl start postgresql@${version}-main nginx`);
}

// The processes of nginx that may accept: all but those that only finish what they have. One has no name yet when it has just begun.
async function acceptingProcesses(machine) {
  return (await machine.sh('pgrep -a -P "$(cat /run/nginx.pid)" | sed "/ is shutting down$/d; s/ .*//"')).split('\n');
}

// Runs a text that may reload nginx, which is done some time after the command for it: people who paste commands are
// slower than a test.
async function runText(machine, text) {
  const old = text.includes('reload nginx') ? await acceptingProcesses(machine) : [];
  const output = await machine.sh(text);
  if (old.length > 0) {
    await until('the old processes of nginx to stop accepting', async () => {
      const now = await acceptingProcesses(machine);
      return now[0] && !now.some((pid) => old.includes(pid));
    });
  }
  return output;
}

async function runExample(machine, { language, text, expected }) {
  let output;
  if (language === 'php') {
    await machine.sh('cat >/tmp/example.php', { input: text });
    output = await machine.sh('runuser -u www-data -- php /tmp/example.php');
  } else {
    output = await runText(machine, text);
  }
  if (expected?.tag === 'json') {
    assert.match(output, /^[{[]/);
    assertLike(JSON.parse(output), JSON.parse(expected.text));
  } else if (expected) assert.equal(output, expected.text.trimEnd());
}

// The status of a send through the web server.
const SEND = `printf 'header = "Authorization: Bearer %s"\n' "$(head -n 1 /etc/doorbell/send.key)" |
  curl -s -o /dev/null -w '%{http_code}' -K - -d 'to=*' -d title=x http://127.0.0.1/doorbell/messages`;

// The replies to two forms in GBK, and what was stored: the tables of iconv are files, which the units' sandbox must show
// to both programs.
const GBK_FORMS = `type='Content-Type: application/x-www-form-urlencoded; charset=GBK'
  post() {
    printf 'header = "Authorization: Bearer %s"\n' "$(head -n 1 /etc/doorbell/$1.key)" |
      curl -s -w '\n%{http_code}\n' -K - -H "$type" -d "$3" "$2" | tail -n "$4"
  }
  post send http://127.0.0.1/doorbell/messages 'to=old&title=%CF%B5%CD%B3%CD%A8%D6%AA' 1
  post publish http://127.0.0.1:2121/ 'type=publish&to=old&content=%CF%B5%CD%B3%CD%A8%D6%AA' 2
  runuser -u postgres -- psql -At -d doorbell -c 'SELECT title FROM doorbell.message ORDER BY id DESC LIMIT 1'`;

// Pages that are open by way of the web server hear of what is sent to everybody, and meanwhile the web
// server has time for others.
async function assertRings(machine, number = 1, token = '') {
  const env = token ? { DOORBELL_TOKEN: token } : { DOORBELL_SECRET: await machine.sh('head -n 1 /etc/doorbell/auth.secret') };
  const script = path.join(top, 'tests/integration/install/units_pages.mjs');
  const pages = await machine.startBeside('pages', process.execPath, [script, 'ws://127.0.0.1/ws', String(number)], env);
  await pages.waitLog(/open/, { timeoutMs: 60_000 });
  assert.equal(await machine.sh(SEND), '201');
  await pages.waitLog(/rung/, { timeoutMs: 60_000 });
  assert.deepEqual(await pages.exited, { code: 0, signal: null });
}

async function show(machine, unit, name) {
  return machine.sh(`systemctl show ${unit} -P ${name}`);
}

const SOCKETS = 'Restarts that refuse nobody';

for (const unit of ['doorbell-app', 'doorbell-relay', 'doorbell-purge']) {
  test(`${unit} may do little beyond its work`, () => {
    const file = path.join(top, 'deploy/systemd', `${unit}.service`);
    // Of 100. What is left of it: addresses of the network, and users of the machine.
    const { status, stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=18', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout.split('\n').filter((line) => line.startsWith('✗')).join('\n'));
  });
}

test('the socket units listen on this machine alone', () => {
  const folder = path.join(top, 'deploy/systemd');
  const texts = readdirSync(folder).filter((name) => name.endsWith('.socket')).map((name) => readFileSync(path.join(folder, name), 'utf8'));
  const addresses = texts.flatMap((text) => [...text.matchAll(/^Listen\w*=(.*)$/gm)]).map(([, address]) => address);
  assert.equal(addresses.length, 2);
  for (const address of addresses) assert.match(address, /^(\/|127\.0\.0\.1:)/);
});

test('the units run under systemd as deploy/README.md sets them up', { skip: whyNoMachine() ?? false }, async (t) => {
  const machine = makeMachine(t);
  install(machine);
  await machine.boot();
  await startPackages(machine);
  const examples = examplesOf(readme);
  const runExamples = async (chosen) => {
    for (const example of chosen) {
      await t.test(`${example.heading}, line ${example.line}`, async () => {
        await runExample(machine, example);
      });
    }
  };

  await runExamples(examples.filter(({ heading }) => heading !== SOCKETS));

  await t.test('1,000 open pages ring through nginx', () => assertRings(machine, 1000));

  await t.test('forms in GBK become UTF-8 within the sandbox', async () => {
    assert.equal(await machine.sh(GBK_FORMS), '201\noffline\n200\n系统通知');
  });

  await t.test('the socket is of the web server\'s group', async () => {
    assert.equal(await machine.sh('stat -c "%U %G %a" /run/doorbell/app.sock'), 'doorbell-app www-data 660');
  });

  await t.test('PHP reads the send key, and no other; no program reads a file of /etc but doorbell.conf', async () => {
    const readable = (user) => machine.sh(`for file in auth.secret publish.key send.key doorbell.conf; do
      ! runuser -u ${user} -- cat /etc/doorbell/$file >/dev/null 2>&1 || echo $file; done`);
    assert.equal(await readable('www-data'), 'send.key\ndoorbell.conf');
    for (const user of ['nobody', ...UNITS]) assert.equal(await readable(user), 'doorbell.conf', user);
  });

  await t.test('each program reads its own credentials, and the relay reaches neither send key nor database', async () => {
    const readable = (user) => machine.sh(`cd /run/credentials
      for file in doorbell-*.service/*; do ! runuser -u ${user} -- grep -q . $file 2>/dev/null || echo $file; done`);
    assert.equal(await readable('doorbell-app'), ['auth.secret', 'publish.key', 'send.key'].map((name) => `doorbell-app.service/${name}`).join('\n'));
    assert.equal(await readable('doorbell-relay'), ['auth.secret', 'publish.key'].map((name) => `doorbell-relay.service/${name}`).join('\n'));
    for (const user of ['www-data', 'nobody']) assert.equal(await readable(user), '', user);
    const pid = await show(machine, 'doorbell-relay', 'MainPID');
    assert.equal(await machine.sh(`ls -A /run/postgresql | grep -c PGSQL; ls -A /proc/${pid}/root/run/postgresql`), '2');
    assert.match((await machine.run("runuser -u doorbell-relay -- psql -d doorbell -c 'SELECT 1'")).stderr, /role "doorbell-relay" does not exist/);
  });

  await t.test('a key file that is missing is exit 78, and the log says which', async () => {
    await machine.sh('mv /etc/doorbell/send.key /tmp/; systemctl restart doorbell-app');
    await until('the unit to fail', async () => (await show(machine, 'doorbell-app', 'ActiveState')) === 'failed');
    assert.equal(await show(machine, 'doorbell-app', 'ExecMainStatus'), '78');
    assert.match(await machine.sh('journalctl -u doorbell-app -o cat -n 20'), /send_key_file: send\.key: is empty/);
    await machine.sh('mv /tmp/send.key /etc/doorbell/; systemctl reset-failed doorbell-app; systemctl restart doorbell-app');
    await until('a send to pass', async () => (await machine.sh(SEND)) === '201');
  });

  await t.test('reload keeps the processes', async () => {
    for (const unit of UNITS) {
      const pid = await show(machine, unit, 'MainPID');
      await machine.sh(`systemctl reload ${unit}`);
      await until(`${unit} to have reloaded`, () => machine.sh(`journalctl -u ${unit} -o cat --grep reloaded`));
      assert.equal(await show(machine, unit, 'MainPID'), pid);
    }
    assert.equal(await machine.sh(SEND), '201');
  });

  await t.test('what was killed is started again', async () => {
    for (const unit of UNITS) {
      await machine.sh(`systemctl kill -s KILL ${unit}`);
      await until(`${unit} to be back`, async () => (await show(machine, unit, 'NRestarts')) === '1' && (await show(machine, unit, 'SubState')) === 'running');
    }
    await until('a send to pass', async () => (await machine.sh(SEND)) === '201');
    await until('the relay to serve', () => machine.sh('curl -s http://127.0.0.1:2121/health'));
  });

  await t.test('stop ends both with status 0', async () => {
    await machine.sh(`systemctl stop ${UNITS.join(' ')}`);
    for (const unit of UNITS) {
      assert.equal(await show(machine, unit, 'Result'), 'success');
      assert.equal(await show(machine, unit, 'ExecMainStatus'), '0');
    }
    assert.equal(await machine.sh('ls /run/doorbell* 2>/dev/null || true'), '');
  });

  await t.test('a group that does not fit is not tried again and again, and the log says what to do', async () => {
    const conf = '/etc/doorbell/doorbell.conf';
    for (const [group, message] of [['no-such-group', /no such group/], ['adm', /chown of .*not permitted.*SupplementaryGroups=/]]) {
      await machine.sh(`cp ${conf} /tmp/ && sed -i 's/^listen_group = .*/listen_group = ${group}/' ${conf}`);
      await machine.run('systemctl start doorbell-app');
      await until('the unit to fail', async () => (await show(machine, 'doorbell-app', 'ActiveState')) === 'failed');
      assert.equal(await show(machine, 'doorbell-app', 'ExecMainStatus'), '78');
      assert.equal(await show(machine, 'doorbell-app', 'NRestarts'), '0');
      assert.match(await machine.sh('journalctl -u doorbell-app -o cat -n 20'), message);
      await machine.sh(`cp /tmp/doorbell.conf ${conf}; systemctl reset-failed doorbell-app`);
    }
  });

  await t.test('the relay publishes on a unix socket, once its unit has the group', async () => {
    await machine.sh(`mkdir /etc/systemd/system/doorbell-relay.service.d
      printf '[Service]\\nSupplementaryGroups=www-data\\n' >/etc/systemd/system/doorbell-relay.service.d/group.conf
      sed -i 's|^\\[relay\\]|&\\npublish_listen = unix:/run/doorbell-relay/publish.sock\\nlisten_group = www-data|
        s|^\\[app\\]|&\\nrelay_url = unix:/run/doorbell-relay/publish.sock|' /etc/doorbell/doorbell.conf
      systemctl daemon-reload
      systemctl start ${UNITS.join(' ')}`);
    await until('both to serve', async () => (await machine.sh(SEND)) === '201');
    // The app serves without the relay.
    await until('the relay to listen', async () => (await machine.run('test -S /run/doorbell-relay/publish.sock')).code === 0);
    assert.equal(await machine.sh('stat -c "%U %G %a" /run/doorbell-relay/publish.sock'), 'doorbell-relay www-data 660');
    await assertRings(machine);
    await machine.sh('cp /tmp/doorbell.conf /etc/doorbell/');
  });

  await t.test('the timer of the purge is waiting', async () => {
    assert.equal(await machine.sh('systemctl is-active doorbell-purge.timer'), 'active');
    assert.equal(await show(machine, 'doorbell-purge.service', 'Result'), 'success');
    assert.notEqual(await show(machine, 'doorbell-purge.timer', 'NextElapseUSecRealtime'), '');
  });

  await runExamples(examples.filter(({ heading }) => heading === SOCKETS));

  await t.test('with the sockets, no request is refused while both restart', async () => {
    assert.equal(await machine.sh(SEND), '201');
    await machine.sh(`systemctl stop ${UNITS.join(' ')}; systemctl is-active doorbell-app.socket doorbell-relay.socket`);
    // The socket starts its service.
    assert.equal(await machine.sh(SEND), '201');
    await assertRings(machine);
    await machine.sh('systemctl restart --no-block doorbell-app doorbell-relay');
    assert.equal(await machine.sh(SEND), '201');
  });

  await t.test('1,000 open pages ring through Apache', async () => {
    await machine.sh('systemctl stop nginx');
    for (const { text } of readme.filter(({ tag }) => tag === 'sh apache')) await machine.sh(text);
    // As after the example with the sockets. A reload would need the pid file, which Apache writes some time after it has started.
    await machine.sh(`sed -i 's|/run/doorbell/app.sock|/run/doorbell-app.sock|' /etc/apache2/conf-available/doorbell-upstreams.conf
      systemctl restart apache2`);
    await assertRings(machine, 1000);
  });

  await t.test('with a key pair the relay verifies tokens and has nothing that makes them; the URL may be in a file', async () => {
    await machine.sh(`echo postgresql:///doorbell?application_name=by-file >/etc/doorbell/database.url
      sed -i 's|^url = .*|url_file = database.url|' /etc/doorbell/doorbell.conf`);
    for (const { text } of readme.filter(({ tag }) => tag === 'sh pair')) await machine.sh(text);
    const { token } = JSON.parse(await machine.sh(`printf 'header = "Authorization: Bearer %s"\n' "$(head -n 1 /etc/doorbell/send.key)" |
      curl -s -f -K - -d user=42 http://127.0.0.1/doorbell/tokens`));
    await assertRings(machine, 1, token);
    assert.equal(await machine.sh('cd /run/credentials; find doorbell-*.service -type f -size +1c | sort'),
      ['doorbell-app.service/database.url', 'doorbell-app.service/private.pem', 'doorbell-app.service/publish.key',
        'doorbell-app.service/send.key', 'doorbell-relay.service/publish.key'].join('\n'));
  });

  await t.test('nobody has left a core or a complaint', async () => {
    assert.equal(await machine.sh('journalctl -p err -o cat _SYSTEMD_UNIT=doorbell-app.service + _SYSTEMD_UNIT=doorbell-relay.service | grep -v -e listen_group -e send_key_file || true'), '');
  });
});
