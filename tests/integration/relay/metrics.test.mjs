// SPDX-License-Identifier: MIT
// GET /metrics of the relay: each number moves with what happens, by as much, and no other does.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { OPEN, top, until, writeSettings } from '../../harness/index.mjs';
import { samplesOf, sumOf } from '../../harness/metrics_text.mjs';
import { frame, Raw, startScene, upgradeHead } from './scene.mjs';

const PREFIX = 'doorbell_relay_';

// Every counter, as {'rings_total{"kind":"all"}': 3}; of histograms their count.
function counters(families) {
  const values = {};
  for (const { name, type } of families.values()) {
    if (type === 'gauge') continue;
    for (const { name: sample, labels, value } of samplesOf(families, name)) {
      const isCount = type === 'counter' || sample.endsWith('_count');
      const text = Object.keys(labels).length > 0 ? JSON.stringify(labels) : '';
      if (isCount) values[sample.slice(PREFIX.length) + text] = value;
    }
  }
  return values;
}

// What `work` moved, without what the calls of this test and the clock move.
async function movedBy(scene, work) {
  const before = counters(await scene.metrics());
  await work();
  const after = counters(await scene.metrics());
  const moved = {};
  for (const [name, value] of Object.entries(after)) {
    assert.ok(value >= (before[name] ?? 0), `${name} goes back`);
    if (value !== (before[name] ?? 0)) moved[name] = value - (before[name] ?? 0);
  }
  for (const name of ['accepts_total', 'publish_calls_total', 'frame_bytes_total', 'loop_lag_seconds_count']) delete moved[name];
  return moved;
}

const delays = (kind) => `publish_to_write_seconds_count{"kind":"${kind}"}`;
const rings = (kind) => `rings_total{"kind":"${kind}"}`;
const refused = (status, reason) => `refused_upgrades_total{"status":"${status}","reason":"${reason}"}`;
const closed = (code, reason) => `closed_total{"code":"${code}","reason":"${reason}"}`;

test('sessions, rings and frames are counted as they come', async (t) => {
  const scene = await startScene(t, { 'relay.pace': '0' });
  const bells = [];
  assert.deepEqual(await movedBy(scene, async () => {
    for (const user of ['1', '2', '3']) bells.push(await scene.connect(user));
  }), { opened_total: 3, logins_total: 3, frames_total: 3 });
  for (const [name, value] of [['users', 3], ['pages', 3], ['paced', 0], ['deferred', 0], ['slow_sessions', 0], ['kicks', 0]]) {
    assert.equal(await scene.metric(name), value, name);
  }
  assert.equal(await scene.metric('sessions', { protocol: 'native' }), 3);
  assert.equal(await scene.metric('sessions'), 3);

  const rung = (one, expected) => movedBy(scene, async () => {
    assert.equal((await scene.ring(one)).status, 200);
    for (const i of expected) await bells[i].next('ring');
    for (const bell of bells) bell.frames.length = 0;
  });
  assert.deepEqual(await rung({ to: ['1'], version: 1, seq: 1, num: 1 }, [0]), { frames_total: 1, [rings('personal')]: 1, [delays('personal')]: 1 });
  assert.deepEqual(await rung({ to: ['9'], version: 1, seq: 1, num: 1 }, []), { [rings('personal')]: 1 });
  assert.deepEqual(await rung({ to: ['1', '2'], seq: 2 }, [0, 1]), { frames_total: 2, [rings('many')]: 1, [delays('many')]: 2 });
  assert.deepEqual(await rung({ all: true, seq: 3 }, [0, 1, 2]), { frames_total: 3, [rings('all')]: 1, [delays('all')]: 3 });

  assert.deepEqual(await movedBy(scene, async () => {
    bells[0].socket.close();
    await until('one to be gone', async () => (await scene.metric('sessions')) === 2);
  }), { [closed('peer', 'peer went away')]: 1 });
  assert.deepEqual(await movedBy(scene, async () => {
    await scene.call('POST', '/kick', { json: { user: '2' } });
    await bells[1].untilClosed();
    await until('its end to be counted', async () => (await scene.metric('closed_total', { code: '4403' })) === 1);
  }), { [closed(4403, 'kicked')]: 1 });
  assert.equal(await scene.metric('kicks'), 1);
  assert.equal(await scene.metric('users'), 1);
});

