// SPDX-License-Identifier: MIT
// Texts that come from a category: what a template may say, what its readers get, and in which language.
import test from 'node:test';
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { startCluster, openDatabase, row, rows, send, call, check, list } from '../../harness/sql.mjs';

const cluster = await startCluster();
test.after(() => cluster.remove());

const open = async (t) => (await openDatabase(t, cluster)).connect();

const setTemplates = (db, templates, strict = null) =>
  call(db, 'category_set', 'likes', false, strict, templates && JSON.stringify(templates));
const toBob = (more) => ({ to_users: ['bob'], category: 'likes', ...more });
const textsOf = ({ title, body }) => [title, body];

async function read(db, user, { language = null, accepted = [] } = {}) {
  await check(db, user);
  const { page } = await row(db, "SELECT doorbell.list($1, 'all', NULL, NULL, 100, $2, $3) AS page", [user, language, accepted]);
  for (const message of page.messages) {
    const one = await row(db, 'SELECT doorbell.message($1, $2, $3, $4) AS message', [user, message.id, language, accepted]);
    assert.deepEqual(one.message, message, 'a message alone reads as it does in the list');
  }
  return page.messages;
}

const render = async (db, template, extra) => (await row(db, `SELECT doorbell_internal.render($1, doorbell_internal.template_values(m, 'bob')) AS text
  FROM (SELECT (NULL::doorbell.message).*) n CROSS JOIN LATERAL (SELECT (jsonb_populate_record(NULL::doorbell.message, $2)).*) m`,
[template, JSON.stringify({ id: 7, sender: 'Ann', url: '/photos/9', sent_at: '2026-03-01T09:05:59Z', extra })])).text;

const rendered = [
  // template, extra, text
  ['no placeholder', {}, 'no placeholder'],
  ['', {}, ''],
  ['{sender}: {url} for {user}, {id}, {created_at}', {}, 'Ann: /photos/9 for bob, 7, 2026-03-01 09:05 UTC'],
  ['{extra.what}', { what: 'your photo' }, 'your photo'],
  ['{extra.a.b.c}', { a: { b: { c: 1.5 } } }, '1.5'],
  ['{extra.list.1}', { list: ['x', 'y'] }, 'y'],
  ['{extra.是}', { 是: '对' }, '对'],
  ['{extra.yes}{extra.no}', { yes: true, no: false }, 'truefalse'],
  ['<{extra.gone}>', {}, '<>'],
  ['<{extra.gone}>', null, '<>'],
  ['<{extra.none}>', { none: null }, '<>'],
  ['<{extra.all}{extra.some}>', { all: { a: 1 }, some: [1] }, '<>'],
  ['{extra.a}', { a: '{sender} {extra.b}', b: 'x' }, '{sender} {extra.b}'], // never expanded again
  ['{extra.a}{extra.b}', { a: '{send', b: 'er}' }, '{sender}'],
  ['{extra.html}', { html: '<b>&amp;</b>' }, '<b>&amp;</b>'], // plain text, whoever shows it escapes
  ['{{sender}', {}, '{sender}'],
  ['{{{{}}', {}, '{{}}'],
  ['a } b', {}, 'a } b'],
  ['{extra.n} {extra.n|person|people}', { n: 1 }, '1 person'],
  ['{extra.n} {extra.n|person|people}', { n: 2 }, '2 people'],
  ['{extra.n} {extra.n|person|people}', { n: 0 }, '0 people'],
  ['{extra.n|person|people}', { n: '1' }, 'person'],
  ['{extra.n|person|people}', { n: 1.0 }, 'person'],
  ['{extra.n|person|people}', { n: '-1' }, 'people'],
  ['<{extra.n|person|people}>', { n: 'many' }, '<>'],
  ['<{extra.n|person|people}>', {}, '<>'],
  ['{extra.n||s}', { n: 3 }, 's'],
];

test('a template with what the message brings', async (t) => {
  const db = await open(t);
  for (const [template, extra, text] of rendered) {
    await t.test(`${template} of ${JSON.stringify(extra)}`, async () => {
      await setTemplates(db, { en: { title: 'x', body: template } });
      assert.equal(await render(db, template, extra), text);
    });
  }
});

