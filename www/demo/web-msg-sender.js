// SPDX-License-Identifier: MIT
// web-msg-sender.js - what the page of web-msg-sender does, by socket.io-client alone: log in with a user id, show what comes.
// The texts are HTML, escaped; here they are shown as text, since the page's policy lets no script write HTML.

const LINES_MAX = 50;
const entities = { amp: '&', lt: '<', gt: '>', quot: '"', '#039': "'" };
const part = (id) => document.getElementById(id);
const plain = (html) => html.replace(/<\/?b>/g, '').replace(/&(amp|lt|gt|quot|#039);/g, (all, name) => entities[name]);
const uid = new URL('.', location.href).pathname.split('/').at(-2);

function showState(state, text) {
  part('state').dataset.state = state;
  part('state').textContent = text;
}

function showMessage(html) {
  const line = document.createElement('li');
  line.textContent = plain(html);
  part('messages').prepend(line);
  while (part('messages').children.length > LINES_MAX) part('messages').lastChild.remove();
}

function connect() {
  const socket = window.io(location.origin);
  socket.on('connect', () => socket.emit('login', uid));
  socket.on('new_msg', showMessage);
  socket.on('update_online_count', (html) => {
    showState('live', 'online');
    part('online').textContent = plain(html);
  });
  socket.on('disconnect', () => showState('polling', 'disconnected'));
  socket.on('connect_error', () => showState('polling', 'relay unreachable, or without socketio = yes'));
}

part('user').textContent = uid;
part('command').textContent = `curl -d type=publish -d to=${uid} -d content='Tea is ready' http://127.0.0.1:2121/`;
if (window.io) connect();
else showState('polling', 'no socket.io-client; run npm ci in tests/, then make run');
