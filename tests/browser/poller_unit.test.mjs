// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Poller } from '../../www/bell/core/poller.js';
import { FakeClock, settle } from './fakes.mjs';

// An poller whose questions are answered, or refused, when the test says so.
function makePoller() {
  const clock = new FakeClock();
  const world = { clock, questions: [], answers: [], failures: [], wants: 0, retries: true };
  world.poller = new Poller(
    () => new Promise((resolve, reject) => world.questions.push({ resolve, reject })),
    {
      answer: (answer) => {
        world.answers.push(answer);
        if (world.wants-- > 0) world.poller.ask();
      },
      failure: (error) => {
        world.failures.push(error);
        return world.retries;
      },
    },
    clock,
  );
  world.reply = (answer) => {
    world.questions.at(-1).resolve(answer);
    return settle();
  };
  world.refuse = (error) => {
    world.questions.at(-1).reject(error);
    return settle();
  };
  return world;
}

test('a failure is retried with a growing back-off, and tells once each time', async () => {
  const world = makePoller();
  world.poller.ask();
  const delays = [];
  for (let i = 0; i < 8; i++) {
    await world.refuse(new Error('no answer'));
    delays.push(...world.clock.delays);
    await world.clock.advance(delays.at(-1));
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(world.failures.length, 8);
  assert.deepEqual(world.answers, []);
});

test('an answer ends the back-off', async () => {
  const world = makePoller();
  world.poller.ask();
  await world.refuse(new Error());
  await world.clock.advance(500);
  await world.reply('fine');
  world.poller.ask();
  await world.refuse(new Error());
  assert.deepEqual(world.clock.delays, [500]);
});

test('Retry-After is honoured, whatever rings meanwhile', async () => {
  const world = makePoller();
  world.poller.ask();
  await world.refuse(Object.assign(new Error(), { retryAfter: 5000 }));
  world.poller.ask();
  world.poller.ask(100);
  assert.deepEqual(world.clock.delays, [5500]);
  await world.clock.advance(5499);
  assert.equal(world.questions.length, 1);
  await world.clock.advance(1);
  assert.equal(world.questions.length, 2);
});

test('a failure that is no use to retry is not retried', async () => {
  const world = makePoller();
  world.retries = false;
  world.poller.ask();
  await world.refuse(new Error());
  assert.deepEqual(world.clock.delays, []);
  world.poller.ask();
  assert.equal(world.questions.length, 2);
});

test('an answer that has to be asked for again is one question with the rings that came meanwhile', async () => {
  const world = makePoller();
  world.wants = 1;
  world.poller.ask();
  world.poller.ask();
  await world.reply('first');
  await world.reply('second');
  assert.deepEqual(world.answers, ['first', 'second']);
  assert.equal(world.questions.length, 2);
});

test('an answer that is another user\'s begins anew', async () => {
  const world = makePoller();
  world.poller.ask();
  const { resolve } = world.questions[0];
  world.poller.ask();
  world.answers.push = () => {
    world.poller.reset();
    world.poller.ask();
  };
  resolve('of another user');
  await settle();
  assert.equal(world.questions.length, 2);
  world.poller.ask(); // the second question is under way
  assert.equal(world.questions.length, 2);
});

test('an answer after reset is not heard, nor is a failure', async () => {
  const world = makePoller();
  world.poller.ask();
  world.poller.reset();
  await world.reply('late');
  world.poller.ask();
  world.poller.reset();
  await world.refuse(new Error('late'));
  assert.deepEqual([world.answers, world.failures], [[], []]);
  assert.deepEqual(world.clock.delays, []);
});

test('one question at a time: rings during it lead to one more', async () => {
  const world = makePoller();
  world.poller.ask();
  world.poller.ask();
  world.poller.ask(1000);
  world.poller.ask();
  assert.equal(world.questions.length, 1);
  await world.reply(1);
  assert.equal(world.questions.length, 2);
  await world.reply(2);
  assert.equal(world.questions.length, 2);
});

test('what is to be asked at once during a question is not put off by a ring for many', async () => {
  const world = makePoller();
  world.poller.ask();
  world.poller.ask();
  world.poller.ask(10_000);
  await world.reply(1);
  assert.equal(world.questions.length, 2);
});

test('a question is spread over its time, and the earlier of two counts', async () => {
  const world = makePoller();
  world.poller.ask(10_000);
  assert.deepEqual(world.clock.delays, [5000]);
  world.poller.ask(60_000);
  assert.deepEqual(world.clock.delays, [5000]);
  world.poller.ask(1000);
  assert.deepEqual(world.clock.delays, [500]);
  await world.clock.advance(500);
  assert.equal(world.questions.length, 1);
  assert.deepEqual(world.clock.delays, []);
});

test('what asks at once takes along what was planned', () => {
  const world = makePoller();
  world.poller.ask(10_000);
  world.poller.ask();
  assert.equal(world.questions.length, 1);
  assert.deepEqual(world.clock.delays, []);
});

test('a ring for many during a question is spread after it', async () => {
  const world = makePoller();
  world.poller.ask();
  world.poller.ask(10_000);
  await world.reply(1);
  assert.equal(world.questions.length, 1);
  assert.deepEqual(world.clock.delays, [5000]);
});