// The same rules once more, by a reader of single characters.
function reference(template, values) {
  let text = '';
  for (let i = 0; i < template.length; i++) {
    if (template[i] !== '{' || template[i + 1] === '{') {
      text += template[i];
      if (template[i] === '{') i++;
      continue;
    }
    const end = template.indexOf('}', i);
    const [name, one, other] = template.slice(i + 1, end).split('|');
    const value = values[name] ?? '';
    const number = /^-?\d+(\.\d+)?$/.test(value) ? other : '';
    text += one === undefined ? value : Number(value) === 1 && value !== '' ? one : number;
    i = end;
  }
  return text;
}

test('random templates read as the rules say', async (t) => {
  const db = await open(t);
  const seed = randomInt(2 ** 31);
  let state = seed;
  const below = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const pick = (list) => list[below(list.length)];
  const values = { 'extra.a': '{{', 'extra.b.c': '{sender}', 'extra.one': '1', 'extra.n': '17', 'extra.d': '', sender: 'Ann', user: 'bob', id: '7' };
  const extra = { a: '{{', b: { c: '{sender}' }, one: 1, n: '17', d: '' };
  const piece = () => pick([
    () => pick(['x', '}', '|', '中', '\n', ' ', '\\', '\\1', '&', '|}']), () => '{{', () => `{${pick([...Object.keys(values), 'extra.gone'])}}`,
    () => `{${pick(Object.keys(values))}|${pick(['', 'one', '1'])}|${pick(['', 'others', '中'])}}`,
  ])();
  for (let i = 0; i < 500; i++) {
    const template = Array.from({ length: below(12) }, piece).join('');
    await call(db, 'category_set', 'random', false, null, JSON.stringify({ en: { title: 'x', body: template } }));
    assert.equal(await render(db, template, extra), reference(template, values), `seed ${seed}: ${JSON.stringify(template)}`);
  }
});

const wrongTemplates = [
  // what is given, the words of the refusal
  [[], /templates must be/],
  ['en', /templates must be/],
  [{ e: { title: 't' } }, /"e" is no language tag/],
  [{ 'en US': { title: 't' } }, /no language tag/],
  [{ [`en-${'abcdefgh-'.repeat(4)}x`]: { title: 't' } }, /no language tag/],
  [{ en: 'title' }, /"en" must be/],
  [{ en: {} }, /"en" must be/],
  [{ en: { title: 5 } }, /"en" must be/],
  [{ en: { title: 't', body: null } }, /"en" must be/],
  [{ en: { title: 't', text: '' } }, /"en" must be/],
  [{ en: { title: '' } }, /the title of "en" is 1 to 255 characters/],
  [{ en: { title: 'x'.repeat(256) } }, /1 to 255/],
  [{ en: { title: 'a\nb' } }, /control character/],
  [{ en: { title: 't', body: 'x'.repeat(65537) } }, /65536/],
  [{ en: { title: '{name}' } }, /no \{name\}; known are/],
  [{ en: { title: '{extra}' } }, /no \{extra\}/],
  [{ en: { title: '{extra..a}' } }, /no \{extra\.\.a\}/],
  [{ en: { title: 't', body: '{ sender }' } }, /the body of "en": there is no/],
  [{ en: { title: 'a { b' } }, /a "\{" begins no/],
  [{ en: { title: '{}' } }, /begins no/],
  [{ en: { title: '{extra.n|one}' } }, /begins no/],
  [{ en: { title: '{extra.n|a|b|c}' } }, /begins no/],
  [{ en: { title: 't', body: '{sender}'.repeat(65) } }, /at most 64 placeholders/],
  [{ en: { title: 't' }, EN: { title: 't' } }, /upper and lower case/],
  [Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`en-x${i}`, { title: 't' }])), /at most 100 languages/],
];

test('templates that are refused', async (t) => {
  const db = await open(t);
  await setTemplates(db, { en: { title: 'as it was' } });
  for (const [templates, words] of wrongTemplates) {
    await t.test(JSON.stringify(templates).slice(0, 80), () =>
      assert.rejects(setTemplates(db, templates), (error) => error.code === 'DB422' && words.test(error.message)));
  }
  const { categories } = await row(db, 'SELECT doorbell.categories() AS categories');
  assert.deepEqual(categories, [{ name: 'likes', critical: false, strict: false, templates: { en: { title: 'as it was', body: '' } },
    webhook: null, only_unseen_after: null }]);
});

