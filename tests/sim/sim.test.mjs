// SPDX-License-Identifier: MIT
// Seeds of the simulation: those that once failed and fresh ones, that the same seed is the same run, and that a run
// notices when a rule is not kept.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, test } from 'node:test';

import { without } from './breaks.mjs';
import { Server } from './database.mjs';
import { simulate } from './simulate.mjs';

const SECONDS = 10; // for fresh seeds
const SEARCHED = 60; // seeds, for one that finds a broken rule
const SEED = Number(process.env.DOORBELL_SEED ?? randomInt(2 ** 31));

// Those that failed.
const seeds = [
  11, // a ring for several users had a number that the next event was to have
  5006, // a tab that was frozen told the others of a database that had been restored meanwhile
  700057, // a tab told its leader, who knew of another epoch without a name, what it knew of the one before
  7069, // a hidden page took a step over a ring that it had put off
];

const server = await Server.start();
after(() => server.stop());

const check = ({ faults, text }, seed) => assert.equal(faults.length, 0, `make sim SEED=${seed}\n${text.slice(-4_000)}`);

test('the same seed is the same run', async () => {
  const [one, other] = [await simulate(1, server), await simulate(1, server)];
  check(one, 1);
  assert.ok(one.text.split('\n').length > 100);
  assert.equal(one.text, other.text);
});

for (const seed of seeds) test(`seed ${seed}`, async () => check(await simulate(seed, server), seed));

test(`fresh seeds from ${SEED} on, for ${SECONDS} s`, async () => {
  const end = performance.now() + SECONDS * 1_000;
  for (let seed = SEED; performance.now() < end; seed++) check(await simulate(seed, server), seed);
});

// `from` is the seed that found it when this was written; after changes of the programs a later one does.
for (const [rule, from, fault] of [
  ['a page takes every answer, also a lower one', 3, /older than/],
  ['a page computes from every step, wherever it is', 5, /never true/],
  ['a page does not ask when it is welcomed', 9, /and true is/],
  ['rings that are old or refused are dropped', 19, /and true is/],
]) {
  test(`${rule}: a seed from ${from} on finds it`, async () => {
    let found = [];
    for (let seed = from; seed < from + SEARCHED && found.length === 0; seed++) {
      ({ faults: found } = await simulate(seed, server, without(rule)));
    }
    assert.match(found.join('\n'), fault);
  });
}
