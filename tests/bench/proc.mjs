// SPDX-License-Identifier: MIT
// proc.mjs - what the kernel knows of processes: the CPU time they used, the memory they hold.

import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';

const CLOCK_TICK_US = 10_000;

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function childrenOf(pid) {
  return threadsOf(pid).flatMap((tid) => read(`/proc/${pid}/task/${tid}/children`).split(' ').filter(Boolean));
}

// Nanoseconds on a CPU come first in schedstat, finer than the ticks of stat.
function ownCpuUs(pid) {
  let ns = 0;
  for (const tid of threadsOf(pid)) ns += Number(read(`/proc/${pid}/task/${tid}/schedstat`).split(' ')[0] || 0);
  return ns / 1000;
}

// Of children that have ended: fields 16 and 17 of stat, counted behind the name's bracket.
function reapedCpuUs(pid) {
  const fields = read(`/proc/${pid}/stat`).split(') ').pop().split(' ');
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * CLOCK_TICK_US;
}

function treeOf(pid) {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

// CPU time of a process and of all below it, user and system together. Who ends while this reads would
// be missed or counted twice: then it reads again.
export function cpuUs(pid) {
  for (;;) {
    const tree = treeOf(pid);
    const us = tree.reduce((sum, one) => sum + ownCpuUs(one) + reapedCpuUs(one), 0);
    if (treeOf(pid).join() === tree.join()) return us;
  }
}

// Runs `work`; answers what it answers, and the CPU time that each of `pids` ({name: pid}) used.
export async function withCpu(pids, work) {
  const before = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuUs(pid)]));
  const result = await work();
  const cpu = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuUs(pid) - before[name]]));
  return { result, cpu };
}

// Bytes: resident, and with shared pages divided among those who share them.
export function memoryOf(pid) {
  const text = read(`/proc/${pid}/smaps_rollup`);
  const bytes = (name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))[1]) * 1024;
  return { rss: bytes('Rss'), pss: bytes('Pss') };
}

// PSS of a process and of all below it.
export function memoryOfTree(pid) {
  return treeOf(pid).reduce((sum, one) => sum + memoryOf(one).pss, 0);
}

export function descriptorLimit() {
  const [, soft] = read('/proc/self/limits').match(/^Max open files\s+(\d+)/m);
  return Number(soft);
}

export function describeMachine() {
  const cpus = os.cpus();
  const gib = Math.round(os.totalmem() / 2 ** 30);
  return `${cpus.length} x ${cpus[0].model.trim()}, ${gib} GiB, kernel ${os.release()}, ${descriptorLimit()} descriptors a process`;
}
