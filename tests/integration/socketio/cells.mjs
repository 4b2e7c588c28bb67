// SPDX-License-Identifier: MIT
// socketio_cells.mjs - the matrix of socket.io clients: every release by every transport and way is a
// cell, every scenario is played in all cells at once, and what came of it is a table at the end.

import assert from 'node:assert/strict';
import http from 'node:http';

import { OPEN, SOCKETIO, startStack } from '../../harness/index.mjs';
import { releases, transports } from '../../harness/socketio.mjs';

const TEXT = '你好 😀 <b>&"\'';
const ESCAPED = '你好 😀 &lt;b&gt;&amp;&quot;&#039;';
const IN_A_ROW = 100;
const COUNT = /^当前<b>\d+<\/b>人在线，共打开<b>\d+<\/b>个页面$/;

// Pings so quick that a test sees several; a busy machine may yet answer late.
// Dozens of pages of one browser on a busy machine are silent for seconds, and alive.
const QUICK = { 'relay.socketio_ping_interval': '1s', 'relay.socketio_ping_timeout': '15s' };
const QUICK_BEATS = 17; // longer than interval and timeout together

// Hundreds of pages in one browser may be slow to answer.
const PATIENT = { 'relay.socketio_ping_interval': '10s', 'relay.socketio_ping_timeout': '48s' };

const LEGACY = { 'relay.legacy_anonymous': 'yes', 'relay.legacy_login': 'yes', 'relay.legacy_publish': 'yes', 'relay.legacy_online_count': 'yes' };

// An opened client, once it is connected as its transport says.
async function untilConnected(client, transport, from = 0) {
  await client.waitFor('connect', { from });
  if (transport === 'upgrade') await client.waitFor('upgrade', { from });
  assert.equal(await client.transport(), transport === 'polling' ? 'polling' : 'websocket');
}

async function login(client, argument) {
  assert.deepEqual(await client.login(argument), { ok: true });
}

class Cell {
  constructor(stack, place, release, transport, way) {
    Object.assign(this, { stack, place, release, transport, way });
    this.name = `${release} ${transport} ${way}`;
    this.clients = [];
    this.hasFailed = false;
  }

  async open() {
    const { release, transport } = this;
    const url = this.way === 'nginx' ? this.stack.url : this.stack.relayUrl.replace('ws:', 'http:');
    const client = await (await this.place)({ release, transport, url, name: this.name });
    this.clients.push(client);
    return client;
  }

  async connect() {
    const client = await this.open();
    await untilConnected(client, this.transport);
    return client;
  }

  close() {
    return Promise.all(this.clients.map((client) => client.close()));
  }
}

// By PHP's body, and by kept connections, as hundreds are sent.
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function publish(stack, fields) {
  const body = new URLSearchParams({ type: 'publish', ...fields }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const req = http.request(stack.publishUrl, { method: 'POST', agent, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (piece) => (text += piece)).on('end', () => resolve(text));
    });
    req.on('error', reject).end(body);
  });
}

const arrives = (client, text, options) => client.waitFor('new_msg', { likes: (one) => one === text, ...options });

async function playRow(cell) {
  const [first, second] = cell.clients;
  const from = [first.events.length, second.events.length];
  const row = Array.from({ length: IN_A_ROW }, (_, i) => `${cell.name} ${i}`);
  for (const content of row) assert.equal(await publish(cell.stack, { to: cell.name, content }), 'ok');
  for (const [i, client] of [first, second].entries()) {
    await arrives(client, row.at(-1), { from: from[i] });
    assert.deepEqual(client.all('new_msg', from[i]), row);
  }
}

// After the relay went and came back: the page logs in again, as it does on every connect.
async function playReturn(cell) {
  const [client] = cell.clients;
  await client.waitFor('disconnect', { from: cell.mark });
  await untilConnected(client, cell.transport, cell.mark);
  await login(client, cell.name);
  const from = client.events.length;
  assert.equal(await publish(cell.stack, { to: cell.name, content: TEXT }), 'ok');
  await arrives(client, ESCAPED, { from });
}

// From here on counts what a cell's page is told.
function mark(cells) {
  for (const cell of cells) cell.mark = cell.clients[0].events.length;
}

async function playIdle(cell, beats) {
  const [client] = cell.clients;
  await client.until(`${beats} heartbeats`, () => client.all('heartbeat').length >= beats, 120_000);
  assert.equal(client.all('disconnect').length, 0, 'it was dropped while idle');
  assert.equal(await publish(cell.stack, { to: cell.name, content: TEXT }), 'ok');
  await arrives(client, ESCAPED);
}

