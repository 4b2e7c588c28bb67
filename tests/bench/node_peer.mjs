// SPDX-License-Identifier: MIT
// node_peer.mjs - the smallest fan-out server that ws, or socket.io, makes: every body that is posted to it
// goes to every client.
//
//     node node_peer.mjs ws|socket.io
//
// Prints "listening PORT"; runs until it is ended.

import http from 'node:http';

const clients = {
  ws: async (server) => {
    const { WebSocketServer } = await import('ws');
    const sockets = new WebSocketServer({ server, perMessageDeflate: false });
    return (text) => sockets.clients.forEach((socket) => socket.send(text));
  },
  'socket.io': async (server) => {
    const { Server } = await import('socket.io');
    const io = new Server(server, { transports: ['websocket'], serveClient: false });
    return (text) => io.emit('ring', text);
  },
};

const server = http.createServer(async (req, res) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  tellAll(text);
  res.end();
});
const tellAll = await clients[process.argv[2]](server);
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));
