// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeClock } from '../../www/bell/core/clock.js';
import { NumberedTitle } from '../../www/bell/core/title.js';

test('the title has one prefix, ours, and none at 0', () => {
  const title = new NumberedTitle();
  assert.equal(title.at(3, 'Inbox'), '(3) Inbox');
  assert.equal(title.at(3, '(3) Inbox'), '(3) Inbox');
  assert.equal(title.at(4, '(3) Inbox'), '(4) Inbox');
  assert.equal(title.at(4, 'Renamed'), '(4) Renamed');
  assert.equal(title.at(100, '(4) Renamed, and more'), '(99+) Renamed, and more');
  assert.equal(title.at(0, '(99+) Renamed, and more'), 'Renamed, and more');
});

test('a title that begins with a number of its own keeps it', () => {
  const title = new NumberedTitle();
  assert.equal(title.at(0, '(1984) A novel'), '(1984) A novel');
  assert.equal(title.at(2, '(1984) A novel'), '(2) (1984) A novel');
  assert.equal(title.at(0, '(2) (1984) A novel'), '(1984) A novel');
});

test('a title of ours that a router brings back gets the number of now', () => {
  const title = new NumberedTitle();
  const cart = title.at(3, 'Cart');
  title.at(2, 'Shop');
  assert.equal(title.at(2, cart), '(2) Cart');
  title.at(0, '(2) Cart');
  assert.equal(title.at(0, cart), 'Cart');
});

test('what is remembered stays bounded, and the newest stay', () => {
  const title = new NumberedTitle();
  const old = title.at(1, 'Old');
  for (let i = 0; i < 100; i++) title.at(2, `Page ${i}`);
  assert.equal(title.at(0, '(2) Page 99'), 'Page 99');
  assert.equal(title.at(0, old), '(1) Old');
});

// What each step adds to the wall's clock and to the steady one, and what of it counts.
for (const [what, steps, counts] of [
  ['time goes on', [[500, 500], [700.5, 700.2]], 1200.2],
  ['the clock is set back an hour', [[1_000, 1_000], [-3_599_000, 1_000], [1_000, 1_000]], 3_000],
  ['the machine sleeps for an hour, and the steady clock with it', [[1_000, 1_000], [3_600_000, 0], [1_000, 1_000]], 3_602_000],
  ['the clock is mended slowly', Array.from({ length: 100 }, () => [1_010, 1_000]), 100_000],
]) {
  test(`durations, where ${what}`, () => {
    let [wall, steady] = [1_767_225_600_000, 5];
    const now = makeClock(() => wall, () => steady);
    const start = now();
    for (const [onWall, onSteady] of steps) {
      wall += onWall;
      steady += onSteady;
      now();
    }
    assert.equal(Math.round((now() - start) * 10) / 10, counts);
  });
}
