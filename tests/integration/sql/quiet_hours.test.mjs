// SPDX-License-Identifier: MIT
// Quiet hours: which are taken, when they are, and what a check and a ring say in them and after.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCluster, openDatabase, row, rows, send, call, check } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const NIGHT = { from: '22:00', to: '07:00', timezone: 'Asia/Shanghai' };

const open = async (t) => (await openDatabase(t, cluster)).connect();
const prefer = (db, hours, user = 'u') => call(db, 'set_preferences', user, null, null, JSON.stringify(hours));
const preferences = async (db) => (await call(db, 'preferences', 'u')).preferences;

// So many minutes from now, by the database's clock.
async function around(db, from, to) {
  const at = (n) => `to_char(now() AT TIME ZONE 'UTC' + make_interval(mins => ${n}), 'HH24:MI')`;
  const hours = await row(db, `SELECT ${at(from)} AS from, ${at(to)} AS to`);
  return { ...hours, timezone: 'UTC' };
}

test('they are kept until they are changed or taken back', async (t) => {
  const db = await open(t);
  assert.equal((await preferences(db)).quiet_hours, null, 'of a user whom nobody knows');
  const before = await check(db, 'u');
  assert.equal(before.quiet, null);
  const changed = await prefer(db, NIGHT);
  assert.equal(changed.changed, 1);
  assert.ok(changed.version > before.version);
  assert.deepEqual(await preferences(db), { muted: [], lang: null, quiet_hours: NIGHT });
  assert.ok((await check(db, 'u')).scope > before.scope, 'pages may not compute from what they were told before');
  assert.equal((await prefer(db, NIGHT)).changed, 0);

  await call(db, 'set_preferences', 'u', [], 'zh');
  assert.deepEqual((await preferences(db)).quiet_hours, NIGHT, 'what is null stays as it is');
  assert.deepEqual((await call(db, 'export', 'u')).export.quiet_hours, NIGHT);
  assert.equal((await prefer(db, null)).changed, 1);
  assert.deepEqual(await preferences(db), { muted: [], lang: 'zh', quiet_hours: null });
  assert.equal((await check(db, 'u')).quiet, null);

  await prefer(db, NIGHT);
  await call(db, 'erase', 'u');
  assert.equal((await preferences(db)).quiet_hours, null);
});

const refused = [
  // what, and what the refusal names
  [[], /must be null or an object/], ['22:00', /must be null or an object/], [22, /must be null or an object/], [true, /must be null or an object/],
  [{}, /must be null or an object/], [{ from: '22:00', to: '07:00' }, /must be null or an object/], [{ ...NIGHT, days: [1] }, /must be null or an object/],
  ...['7:00', '24:00', '22:60', '22:00:00', ' 22:00', '22:00\n', '', '２２:00', 22, null, ['22:00'], { h: 22 }].flatMap((time) => [
    [{ ...NIGHT, from: time }, /from and to must be times/], [{ ...NIGHT, to: time }, /from and to must be times/]]),
  [{ ...NIGHT, to: '22:00' }, /must differ/],
  ...['', 'Shanghai', 'Asia', 'Asia/Nowhere', 'Asia/Nowhere5', 'Foo/Bar-3', 'CST', 'EST', 'CST-8', '<+08>-8', 'UTC+3', 'Etc/GMT+13', 'Etc/GMT5', 'Etc/GMT+99',
    '+08:00', '../UTC', '/usr/share/zoneinfo/UTC', 'posix/Asia/Shanghai', 'Asia/Shanghai ', 'Asia/Shanghai\n', 'localtime', 8, null, ['UTC'], 'x'.repeat(300)].map(
    (timezone) => [{ ...NIGHT, timezone }, /timezone must be the name/]),
];

test('what is no quiet hours is refused, and changes nothing', async (t) => {
  const db = await open(t);
  await prefer(db, NIGHT);
  const before = await check(db, 'u');
  for (const [hours, message] of refused) await assert.rejects(prefer(db, hours), { code: 'DB422', message }, JSON.stringify(hours));
  assert.deepEqual(await preferences(db), { muted: [], lang: null, quiet_hours: NIGHT });
  assert.equal((await check(db, 'u')).version, before.version);
});

test('each time zone that is named after its place is taken', async (t) => {
  const db = await open(t);
  const names = await rows(db, "SELECT name FROM pg_timezone_names WHERE name ~ '^[A-Z][^/]+/' AND name !~ '^(SystemV|US/Pacific-New)'");
  const wrong = await rows(db, 'SELECT n FROM unnest($1::text[]) n WHERE NOT doorbell_internal.is_time_zone(n)', [names.map(({ name }) => name)]);
  assert.ok(names.length > 300);
  assert.deepEqual(wrong.map(({ n }) => n), []);
  assert.equal((await prefer(db, { ...NIGHT, timezone: 'UTC' })).changed, 1);
});

