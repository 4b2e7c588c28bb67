// SPDX-License-Identifier: MIT
// peers.mjs - servers that do what the relay does at its simplest, tell one text to every client: how each
// is started, {pid, url, tellAll}, and what a client says when its WebSocket opens and at each message. Both
// answer "in" once the client is a subscriber, and onMessage() "told" for each text.

import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { failRun, freePort, isConnectable, makeFolder, request, Service, signToken, SOCKETIO } from '../harness/index.mjs';
import { findProgram } from '../harness/servers.mjs';
import { ringAll, startRelayAlone } from './relay.mjs';

const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';
// As long as the relay's ring to everybody.
const TEXT = JSON.stringify({ type: 'ring', seq: 123456789012, spread_ms: 2000 });

async function startService(scope, spec) {
  const service = new Service({ okCodes: [0, null], ...spec });
  scope.after(() => service.stop().catch(failRun));
  return service.start();
}

async function post(port, target, body = TEXT) {
  const { status, text } = await request(`http://127.0.0.1:${port}`, 'POST', target, { body });
  if (status >= 300) throw new Error(`${status} ${text}`);
}

const startRelay = (target) => async (scope) => {
  const side = await startRelayAlone(scope, { 'relay.pace': 0, ...SOCKETIO }, { env: {} }); // pages of 4 KB, as the others have
  const token = (n) => signToken(side.secret, `u${n}`);
  return { pid: side.pid, url: `ws://${side.clients}${target}`, tellAll: () => ringAll(side), token };
};

const native = {
  start: startRelay('/ws'),
  protocol: 'doorbell.v1',
  onOpen: (socket, n, { token }) => socket.send(JSON.stringify({ type: 'login', token: token(n) })),
  onMessage: (socket, text) => {
    if (text.includes('"type":"ping"')) socket.send('{"type":"pong"}');
    if (text.includes('"type":"welcome"')) return 'in';
    return text.includes('"type":"ring"') ? 'told' : null;
  },
};

// Engine.IO 4 and Socket.IO 5: "0…" opens, "40" connects, "2" is a ping, "42[…]" an event, "430[…]" its answer.
const socketio = (onConnect, told) => (socket, text, n, server) => {
  if (text.startsWith('0')) socket.send('40');
  if (text === '2') socket.send('3');
  if (text.startsWith('40')) return onConnect(socket, n, server);
  if (text.startsWith('430')) return 'in';
  return text.startsWith(`42["${told}"`) ? 'told' : null;
};

const socketioPages = {
  start: startRelay('/socket.io/?EIO=4&transport=websocket'),
  onMessage: socketio((socket, n, { token }) => socket.send(`420["login","${token(n)}"]`), 'new_msg'),
};

// `more` is what node_peer.mjs takes after the name.
export const startNode = (name, ...more) => async (scope) => {
  const script = fileURLToPath(new URL('node_peer.mjs', import.meta.url));
  const service = await startService(scope, { name, command: process.execPath, args: [script, name, ...more] });
  const [, port] = await service.waitLog(/^listening (\d+)$/m);
  return { pid: service.pid, port, tellAll: (text) => post(port, '/', text) };
};

const ws = {
  start: async (scope) => {
    const server = await startNode('ws')(scope);
    return { ...server, url: `ws://127.0.0.1:${server.port}/` };
  },
  onOpen: () => 'in',
  onMessage: () => 'told',
};

const socketioServer = {
  start: async (scope) => {
    const server = await startNode('socket.io')(scope);
    return { ...server, url: `ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket` };
  },
  onMessage: socketio(() => 'in', 'ring'),
};

const nchan = {
  start: async (scope) => {
    const folder = makeFolder(scope);
    const port = await freePort();
    const conf = path.join(folder, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
    writeFileSync(conf, `load_module ${NCHAN};
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 20000; }
http {
    access_log off;
    ${temporary.join(' ')}
    server {
        listen 127.0.0.1:${port};
        location = /sub { nchan_subscriber websocket; nchan_channel_id all; }
        location = /pub { nchan_publisher; nchan_channel_id all; nchan_store_messages off; }
    }
}
`);
    const service = await startService(scope, {
      name: 'nchan',
      command: findProgram('nginx'),
      args: ['-e', 'stderr', '-p', folder, '-c', conf],
      deathSignal: 'TERM',
      ready: () => isConnectable({ host: '127.0.0.1', port }),
    });
    return { pid: service.pid, url: `ws://127.0.0.1:${port}/sub`, tellAll: () => post(port, '/pub') };
  },
  onOpen: () => 'in',
  onMessage: () => 'told',
};

// The publisher is one client more, by TCP.
async function publishToNats(port) {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`CONNECT {"verbose":false}\r\nPUB all ${TEXT.length}\r\n${TEXT}\r\nPING\r\n`);
  let said = '';
  for await (const chunk of socket) {
    said += chunk;
    if (said.includes('PONG')) break;
  }
}

const nats = {
  start: async (scope) => {
    const folder = makeFolder(scope);
    const [port, clients] = [await freePort(), await freePort()];
    const conf = path.join(folder, 'nats.conf');
    writeFileSync(conf, `listen: 127.0.0.1:${port}\nwebsocket { listen: "127.0.0.1:${clients}", no_tls: true }\n`);
    const service = await startService(scope, {
      name: 'nats-server',
      command: findProgram('nats-server'),
      args: ['-c', conf],
      okCodes: [1], // as it ends by SIGTERM
      ready: () => isConnectable({ host: '127.0.0.1', port: clients }),
    });
    return { pid: service.pid, url: `ws://127.0.0.1:${clients}/`, tellAll: () => publishToNats(port) };
  },
  onMessage: (socket, text) => {
    if (text.startsWith('INFO')) socket.send('CONNECT {"verbose":false}\r\nSUB all 1\r\nPING\r\n');
    if (text.startsWith('PING')) socket.send('PONG\r\n');
    if (text.startsWith('PONG')) return 'in';
    return text.startsWith('MSG') ? 'told' : null;
  },
};

export const peers = {
  'doorbell-relay': native,
  'doorbell-relay, pages of socket.io': socketioPages,
  ws,
  'socket.io': socketioServer,
  nchan,
  'nats-server': nats,
};
