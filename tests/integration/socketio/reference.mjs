// SPDX-License-Identifier: MIT
// reference.mjs - socket.io's own server, which speaks both revisions, and does what the relay does
// with an event `login` that brings no good token.

import http from 'node:http';

import { Server } from 'socket.io';

import { request } from '../../harness/index.mjs';

const REFUSED_LOGINS_MAX = 4;

// What the relay says to a login: a token is a text or a number, and none is good here.
function answerLogins(socket) {
  let refused = 0;
  socket.on('login', (...args) => {
    const isProof = (typeof args[0] === 'string' && args[0] !== '') || typeof args[0] === 'number';
    const answer = args.at(-1);
    if (typeof answer === 'function') answer({ ok: false, error: isProof ? 'not authorized' : 'login takes a token' });
    if (isProof && ++refused === REFUSED_LOGINS_MAX) socket.conn.close();
  });
}

// options: of engine.io. Answers {port, tell(text), turn()}.
export async function startReference(t, options) {
  const server = http.createServer((req, res) => res.end());
  server.keepAliveTimeout = 0; // a line may rest as long as it likes
  const io = new Server(server, { allowEIO3: true, httpCompression: false, serveClient: false, ...options });
  io.use((socket, next) => next(socket.handshake.auth.token === undefined ? undefined : new Error('not authorized')));
  io.on('connection', answerLogins);
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    io.close();
    server.closeAllConnections();
  });
  const { port } = server.address();
  return {
    port,
    settings: {},
    tell: (text) => io.emit('new_msg', text),
    turn: () => request(`http://127.0.0.1:${port}`, 'GET', '/turn'),
  };
}
