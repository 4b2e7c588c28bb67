// SPDX-License-Identifier: MIT
// programs.mjs - doorbell-app and doorbell-relay as services of a test, and their doorbell.conf.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { build } from './folder.mjs';
import { failRun, Service } from './process.mjs';
import { isConnectable } from './wait.mjs';

// Everything a sanitizer finds ends the program with its report.
export const sanitizerEnv = {
  ASAN_OPTIONS: 'abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
};

// settings: {'section.name': value}; null leaves one out.
export function formatSettings(settings) {
  const sections = new Map();
  for (const [key, value] of Object.entries(settings)) {
    if (value === null || value === undefined) continue;
    const dot = key.indexOf('.');
    const section = key.slice(0, dot);
    if (!sections.has(section)) sections.set(section, []);
    sections.get(section).push(`${key.slice(dot + 1)} = ${value}`);
  }
  return [...sections].map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`).join('');
}

export function writeSettings(file, settings) {
  writeFileSync(file, formatSettings(settings), { mode: 0o600 });
}

// Under these anybody may come, as many and as fast as a load or a test likes.
export const OPEN = {
  'relay.max_anonymous_share': '100',
  'relay.max_anonymous_per_address': '0',
  'relay.max_anonymous_accepts_per_second': '0',
  'relay.max_anonymous_accepts_per_address': '0',
  'relay.max_accepts_per_user': '0',
};

// Where a listener of doorbell.conf is reached: {path} or {host, port}; null for an inherited one.
export function reachOf(listen) {
  if (listen.startsWith('fd:')) return null;
  if (listen.startsWith('unix:')) return { path: listen.slice('unix:'.length) };
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, '');
  return { host: host === '0.0.0.0' ? '127.0.0.1' : host, port: Number(listen.slice(colon + 1)) };
}

// All clients of socket.io, of any age.
export const SOCKETIO = { 'relay.socketio': 'yes', 'relay.socketio_jsonp': 'yes' };

async function startProgram(t, name, { confPath, listens = [], args = [], env = {}, wrap, stdin }) {
  const places = listens.map(reachOf).filter(Boolean);
  const service = new Service({
    name,
    command: path.join(build, name),
    args: confPath ? ['-c', confPath, ...args] : args,
    env: { ...sanitizerEnv, ...env },
    wrap,
    stdin,
    ready: async () => (await Promise.all(places.map(isConnectable))).every(Boolean),
  });
  t?.after(() => service.stop().catch(failRun));
  return service.start();
}

// options: {confPath, listens: ['unix:/…', '127.0.0.1:2120'] (waited for), args, env, wrap, stdin}
export const startApp = (t, options) => startProgram(t, 'doorbell-app', options);
export const startRelay = (t, options) => startProgram(t, 'doorbell-relay', options);