// The scenarios of one stack. `play` is one cell's part; what answers is shown as the result. `before`
// is done once, for all cells.
const open = {
  config: { ...LEGACY, ...PATIENT },
  scenarios: {
    connect: {
      play: async (cell) => {
        await Promise.all([cell.connect(), cell.connect(), cell.connect()]);
      },
    },
    'login by id': {
      play: (cell) => login(cell.clients[0], cell.name),
    },
    'to one': {
      play: async ({ stack, name, clients: [first, second, guest] }) => {
        assert.equal(await publish(stack, { to: `${name}, who is not here`, content: TEXT }), 'offline');
        assert.equal(await publish(stack, { to: name, content: TEXT }), 'ok');
        await arrives(first, ESCAPED);
        for (const other of [second, guest]) assert.deepEqual(other.all('new_msg'), []);
      },
    },
    'to two tabs': {
      play: async ({ stack, name, clients: [first, second, guest] }) => {
        await login(second, name);
        const from = first.events.length;
        assert.equal(await publish(stack, { to: name, content: TEXT }), 'ok');
        await Promise.all([arrives(first, ESCAPED, { from }), arrives(second, ESCAPED)]);
        assert.deepEqual(guest.all('new_msg'), []);
      },
    },
    'to all': {
      before: async (cells, stack) => {
        assert.equal(await publish(stack, { to: '', content: `all: ${TEXT}` }), 'ok');
      },
      play: async ({ clients }) => {
        await Promise.all(clients.map((client) => arrives(client, `all: ${ESCAPED}`)));
      },
    },
    'online count': {
      play: async ({ clients: [first, second] }) => {
        const texts = await Promise.all([first.waitFor('update_online_count'), second.waitFor('update_online_count')]);
        for (const text of texts) assert.match(text, COUNT);
      },
    },
    '100 in order': { play: playRow },
    kick: {
      play: async ({ stack, name, clients: [first, second, guest] }) => {
        assert.equal((await stack.publish('POST', '/kick', { json: { user: name } })).status, 200);
        const [reason] = await Promise.all([first.waitFor('disconnect'), second.waitFor('disconnect')]);
        assert.deepEqual(guest.all('disconnect'), []);
        return reason;
      },
    },
  },
};

const strict = {
  config: PATIENT,
  scenarios: {
    'login by token': {
      play: async (cell) => {
        const client = await cell.connect();
        await login(client, cell.stack.token(cell.name));
        const content = TEXT;
        assert.equal(await publish(cell.stack, { to: cell.name, content, key: cell.stack.publishKey }), 'ok');
        await arrives(client, ESCAPED);
      },
    },
    'login refused': {
      play: async (cell) => {
        const client = await cell.connect();
        const { ok, error } = await client.login(cell.name);
        assert.equal(ok, false);
        assert.equal(typeof error, 'string');
      },
    },
  },
};

const lasting = {
  config: { ...LEGACY, ...QUICK },
  scenarios: {
    idle: {
      play: async (cell) => {
        await login(await cell.connect(), cell.name);
        await playIdle(cell, QUICK_BEATS);
      },
    },
    'relay restarted': {
      before: async (cells, { relay }) => {
        mark(cells);
        await relay.kill('SIGTERM');
        await relay.start();
      },
      play: playReturn,
    },
    'relay killed': {
      before: async (cells, { relay }) => {
        mark(cells);
        await relay.restart();
      },
      play: playReturn,
    },
  },
};

// A minute in silence with the settings of a site: only when asked for, as it takes that long.
const minute = {
  config: { ...LEGACY },
  scenarios: {
    '60 s idle': {
      play: async (cell) => {
        await login(await cell.connect(), cell.name);
        await new Promise((resolve) => setTimeout(resolve, 60_000));
        await playIdle(cell, 2);
      },
    },
  },
};

const groups = process.env.DOORBELL_IDLE_MINUTE ? [open, strict, lasting, minute] : [open, strict, lasting];

const tell = (error) => error.message.split('\n')[0].replaceAll('|', '/').slice(0, 120);

// One scenario in all cells, but for those that failed one before.
async function play(cells, name, { before, play: part }, results) {
  await before?.(cells, cells[0].stack);
  const faults = [];
  const all = cells.map(async (cell) => {
    const row = (results[cell.name] ??= {});
    if (cell.hasFailed) return;
    try {
      row[name] = (await part(cell)) ?? 'ok';
    } catch (error) {
      cell.hasFailed = true;
      row[name] = tell(error);
      faults.push(new Error(`${cell.name}: ${error.message}`, { cause: error }));
    }
  });
  await Promise.all(all);
  return faults;
}

function markdown(title, results) {
  const columns = groups.flatMap((group) => Object.keys(group.scenarios));
  const line = (words) => `| ${words.join(' | ')} |`;
  const rows = Object.entries(results).map(([name, row]) => line([name, ...columns.map((column) => row[column] ?? '-')]));
  return [title, '', line(['client', ...columns]), line(['---', ...columns.map(() => '---')]), ...rows];
}

// DOORBELL_CELLS='1.3.7|nginx' plays only those whose names match.
const selected = (name) => !process.env.DOORBELL_CELLS || new RegExp(process.env.DOORBELL_CELLS).test(name);

async function makeCells(stack, makePlace) {
  const cells = [];
  for (const release of releases) {
    const place = makePlace(stack, release);
    for (const transport of Object.keys(transports))
      for (const way of ['direct', 'nginx'])
        if (selected(`${release} ${transport} ${way}`)) cells.push(new Cell(stack, place, release, transport, way));
  }
  return cells;
}

// makePlace(stack, release): promises what opens clients, as openInNode does.
export async function playMatrix(t, title, makePlace) {
  const results = {};
  for (const group of groups) {
    const config = { ...OPEN, ...SOCKETIO, 'relay.max_keyless_per_second': '0', 'relay.max_sessions': '0', 'relay.max_accepts_per_second': '0', 'relay.pace': '0', ...group.config };
    const stack = await startStack(t, { app: false, config });
    const cells = await makeCells(stack, makePlace);
    for (const [name, scenario] of Object.entries(group.scenarios)) {
      await t.test(name, async () => {
        const faults = await play(cells, name, scenario, results);
        if (faults.length > 0) throw new AggregateError(faults, faults.map(({ message }) => message).join('\n'));
      });
    }
    await Promise.all(cells.map((cell) => cell.close()));
  }
  for (const line of markdown(title, results)) t.diagnostic(line);
}
