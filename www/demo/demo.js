// SPDX-License-Identifier: MIT
// demo.js - a shop for two users: served at /demo/alice/ and at /demo/bob/, where all addresses
// are relative, so that each finds its own cookie, API and relay.

import { addWords, Doorbell, useDoorbell } from '../../doorbell.mjs';

const LINES_MAX = 50;
const part = (id) => document.getElementById(id);
const states = {
  connecting: 'connecting',
  live: 'live',
  polling: 'relay unreachable; checking from time to time',
  'logged-out': 'not logged in; reload the page',
  kicked: 'disconnected by the site; reload the page',
};
const folder = new URL('.', location.href);
const folderUser = folder.pathname.split('/').at(-2);
const otherUser = folderUser === 'alice' ? 'bob' : 'alice';

// A test may ask for a faster page.
const asked = new URLSearchParams(location.search);
const intervals = Object.fromEntries(
  ['pollInterval', 'pingInterval'].filter((name) => asked.has(name)).map((name) => [name, Number(asked.get(name))]),
);

const doorbell = new Doorbell({
  api: 'doorbell',
  relay: 'ws',
  events: 'events',
  sound: new URL('bell.wav', folder).href,
  ...intervals,
});

function showUser(user) {
  const quoted = /^[\w.@-]+$/.test(user) ? user : `'${user.replaceAll("'", "'\\''")}'`;
  part('user').textContent = user;
  part('command').textContent =
    `curl --config var/send.curl -d to=${quoted} -d title=Hello -d body='Tea is ready' ` +
    `${location.origin}/doorbell/messages`;
}

function showState({ state, transport }) {
  part('state').dataset.state = state;
  part('state').dataset.transport = transport;
  part('state').textContent = transport === 'events' ? 'live, by events' : (states[state] ?? state);
}

// The notice lies over the page and moves nothing, so the click that it asks for hits what it was meant for.
function wireSound() {
  doorbell.addEventListener('sound', ({ detail }) => {
    part('blocked').hidden = detail.result !== 'blocked';
  });
  document.addEventListener('click', () => {
    part('blocked').hidden = true;
  });
}

function wireLog() {
  for (const type of ['welcome', 'state', 'change', 'message', 'sound'])
    doorbell.addEventListener(type, ({ detail }) => {
      const line = document.createElement('li');
      line.textContent = `${new Date().toLocaleTimeString()} ${type} ${JSON.stringify(detail)}`;
      part('log').prepend(line);
      while (part('log').children.length > LINES_MAX) part('log').lastChild.remove();
    });
}

function wireCopy() {
  const button = part('copy');
  button.hidden = !navigator.clipboard;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(part('command').textContent);
    button.textContent = 'Copied';
  });
}

showUser(folderUser);
part('other').textContent = otherUser;
part('other').href = `../${otherUser}/`;
wireSound();
wireLog();
wireCopy();
doorbell.addEventListener('welcome', ({ detail }) => showUser(detail.user));
doorbell.addEventListener('state', ({ detail }) => showState(detail));
addWords('en', { categories: { news: 'News', orders: 'Orders' } });
useDoorbell(doorbell);
doorbell.start();