test('a message without texts has those of its category, as they are when it is read', async (t) => {
  const db = await open(t);
  await assert.rejects(send(db, toBob()), (error) => error.code === 'DB422' && /no template/.test(error.message));
  await send(db, toBob({ title: 'early' }));
  await setTemplates(db, { en: { title: '{sender} likes {extra.what}', body: 'See {url}' } });
  await send(db, toBob({ sender: 'Ann', url: '/p/1', extra: { what: 'it' } }));
  await send(db, toBob({ title: 'own', sender: 'Ann', url: '/p/2' }));
  await send(db, toBob({ title: 'all own', body: '' }));
  await send(db, { to_all: true, category: 'likes', sender: 'Ann', body: 'own' });
  await send(db, { to_group: 'staff', category: 'likes', send_at: new Date(Date.now() + 3_600_000) });

  assert.deepEqual((await read(db, 'bob')).map(textsOf),
    [['Ann likes', 'own'], ['all own', ''], ['own', 'See /p/2'], ['Ann likes it', 'See /p/1'], ['early', '']]);

  await setTemplates(db, { en: { title: 'From {sender}', body: 'New' } });
  const newTexts = [['From Ann', 'own'], ['all own', ''], ['own', 'New'], ['From Ann', 'New'], ['early', '']];
  assert.deepEqual((await read(db, 'bob')).map(textsOf), newTexts);
  assert.deepEqual((await row(db, "SELECT doorbell.export('bob') AS user")).user.messages.map(textsOf).reverse(), newTexts);

  await setTemplates(db, null);
  assert.deepEqual((await read(db, 'bob')).map(textsOf), newTexts, 'null leaves them');
  await setTemplates(db, {});
  assert.deepEqual((await read(db, 'bob')).map(textsOf), [['likes', 'own'], ['all own', ''], ['own', ''], ['likes', ''], ['early', '']]);
});

test('the text of a message to everybody is the same for all only where it is its own', async (t) => {
  const db = await open(t);
  await setTemplates(db, { en: { title: 'For {user}' } });
  const one = await send(db, { to_all: true, category: 'likes' });
  const other = await send(db, { to_all: true, category: 'likes', title: 't', body: '' });
  assert.deepEqual(await rows(db, 'SELECT * FROM doorbell.broadcast($1)', [one.id]), []);
  assert.equal((await rows(db, 'SELECT * FROM doorbell.broadcast($1)', [other.id])).length, 1);
  assert.deepEqual((await read(db, 'ann')).map(textsOf), [['t', ''], ['For ann', '']]);
});

test('a key covers what was sent, not what a category made of it', async (t) => {
  const db = await open(t);
  const first = await send(db, toBob({ title: 't', key: 'k' }));
  await setTemplates(db, { en: { title: '{extra.gone}' } }, true);
  assert.deepEqual(await send(db, toBob({ title: 't', key: 'k' })), { ...first, duplicate: true });
});

test('titles are one line of 255 characters, and bodies end', async (t) => {
  const db = await open(t);
  await setTemplates(db, { en: { title: '{extra.a}', body: '{extra.b}'.repeat(64) } });
  await send(db, toBob({ extra: { a: ` a\n\u0007b${'x'.repeat(300)}` } }));
  await send(db, toBob({ extra: { a: ' \n ', b: '中'.repeat(5_000) } }));
  const [empty, long] = await read(db, 'bob');
  assert.equal(empty.title, 'likes', 'the name of the category is better than nothing');
  assert.equal(empty.body, '中'.repeat(16_384));
  assert.equal(long.title, `a b${'x'.repeat(252)}`);
});

const templates = Object.fromEntries(['en', 'zh', 'zh-Hant', 'pt-BR', 'de'].map((language) => [language, { title: language }]));
const languages = [
  // of the token, of the preferences, accepted, what is read
  [null, null, [], 'de'], // the first there is
  [null, null, ['en'], 'en'],
  ['zh', null, ['en'], 'zh'],
  ['zh-Hant-TW', null, ['en'], 'zh-Hant'],
  ['zh-Hans-CN', null, ['en'], 'zh'],
  ['ZH-HANT', null, ['en'], 'zh-Hant'],
  ['zh_Hant_TW', null, ['en'], 'zh-Hant'],
  ['zh-Hant-x-old', null, ['en'], 'zh-Hant'],
  ['pt', null, ['en'], 'en'], // less is asked for than is there: RFC 4647 does not guess
  ['pt-br', null, ['en'], 'pt-BR'],
  ['fr', null, ['nl', 'de-AT', 'en'], 'de'],
  [null, 'zh', ['en'], 'zh'],
  ['en', 'zh', [], 'en'],
  [null, 'fr-CA', ['en'], 'en'],
  ['*', null, ['en'], 'en'],
  ['', null, ['en'], 'en'],
];