test('refusals and closes tell their reasons', async (t) => {
  const scene = await startScene(t, { 'relay.max_sessions_per_user': '1', 'relay.max_frame': '1024' });
  assert.deepEqual(await movedBy(scene, async () => {
    await scene.call('POST', '/publish', { headers: { authorization: 'Bearer nothing' }, json: {} });
    await scene.call('POST', '/publish', { json: { rings: 7 } });
    const raw = new Raw(t, scene.port);
    await raw.write('GET /ws HTTP/1.1\r\nHost: relay\r\n\r\n');
    await raw.untilEnd();
  }), { refused_publish_calls_total: 2, [refused(426, 'this is a WebSocket endpoint')]: 1 });

  const open = async (send) => {
    const bell = scene.bell();
    bell.socket.on('open', () => bell.socket.send(send));
    await bell.untilClosed();
  };
  const moved = await movedBy(scene, async () => {
    await open('{');
    await open('{"type":"pong"}');
    await open('{"type":"login","token":"x"}');
    await open('x'.repeat(1025));
    await scene.connect('1');
    await scene.connect('1');
    await until('all ends to be counted', async () => (await scene.metric('closed_total')) === 5);
  });
  assert.deepEqual(moved, {
    opened_total: 6,
    logins_total: 2,
    frames_total: 2,
    [closed(1008, 'malformed frame')]: 1,
    [closed(1008, 'login comes first')]: 1,
    [closed(4401, 'token not valid')]: 1,
    [closed(1009, 'frame too big')]: 1,
    [closed(4429, 'too many sessions of the user')]: 1,
  });
});

test('a broadcast under way shows, and its pace in the times', async (t) => {
  const scene = await startScene(t, { 'relay.pace': '4', 'relay.max_sessions_per_user': '0' });
  const bells = await Promise.all(Array.from({ length: 12 }, () => scene.connect('1')));
  await scene.ring({ all: true, seq: 1 });
  assert.ok((await scene.metric('paced')) > 0);
  await Promise.all(bells.map((bell) => bell.next('ring')));
  const families = await scene.metrics();
  assert.equal(sumOf(families, `${PREFIX}paced`), 0);
  const samples = samplesOf(families, `${PREFIX}publish_to_write_seconds`).filter(({ labels }) => labels.kind === 'all');
  const value = (suffix, le) => samples.find(({ name, labels }) => name.endsWith(suffix) && labels.le === le).value;
  assert.equal(value('_count'), 12);
  assert.ok(value('_bucket', '0.1') < 12, 'the last ones came later than 100 ms');
  assert.ok(value('_sum') > 5, 'twelve at 4 a second: about 0.25 + 0.5 + … s in all');
});

test('what one turn defers is timed as well, each ring once', async (t) => {
  const scene = await startScene(t, { ...OPEN, 'relay.max_sessions_per_user': '0' });
  const bells = await Promise.all(Array.from({ length: 300 }, (_, i) => scene.connect(`u${i}`)));
  const to = bells.map((_, i) => `u${i}`);
  assert.deepEqual(await movedBy(scene, async () => {
    await scene.ring({ to, seq: 1 });
    await Promise.all(bells.map((bell) => bell.next('ring')));
  }), { frames_total: 300, [rings('many')]: 1, [delays('many')]: 300 });
  assert.equal(await scene.metric('deferred'), 0);
});

test('a session that does not read is slow until it reads', async (t) => {
  const scene = await startScene(t);
  const slow = new Raw(t, scene.port);
  await slow.write(upgradeHead());
  await slow.untilText(/\r\n\r\n/);
  await slow.write(frame(1, JSON.stringify({ type: 'login', token: scene.token('42') })));
  await slow.untilText(/"welcome"/);
  slow.socket.pause();
  const ring = (n) => ({ to: ['42'], version: n, seq: 1, num: 1, id: n });
  let version = 0;
  // Full buffers may find room once more: it is slow for good when a thousand rings write nothing.
  const untilSlow = () => until('it to be slow', async () => {
    const written = await scene.metric('frames_total');
    await scene.ring(...Array.from({ length: 1000 }, () => ring(++version)));
    return (await scene.metric('slow_sessions')) === 1 && (await scene.metric('frames_total')) === written;
  }, { timeoutMs: 60_000 });
  await untilSlow();
  assert.ok((await scene.metric('merged_total')) > 0);
  const timed = async () =>
    samplesOf(await scene.metrics(), `${PREFIX}publish_to_write_seconds`).find(({ name, labels }) => name.endsWith('_count') && labels.kind === 'personal').value;
  const [frames, before] = [await scene.metric('frames_total'), await timed()];
  slow.socket.resume();
  await slow.untilText(new RegExp(`"version":${version},`));
  assert.equal(await scene.metric('slow_sessions'), 0);
  // What waited for its reader was written, and says nothing of the relay's own time.
  assert.ok((await scene.metric('frames_total')) > frames);
  assert.equal(await timed(), before);

  slow.socket.pause();
  await untilSlow();
  slow.socket.destroy();
  await until('it to be gone', async () => (await scene.metric('sessions')) === 0);
  assert.equal(await scene.metric('slow_sessions'), 0);
});