const summer = { from: '22:00', to: '07:00', timezone: 'Europe/Berlin' };
const intervals = [
  // hours, the moment, the present or next interval
  [NIGHT, '2026-01-10 13:59:59Z', '2026-01-10 14:00Z', '2026-01-10 23:00Z'],
  [NIGHT, '2026-01-10 14:00:00Z', '2026-01-10 14:00Z', '2026-01-10 23:00Z'],
  [NIGHT, '2026-01-10 22:59:59Z', '2026-01-10 14:00Z', '2026-01-10 23:00Z'],
  [NIGHT, '2026-01-10 23:00:00Z', '2026-01-11 14:00Z', '2026-01-11 23:00Z'],
  [{ ...NIGHT, from: '12:30', to: '13:30' }, '2026-01-10 05:00Z', '2026-01-10 04:30Z', '2026-01-10 05:30Z'],
  [{ ...NIGHT, from: '00:00', to: '23:59' }, '2026-01-10 15:59:30Z', '2026-01-10 16:00Z', '2026-01-11 15:59Z'],
  // The night in which the clock is put forward is an hour shorter, the one in which it is put back an hour longer.
  [summer, '2026-03-28 23:00Z', '2026-03-28 21:00Z', '2026-03-29 05:00Z'],
  [summer, '2026-10-24 23:00Z', '2026-10-24 20:00Z', '2026-10-25 06:00Z'],
  // 02:30 is not on the clock that day, and comes an hour later. What begins after its end is none that day.
  [{ ...summer, from: '02:30', to: '04:00' }, '2026-03-29 00:00Z', '2026-03-29 01:30Z', '2026-03-29 02:00Z'],
  [{ ...summer, from: '02:30', to: '03:00' }, '2026-03-29 00:00Z', '2026-03-30 00:30Z', '2026-03-30 01:00Z'],
  // 02:30 is there twice: the second time counts.
  [{ ...summer, from: '02:30', to: '04:00' }, '2026-10-25 00:00Z', '2026-10-25 01:30Z', '2026-10-25 03:00Z'],
  // West and east of the date line, with an offset of a part of an hour.
  [{ ...NIGHT, timezone: 'Pacific/Kiritimati' }, '2026-01-10 08:00Z', '2026-01-10 08:00Z', '2026-01-10 17:00Z'],
  [{ ...NIGHT, timezone: 'Pacific/Pago_Pago' }, '2026-01-10 17:59Z', '2026-01-10 09:00Z', '2026-01-10 18:00Z'],
  [{ ...NIGHT, timezone: 'Asia/Kathmandu' }, '2026-01-10 17:00Z', '2026-01-10 16:15Z', '2026-01-11 01:15Z'],
];

test('the present or the next interval is found by the local clock', async (t) => {
  const db = await open(t);
  for (const [hours, at, from, to] of intervals) {
    const { is, due } = await row(db, 'SELECT doorbell_internal.quiet_interval($1, $2)::text AS is, tstzrange($3, $4)::text AS due', [hours, at, from, to]);
    assert.equal(is, due, `${JSON.stringify(hours)} at ${at}`);
  }
});

test('the intervals of a year follow each other, whatever the clock does', async (t) => {
  const db = await open(t);
  for (const [from, to] of [['22:00', '07:00'], ['02:30', '02:00'], ['02:59', '03:00'], ['00:00', '23:59']]) {
    const wrong = await rows(db, `SELECT z, at, i FROM unnest('{Europe/Berlin,America/New_York,Australia/Lord_Howe,Asia/Shanghai}'::text[]) z,
        generate_series('2026-01-01'::timestamptz, '2026-12-31', '37 minutes') at,
        doorbell_internal.quiet_interval(jsonb_build_object('from', $1::text, 'to', $2::text, 'timezone', z), at) i
      WHERE i IS NULL OR isempty(i) OR upper(i) <= at OR lower(i) > at + interval '50 hours'
        OR doorbell_internal.quiet_until(jsonb_build_object('from', $1::text, 'to', $2::text, 'timezone', z), at) IS DISTINCT FROM CASE WHEN i @> at THEN upper(i) END`, [from, to]);
    assert.deepEqual(wrong, [], `${from} to ${to}`);
  }
});

async function shown(db) {
  const { num, hit, latest } = await check(db, 'u');
  return [num, hit, latest];
}

