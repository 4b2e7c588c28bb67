// SPDX-License-Identifier: MIT
// app-hostile.mjs - what a user's check takes while somebody else is hostile or slow, against what it takes when nobody is.

import http from 'node:http';
import net from 'node:net';
import os from 'node:os';

import pg from 'pg';

import { encodeRequest, fastcgi } from '../../harness/fastcgi_client.mjs';
import { signToken } from '../../harness/index.mjs';
import { fillInboxes, startDatabase, startSite, userName, writeCalls } from '../site.mjs';
import { median } from '../table.mjs';
import { runLoad } from '../tools.mjs';

const USERS = 2000;
const HISTORY = 1500; // messages of the hostile user
const SECONDS = 5;
const ROUNDS = 3;
const PEACE = 'nobody';
const PER_SECOND = 100;
const HOSTILE = 'mallory';
const BIG = 60_000; // bytes of a message of the slow readers' list

export const title = `a user's check, ${PER_SECOND} times a second, while another one is hostile`;

const bearer = (key) => ({ authorization: `Bearer ${key}` });

// A call, whatever comes of it.
function call(site, agent, method, target, key, json) {
  return new Promise((resolve) => {
    const [host, port] = site.address.split(':');
    const headers = { ...bearer(key), 'content-type': 'application/json' };
    const request = http.request({ host, port, method, path: `/doorbell${target}`, headers, agent }, (response) => {
      response.resume().on('end', resolve).on('error', resolve);
    });
    request.on('error', resolve);
    request.end(JSON.stringify(json));
  });
}

// `workers` of them, each with one call after the other until it is stopped.
function keepCalling(workers, step) {
  let isOver = false;
  const done = Promise.all(Array.from({ length: workers }, async (_, i) => {
    for (let n = i; !isOver; n++) await step(n);
  }));
  return () => {
    isOver = true;
    return done;
  };
}

function markAllAndBack(site) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const token = signToken(site.keys.auth, HOSTILE);
  const stop = keepCalling(64, (n) => call(site, agent, 'POST', n % 2 ? '/messages/unread' : '/messages/read', token, { all: true }));
  return async () => {
    await stop();
    agent.destroy();
  };
}

async function waitForTheBroadcastLock(site) {
  const holder = new pg.Client({ connectionString: site.conninfo });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query("SELECT doorbell.send(to_all => true, title => 'held')");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const stop = keepCalling(16, () => call(site, agent, 'POST', '/messages', site.keys.send, { to: '*', title: 'x' }));
  return async () => {
    await holder.query('ROLLBACK');
    await holder.end();
    await stop();
    agent.destroy();
  };
}

// Connections to the FastCGI socket, as a web server that passes on what comes as it comes makes them.
function openSockets(site, count, bytes) {
  const sockets = Array.from({ length: count }, () => {
    const socket = net.connect({ path: site.appSocket });
    socket.on('error', () => {});
    socket.pause();
    socket.write(bytes);
    return socket;
  });
  return () => sockets.forEach((socket) => socket.destroy());
}

function slowSenders(site) {
  const params = {
    REQUEST_METHOD: 'POST', REQUEST_URI: '/doorbell/messages', HTTP_AUTHORIZATION: `Bearer ${site.keys.send}`,
    CONTENT_TYPE: 'application/json', CONTENT_LENGTH: '40000',
  };
  return openSockets(site, 16, encodeRequest(params, Buffer.alloc(40_000, ' ')).subarray(0, 33_000));
}

const slowReaders = (site) => openSockets(site, 16, encodeRequest({
  REQUEST_URI: '/doorbell/messages?limit=100', HTTP_AUTHORIZATION: `Bearer ${signToken(site.keys.auth, 'reader')}`,
}));

const halfRequests = (site) => openSockets(site, 16, encodeRequest({ REQUEST_URI: '/doorbell/unread', HTTP_X: 'x'.repeat(20_000) }).subarray(0, 18_000));

const HOSTILITIES = [
  [PEACE, () => () => {}],
  [`one marks ${HISTORY.toLocaleString('en-US')} messages read and unread, at 64 connections`, markAllAndBack],
  ['a transaction holds the broadcast lock, and 16 sends to all wait', waitForTheBroadcastLock],
  ['16 senders stop in the middle of a body', slowSenders],
  ['16 readers do not take a list of 6 MB', slowReaders],
  ['16 send half of their parameters', halfRequests],
];

async function measure(site, file, start) {
  const stop = await start(site);
  const result = await runLoad(site.address, file, { connections: 4, seconds: SECONDS, rate: PER_SECOND });
  await stop();
  return { p50: result.us.p50 / 1000, p99: result.us.p99 / 1000 };
}

async function fill(db) {
  await fillInboxes(db, USERS, 10);
  for (let i = 0; i < HISTORY; i++) await db.query('SELECT doorbell.send(to_users => $1, title => $2)', [[HOSTILE], `message ${i}`]);
  for (let i = 0; i < 100; i++) {
    await db.query('SELECT doorbell.send(to_users => $1, title => $2, body => $3)', [['reader'], 'big', 'x'.repeat(BIG)]);
  }
}

export async function run(scope) {
  const database = await startDatabase(scope);
  await fill(database.db);
  const site = await startSite(scope, database);
  const users = Array.from({ length: USERS }, (_, i) => userName(i));
  const file = writeCalls(site, 'unread', users.map((user) => ({ path: '/doorbell/unread', user })));
  await runLoad(site.address, file, { connections: 4, seconds: 2 }); // not counted: first contacts
  await fastcgi({ path: site.appSocket }, { REQUEST_URI: '/doorbell/health' });

  os.setPriority(19); // a hostile client has a machine of its own, and takes no time of the site's
  const found = new Map(HOSTILITIES.map(([name]) => [name, []]));
  for (let i = 0; i < ROUNDS; i++) {
    for (const [name, start] of HOSTILITIES) found.get(name).push(await measure(site, file, start));
  }
  os.setPriority(0);
  const of = (name, part) => median(found.get(name).map((round) => round[part]));
  const rows = HOSTILITIES.map(([name]) => [name, of(name, 'p50'), of(name, 'p99'), (of(name, 'p99') / of(PEACE, 'p99')).toFixed(2)]);
  return [{
    columns: ['meanwhile', 'p50, ms', 'p99, ms', 'p99, × idle'],
    rows,
    note: `Medians of ${ROUNDS} rounds of ${SECONDS} s, ${USERS.toLocaleString('en-US')} users in turn, defaults; a delay counts from when a check was due. Target: at most 3.`,
  }];
}
