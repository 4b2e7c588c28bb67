// SPDX-License-Identifier: MIT
// node_peer.mjs - the smallest fan-out server that ws, or socket.io, makes: every body that is posted to it
// goes to every client.
//
//     node node_peer.mjs ws|socket.io
//     node node_peer.mjs socket.io-redis URL    one of several, by the Redis adapter
//
// Prints "listening PORT"; runs until it is ended.

import http from 'node:http';

async function startSocketio(server, options = {}) {
  const { Server } = await import('socket.io');
  const io = new Server(server, { transports: ['websocket'], serveClient: false, ...options });
  return (text) => io.emit('ring', JSON.parse(text));
}

const clients = {
  ws: async (server) => {
    const { WebSocketServer } = await import('ws');
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    return (text) => sockets.clients.forEach((socket) => socket.send(text));
  },
  'socket.io': (server) => startSocketio(server),
  'socket.io-redis': async (server, url) => {
    const { createAdapter } = await import('@socket.io/redis-adapter');
    const { createClient } = await import('@redis/client');
    const [publisher, subscriber] = [createClient({ url }), createClient({ url })];
    await Promise.all([publisher.connect(), subscriber.connect()]);
    return startSocketio(server, { adapter: createAdapter(publisher, subscriber) });
  },
};

const server = http.createServer(async (req, res) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  tellAll(text);
  res.end();
});
const [, , kind, ...more] = process.argv;
const tellAll = await clients[kind](server, ...more);
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));