test('the language of the reader', async (t) => {
  const db = await open(t);
  await setTemplates(db, templates);
  await send(db, toBob());
  for (const [language, chosen, accepted, title] of languages) {
    await t.test(JSON.stringify([language, chosen, accepted]), async () => {
      await call(db, 'set_preferences', 'bob', null, chosen ?? '');
      assert.equal((await read(db, 'bob', { language, accepted }))[0].title, title);
    });
  }
});

test('a user chooses a language', async (t) => {
  const db = await open(t);
  const preferences = async () => (await row(db, "SELECT doorbell.preferences('bob') AS p")).p;
  assert.deepEqual(await preferences(), { muted: [], lang: null, quiet_hours: null });
  const before = await check(db, 'bob');
  const changed = await call(db, 'set_preferences', 'bob', null, 'zh-Hant');
  assert.equal(changed.changed, 1);
  assert.ok(changed.version > before.version, 'their other tabs are told');
  assert.equal((await call(db, 'set_preferences', 'bob', null, 'zh-Hant')).changed, 0);
  assert.deepEqual(await preferences(), { muted: [], lang: 'zh-Hant', quiet_hours: null });
  assert.equal((await row(db, "SELECT doorbell.export('bob') AS user")).user.lang, 'zh-Hant');
  for (const wrong of ['z', 'en US', 'en;q=1', 'x'.repeat(36), 'en-']) {
    await assert.rejects(call(db, 'set_preferences', 'bob', null, wrong), { code: 'DB422' });
  }
  await call(db, 'set_preferences', 'bob', null, '');
  assert.deepEqual(await preferences(), { muted: [], lang: null, quiet_hours: null });
});

const strict = [
  // what the message brings, what it lacks
  [{}, '{sender}'],
  [{ sender: 'Ann' }, '{extra.n}'],
  [{ sender: 'Ann', extra: { n: null } }, '{extra.n}'],
  [{ sender: 'Ann', extra: { n: 1 } }, '{url}'],
  [{ sender: 'Ann', extra: { n: 1 }, url: '/' }, null],
  [{ title: 'own' }, '{url}'],
  [{ title: 'own', body: 'own' }, null],
];

test('a strict category refuses what its templates lack', async (t) => {
  const db = await open(t);
  await setTemplates(db, {
    en: { title: '{sender}', body: '{user} {id} {created_at}' },
    zh: { title: '{extra.n|a|b}', body: '{url}' },
  }, true);
  for (const [brings, lacks] of strict) {
    await t.test(JSON.stringify(brings), async () => {
      if (!lacks) await send(db, toBob(brings));
      else await assert.rejects(send(db, toBob(brings)), (error) => error.code === 'DB422' && error.message.includes(`lacks ${lacks}`));
    });
  }
  const batch = JSON.stringify([{}, { title: 'x', body: '' }].map((m) => toBob(m)));
  const results = await rows(db, 'SELECT code, id FROM doorbell.send_batch($1, false) ORDER BY n', [batch]);
  assert.deepEqual(results.map(({ code, id }) => [code, id !== null]), [['DB422', false], [null, true]]);
  await setTemplates(db, null, false);
  await send(db, toBob());
});

test('reading costs no more where all texts are there', async (t) => {
  const db = await open(t);
  await send(db, { to_users: ['bob'], title: 't' });
  const calls = async () => (await row(db, "SELECT coalesce(sum(calls), 0) AS n FROM pg_stat_user_functions WHERE funcname = 'with_texts'")).n;
  await db.query("SET track_functions = 'all'");
  const before = await calls();
  await list(db, 'bob');
  await db.query('SELECT pg_stat_force_next_flush()');
  assert.equal(await calls(), before);
});
