// SPDX-License-Identifier: MIT
// units_machine.mjs - a Debian that systemd has booted, for a test that needs one: a container over this
// machine's own /usr and /etc, which it sees as they are and changes only in a layer of its own. It has
// neither this machine's network, nor its /var, nor what is enabled here. It leaves nothing behind.

import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { makeFolder } from '../../harness/folder.mjs';
import { failRun, Service } from '../../harness/process.mjs';
import { until, within } from '../../harness/wait.mjs';

const BOOT_MS = 60_000;
const STOP_MS = 60_000;
const COMMAND_MS = 60_000;
const CLEAN_ENV = ['env', '-i', 'HOME=/root', 'LANG=C.UTF-8', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

// What this machine has of its own and a fresh one has not.
const HIDDEN = ['systemd/system', 'postgresql', ...[0, 1, 2, 3, 4, 5, 6, 'S'].map((level) => `rc${level}.d`)];

// Those folders of /var that packages bring and their programs do not make themselves.
const STATE = { 'lib/postgresql': 'postgres', 'log/postgresql': 'postgres', 'lib/nginx': 'root', 'log/nginx': 'www-data',
  'lib/apache2': 'root', 'log/apache2': 'www-data', 'cache/apache2': 'www-data', 'www/html': 'root' };

// Why no machine can be booted here; null if one can.
export function whyNoMachine() {
  if (process.getuid() !== 0) return 'booting a system takes root';
  if (!existsSync('/usr/bin/systemd-nspawn')) return 'systemd-nspawn is not installed (deploy/deps check)';
  const folder = makeFolder();
  for (const name of ['lower', 'upper', 'work', 'at']) mkdirSync(path.join(folder, name));
  const command = `mount -t overlay -o lowerdir=${folder}/lower,upperdir=${folder}/upper,workdir=${folder}/work overlay ${folder}/at`;
  try {
    execFileSync('unshare', ['--mount', '--pid', '--fork', 'sh', '-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
    return null;
  } catch (error) {
    return `namespaces or overlays are not to be had here: ${String(error.stderr).trim()}`;
  }
}

// Of /etc/passwd and the like, without the users that the test makes.
function copyWithoutOurs(file, target) {
  const lines = readFileSync(file, 'utf8').split('\n').filter((line) => !line.startsWith('doorbell-'));
  writeFileSync(target, lines.join('\n'), { mode: /shadow/.test(file) ? 0o640 : 0o644 });
}

// The tree: empty but for the links that every Debian has, and the layers over /usr and /etc.
function makeTree(folder) {
  const root = path.join(folder, 'root');
  const layers = { usr: path.join(folder, 'layer/usr'), etc: path.join(folder, 'layer/etc') };
  for (const name of ['usr/lib', 'etc', 'var/tmp', 'run', 'tmp', 'root', 'proc', 'sys', 'dev']) {
    mkdirSync(path.join(root, name), { recursive: true });
  }
  for (const name of ['bin', 'sbin', 'lib', 'lib64', 'lib32']) {
    if (existsSync(`/usr/${name}`)) symlinkSync(`usr/${name}`, path.join(root, name));
  }
  symlinkSync('/run', path.join(root, 'var/run'));
  // By this file systemd-nspawn knows a tree of a system.
  writeFileSync(path.join(root, 'usr/lib/os-release'), readFileSync('/usr/lib/os-release'));
  for (const [name, owner] of Object.entries(STATE)) {
    const made = path.join(root, 'var', name);
    mkdirSync(made, { recursive: true });
    execFileSync('chown', [`${owner}:`, made]);
  }
  for (const layer of Object.values(layers)) mkdirSync(layer, { recursive: true });
  for (const name of HIDDEN) {
    mkdirSync(path.dirname(path.join(layers.etc, name)), { recursive: true });
    // An overlay takes such a device for "this was deleted".
    execFileSync('mknod', [path.join(layers.etc, name), 'c', '0', '0']);
  }
  for (const name of ['passwd', 'group', 'shadow', 'gshadow']) copyWithoutOurs(`/etc/${name}`, path.join(layers.etc, name));
  return { root, layers };
}

// Where nobody manages the cgroups of this machine, the container gets some of its own.
function makeCgroups(name) {
  if (existsSync('/run/systemd/system')) return [];
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' '))
    .filter(([, , type, options]) => type === 'cgroup2' || (type === 'cgroup' && /name=systemd/.test(options)));
  return mounts.map(([, at]) => {
    const cgroup = path.join(at, name);
    mkdirSync(cgroup);
    return cgroup;
  });
}

function removeCgroup(cgroup) {
  for (const entry of readdirSync(cgroup, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(path.join(cgroup, entry.name));
  }
  rmdirSync(cgroup);
}

const childOf = (pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());

export class Machine {
  constructor(name, folder) {
    this.name = name;
    Object.assign(this, makeTree(folder));
  }

  // `layers.usr` and `layers.etc` may be filled until then.
  async boot() {
    this.cgroups = makeCgroups(this.name);
    const into = this.cgroups.map((cgroup) => `echo $$ >${cgroup}/cgroup.procs && `).join('');
    const options = [`--directory=${this.root}`, `--machine=${this.name}`, '--register=no', '--link-journal=no',
      '--private-network', '--console=pipe', `--overlay=/usr:${this.layers.usr}:/usr`, `--overlay=/etc:${this.layers.etc}:/etc`];
    if (this.cgroups.length > 0) options.push('--keep-unit');
    this.service = new Service({
      name: 'systemd-nspawn',
      command: 'sh',
      // A container outlives a systemd-nspawn that is killed, but not the namespace around both.
      args: ['-c', `${into}exec unshare --pid --fork --kill-child --mount-proc systemd-nspawn "$@"`, 'sh', ...options, '--boot', '--', 'systemd.unit=multi-user.target'],
      okCodes: [0, 133],
    });
    await this.service.start();
    await until('systemd to be up', () => this.#isUp(), { timeoutMs: BOOT_MS });
  }

  async #isUp() {
    if (!this.service.isRunning) throw new Error(this.service.log);
    this.nspawn = childOf(this.service.pid);
    this.init = this.nspawn && childOf(this.nspawn);
    if (!this.init) return false;
    const { stdout } = await this.run('systemctl is-system-running');
    return /^(running|degraded)$/m.test(stdout);
  }

  // A program of this machine in the container's network, as a service of the test.
  startBeside(name, command, args, env) {
    return new Service({ name, command: 'nsenter', args: ['-t', String(this.init), '--net', '--', command, ...args], env }).start();
  }

  // Shell commands in the container, as root: {code, stdout, stderr}.
  run(text, { input } = {}) {
    return new Promise((resolve) => {
      const words = ['-t', String(this.init), '--all', '--', ...CLEAN_ENV, 'sh', '-euc', text];
      const child = execFile('nsenter', words, { timeout: COMMAND_MS }, (error, stdout, stderr) => {
        resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr });
      });
      child.stdin.end(input);
    });
  }

  // The same, which must succeed; what they print.
  async sh(text, options) {
    const { code, stdout, stderr } = await this.run(text, options);
    if (code !== 0) throw new Error(`${text}\nended with ${code}:\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  async stop() {
    // unshare passes no signal on.
    if (this.nspawn && this.service.isRunning) {
      process.kill(this.nspawn, 'SIGTERM');
      await within(this.service.exited, 'the container to stop', STOP_MS);
    }
    await this.service?.stop();
    for (const cgroup of this.cgroups ?? []) removeCgroup(cgroup);
  }
}

export function makeMachine(t) {
  const machine = new Machine(`doorbell-test-${process.pid}`, makeFolder());
  t.after(() => machine.stop().catch(failRun));
  return machine;
}
