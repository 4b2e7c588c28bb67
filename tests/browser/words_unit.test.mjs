// SPDX-License-Identifier: MIT
// The texts of the elements: every language whole, the right one chosen, plurals and times.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { Times } from '../../www/words/times.js';
import { addEnglish, addWords, languageOf, loadWords, Words } from '../../www/words/words.js';
import ar from '../../www/words/ar.js';
import bell from '../../www/words/en.js';
import lists from '../../www/words/en_lists.js';

const DAY = 86_400_000;
const noon = new Date(2026, 5, 15, 12).getTime();
const slots = (text) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g))].sort();

const en = { ...bell, ...lists };
const sorted = (texts) => Object.keys(texts).sort();

test('the English of lists comes with them', () => {
  assert.equal(new Words('fi').say('inbox'), 'Inbox');
  addEnglish(lists);
  assert.equal(new Words('fi').say('undo'), 'Undo');
  assert.deepEqual(Object.keys(bell).filter((key) => key in lists), []);
});

const folder = new URL('../../www/words/', import.meta.url);
for (const file of readdirSync(folder).filter((name) => !['words.js', 'times.js'].includes(name) && !name.startsWith('en'))) {
  test(`${file} has every English text, with the same places to fill in`, async () => {
    const { default: texts } = await import(new URL(file, folder));
    assert.deepEqual(sorted(texts), sorted(en));
    for (const [key, text] of Object.entries(texts)) {
      assert.deepEqual(slots(text), slots(en[key]), key);
      assert.equal(typeof text, typeof en[key], key);
    }
  });
}

test('the nearest language is chosen, English where there is none', () => {
  const rows = [
    ['en', 'en'], ['en-GB', 'en'], ['zh', 'zh-CN'], ['zh-cn', 'zh-CN'], ['zh-SG', 'zh-CN'], ['zh-Hans-HK', 'zh-CN'],
    ['zh-TW', 'zh-TW'], ['zh-HK', 'zh-TW'], ['zh-Hant', 'zh-TW'], ['zh-MO', 'zh-TW'], ['fi', 'en'], ['nonsense!', 'en'],
  ];
  for (const [lang, expected] of rows) assert.equal(languageOf(lang), expected, lang);
  assert.equal(new Words('nonsense!').say('all'), 'All');
  assert.equal(new Words().say('all'), 'All');
});

test('a page adds a language, and what it leaves out is English', () => {
  addWords('de', { inbox: 'Nachrichten' });
  const words = new Words('de-AT');
  assert.deepEqual([words.say('inbox'), words.say('undo')], ['Nachrichten', 'Undo']);
});

test('a language is loaded once, and what a page has said of it before goes on', async () => {
  addWords('zh-HK', { inbox: '信箱' });
  addWords('zh-TW', { categories: { news: '新聞' } });
  assert.equal(new Words('zh-TW').say('undo'), 'Undo');
  assert.deepEqual(await Promise.all(['zh-TW', 'en', 'fi'].map(loadWords)), [true, false, false]);
  assert.equal(await loadWords('zh-MO'), false);
  assert.deepEqual([new Words('zh-TW').say('undo'), new Words('zh-TW').category('news'), new Words('zh-HK').say('inbox')], ['復原', '新聞', '信箱']);
});

test('plurals follow the rules of the language', async () => {
  await Promise.all(['ar', 'zh-CN', 'zh-TW'].map(loadWords));
  const count = (lang, n) => new Words(lang).say('count', { n });
  assert.deepEqual([0, 1, 2].map((n) => count('en', n)), ['No unread messages', '1 unread message', '2 unread messages']);
  assert.deepEqual([0, 1, 1234].map((n) => count('zh-CN', n)), ['没有未读消息', '1 条未读消息', '1,234 条未读消息']);
  const forms = [0, 1, 2, 3, 11, 100].map((n) => count('ar', n).replace(/[\d٠-٩,٬]+/, '#'));
  assert.deepEqual(forms, Object.values(ar.count).map((form) => form.replace('{n}', '#')));
  assert.ok(new Words('ar').isRtl && !new Words('zh-TW').isRtl);
});

test('what is filled in is text, whatever it looks like', () => {
  const words = new Words('en');
  assert.equal(words.say('newsFrom', { title: '{sender} $& <b>', sender: '$1' }), 'New: {sender} $& <b>, from $1.');
});

test('a time is told as people tell it', () => {
  const times = new Times('en');
  const rows = [
    [0, 'now'], [-5_000, 'now'], [59_000, 'now'], [60_000, '1 minute ago'], [3_599_000, '59 minutes ago'], [3_600_000, '1 hour ago'],
    [23 * 3_600_000, '23 hours ago'], [DAY, 'yesterday'], [2 * DAY, '2 days ago'], [6 * DAY, '6 days ago'], [7 * DAY, 'Jun 8'], [400 * DAY, 'May 11, 2025'],
  ];
  for (const [passed, expected] of rows) assert.equal(times.ago(noon - passed, noon), expected);
  assert.equal(new Times('zh-CN').ago(noon - 300_000, noon), '5分钟前');
  assert.match(times.full(noon), /Monday, June 15, 2026 at 12:00/);
});

test('a day is told by its date, not by the hours that have passed', () => {
  const times = new Times('en');
  assert.equal(times.day(noon, noon), 'Today');
  assert.equal(times.day(noon + 5_000, noon), 'Today');
  assert.equal(times.day(noon - 13 * 3_600_000, noon), 'Yesterday');
  assert.equal(times.day(noon - 2 * DAY, noon), 'Saturday, June 13');
  assert.equal(new Times('zh-TW').day(noon - DAY, noon), '昨天');
});

test('without relative times in the browser, the date is shown', (t) => {
  const { RelativeTimeFormat } = Intl;
  t.after(() => (Intl.RelativeTimeFormat = RelativeTimeFormat));
  Intl.RelativeTimeFormat = undefined;
  const times = new Times('en');
  assert.equal(times.ago(noon, noon), 'Jun 15');
  assert.equal(times.day(noon, noon), 'Monday, June 15');
});