// The ring for u that waits.
async function ring(db) {
  const waiting = (await rows(db, 'SELECT id FROM doorbell.outbox_waiting(NULL, 100, 60)')).map(({ id }) => id);
  const taken = await rows(db, 'SELECT ring FROM doorbell.outbox_take($1, NULL, 5)', [waiting]);
  await call(db, 'outbox_done', waiting);
  return taken.map((one) => one.ring).find((one) => one?.to?.[0] === 'u');
}

for (const audience of [{ to_users: ['u'] }, { to_all: true }, { to_group: 'g' }]) {
  const [name] = Object.keys(audience);

  test(`${name}: in quiet hours a message counts and is no hit, unless it is critical`, async (t) => {
    const db = await open(t);
    await call(db, 'group_change', 'g', ['u'], []);
    await call(db, 'category_set', 'alarm', true);
    await check(db, 'u');
    await send(db, { ...audience, title: 't', category: 'news' });
    assert.equal((await check(db, 'u')).hit, 1);
    await prefer(db, await around(db, -60, 60));
    const quiet = await check(db, 'u');
    assert.deepEqual([quiet.num, quiet.hit], [1, 0], 'nor is one of before');
    const { id } = await send(db, { ...audience, title: 't', category: 'news' });
    assert.deepEqual(await shown(db), [2, 0, id]);
    assert.equal((await call(db, 'unread_by_category', 'u')).unread_by_category.hit, 0);
    assert.equal((await call(db, 'unread', 'u', 'news')).hit, 0);
    const alarm = await send(db, { ...audience, title: 't', category: 'alarm' });
    assert.deepEqual(await shown(db), [3, 1, alarm.id]);
  });

  test(`${name}: what came in quiet hours is no hit after them either`, async (t) => {
    const db = await open(t);
    await call(db, 'group_change', 'g', ['u'], []);
    await check(db, 'u');
    const { id } = await send(db, { ...audience, title: 't' });
    await db.query("UPDATE doorbell.message SET sent_at = sent_at - interval '3 minutes' WHERE id = $1", [id]);
    assert.equal((await check(db, 'u')).hit, 1);
    await prefer(db, await around(db, -60, -1));
    assert.equal((await check(db, 'u')).hit, 0);
    await prefer(db, await around(db, -60, -10));
    assert.equal((await check(db, 'u')).hit, 1, 'it came after their end');
    await prefer(db, await around(db, 10, 60));
    assert.equal((await check(db, 'u')).hit, 1);
  });
}

test('a ring says the same as a check', async (t) => {
  const db = await open(t);
  await prefer(db, await around(db, -60, 60));
  await ring(db);
  const { id } = await send(db, { to_users: ['u'], title: 't' });
  const { num, hit, version, seq, scope } = await check(db, 'u');
  const { to, epoch, ...told } = await ring(db);
  assert.deepEqual(told, { version, seq, num, hit, id, scope });
  assert.deepEqual([num, hit], [1, 0]);
});

const seconds = (at) => `extract(epoch FROM ${at})::bigint`;
const kept = (db) => row(db, `SELECT hit, quiet[1] AS begins, quiet[2] AS ends, ${seconds('at')} AS at,
  ${seconds("nullif(valid_until, 'infinity')")} AS until FROM doorbell.unread_many('{u}')`);

test('an answer holds until the interval in it ends, and one with a hit until it begins', async (t) => {
  const db = await open(t);
  await prefer(db, await around(db, -60, 60));
  const now = await kept(db);
  assert.ok(now.begins <= now.at && now.at < now.ends);
  assert.equal(now.until, now.ends);

  await prefer(db, await around(db, 2, 60));
  const next = await kept(db);
  assert.ok(next.at < next.begins);
  assert.equal(next.until, next.ends, 'its beginning changes nothing');
  await send(db, { to_users: ['u'], title: 't' });
  const hit = await kept(db);
  assert.deepEqual([hit.hit, hit.until], [1, hit.begins]);

  await prefer(db, await around(db, 60, 120));
  assert.equal((await kept(db)).until, (await row(db, `SELECT ${seconds("max(sent_at) + interval '300 seconds'")} AS until FROM doorbell.message`)).until);
  await prefer(db, null);
  assert.equal((await kept(db)).ends, null);
});

test('on a server that does not know the zone there are no quiet hours, and checks go on', async (t) => {
  const db = await open(t);
  await prefer(db, NIGHT);
  await db.query(`UPDATE doorbell.reader SET quiet_hours = quiet_hours || '{"timezone": "Asia/Atlantis"}'`);
  await send(db, { to_users: ['u'], title: 't' });
  const { num, hit, quiet } = await check(db, 'u');
  assert.deepEqual([num, hit, quiet], [1, 1, null]);
});