test('the loop is timed, the memory is told', async (t) => {
  const scene = await startScene(t);
  const lag = async () => samplesOf(await scene.metrics(), `${PREFIX}loop_lag_seconds`);
  const count = (samples) => samples.find(({ name }) => name.endsWith('_count')).value;
  const sum = (samples) => samples.find(({ name }) => name.endsWith('_sum')).value;
  await until('some ticks', async () => count(await lag()) >= 3);
  const before = await lag();
  // Stopped by force, it misses its ticks, and says so.
  scene.relay.signal('SIGSTOP');
  await until('it to stand still', () => /^State:\s+T/m.test(readFileSync(`/proc/${scene.relay.pid}/status`, 'utf8')));
  const since = Date.now();
  await until('half a second to be lost', () => Date.now() - since > 500);
  scene.relay.signal('SIGCONT');
  await until('the next ticks', async () => count(await lag()) > count(before) + 1);
  assert.ok(sum(await lag()) - sum(before) > 0.3);
  const resident = sumOf(await scene.metrics(), 'process_resident_memory_bytes');
  const kib = Number(readFileSync(`/proc/${scene.relay.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  assert.ok(resident > 0 && Math.abs(resident - kib * 1024) < 4 * 2 ** 20, `${resident}, ${kib} KiB`);
});

test('the man page has each metric, and none that is not there', async (t) => {
  const scene = await startScene(t);
  const bell = await scene.connect('1');
  bell.close();
  const page = readFileSync(path.join(top, 'relay/doorbell-relay.8'), 'utf8');
  const [, list] = page.match(/^\.Ss Metrics\n(.*?)^\.El/ms);
  const documented = [...list.matchAll(/^\.It Li (.*)$/gm)].flatMap(([, names]) => names.split(' , ')).map((name) => name.replace(/\{.*/, ''));
  const there = [...(await scene.metrics()).keys()].map((name) => name.replace(PREFIX, ''));
  assert.deepEqual(documented.sort(), there.sort());
});

test('a log that nobody reads holds up nothing, and what was lost is counted and told', async (t) => {
  const scene = await startScene(t, {}, { start: false });
  const fifo = path.join(scene.dir, 'log');
  execFileSync('mkfifo', [fifo]);
  // Full before the relay writes its first line; it opens the pipe itself, so that its writes would wait.
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(reader));
  for (let isFull = false; !isFull; ) {
    try {
      writeSync(reader, 'x'.repeat(4096));
    } catch (error) {
      assert.equal(error.code, 'EAGAIN');
      isFull = true;
    }
  }
  await scene.start({ wrap: ['sh', '-c', 'exec "$@" 2>"$0"', fifo] });
  const bell = await scene.connect('42');
  writeSettings(scene.confPath, { ...scene.settings, 'relay.pace': 'fast' });
  scene.relay.signal('SIGHUP');
  const lost = async () => sumOf(await scene.metrics(), 'doorbell_log_lost_total');
  await until('lines to be lost', async () => (await lost()) >= 3);
  await scene.ring({ to: ['42'] });
  await bell.next('ring');
  const bytes = Buffer.alloc(1 << 20);
  const read = () => {
    try {
      return bytes.toString('latin1', 0, readSync(reader, bytes));
    } catch {
      return '';
    }
  };
  while (read().length > 0);
  scene.relay.signal('SIGHUP');
  let text = '';
  await until('them to be told', () => /lines of the log were lost/.test((text += read())));
});
