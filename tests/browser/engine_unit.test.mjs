// SPDX-License-Identifier: MIT
// The page's decisions, step by step: no clock runs, nothing is random.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Engine } from '../../www/bell/core/engine.js';

const NOW = 1_000_000;
const answerOf = (user, num, more = {}) => ({ num, hit: 0, latest: 0, version: 5, seq: 9, user, ...more });

function makeEngine(options = {}) {
  const engine = new Engine({ hasRelay: true, isByCookie: () => true, pollInterval: 60_000, refreshInterval: 900_000, ...options }, () => 0.5);
  // What is answered was asked just now, unless the test says when.
  const step = (type, input = {}, now = NOW) => engine.step(now, { type, asked: engine.moment, ...input }).map((output) => output.map(textOf).join(' '));
  return { engine, step };
}

const textOf = (value) => (value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value));

// Live, as bob, with two unread.
function makeLive(options) {
  const world = makeEngine(options);
  world.step('start');
  world.step('welcomed', { user: 'bob', transport: 'websocket' });
  world.step('answered', { answer: answerOf('bob', 2) });
  return world;
}

test('a start connects, and asks at once only where nothing can be heard', () => {
  assert.deepEqual(makeEngine().step('start'), [
    'timer first 1000', 'connect', 'timer poll 60000', 'emit state {"state":"connecting","transport":null}',
  ]);
  assert.deepEqual(makeEngine({ hasRelay: false }).step('start'), [
    'ask 0', 'timer poll 60000', 'emit state {"state":"polling","transport":"polling"}',
  ]);
});

test('a second start does nothing', () => {
  const { step } = makeLive();
  assert.deepEqual(step('start'), []);
});

test('a welcome ends the polls and asks', () => {
  const { step } = makeEngine();
  step('start');
  assert.deepEqual(step('welcomed', { user: 'bob', transport: 'events' }), [
    'tell {"login":"bob"}', 'timer first null', 'timer poll null', 'timer refresh 900000',
    'emit state {"state":"live","transport":"events"}',
    'emit welcome {"user":"bob"}', 'ask 0',
  ]);
});

for (const [what, ring, outputs] of [
  ['newer', { version: 6, seq: 9, num: 3 }, ['badge 3', 'emit change {"num":3,"version":6,"seq":9}']],
  ['the same', { version: 5, seq: 9, num: 2 }, ['badge 2']],
  ['older', { version: 4, seq: 9, num: 7 }, []],
  ['crossed', { version: 6, seq: 8, num: 7 }, ['ask 0']],
  ['for many', { seq: 10, spread_ms: 500 }, ['ask 500']],
  ['for many, known', { seq: 9, spread_ms: 500 }, []],
  ['without numbers', {}, ['ask 0']],
  ['young', { version: 6, seq: 9, num: 3, hit: 1, id: 813 },
    ['badge 3', 'emit change {"num":3,"version":6,"seq":9}', 'announce 813 bob null 3']],
]) {
  test(`a ring that is ${what}`, () => assert.deepEqual(makeLive().step('rung', { ring, isHidden: false }), outputs));
}

// As a check tells it; `from` 9 and `seq` 20 are those of the next message to everybody.
const terms = { scope: 3, groups: 0, muted: ['news'], epoch: 'k3' };
const stepRing = { from: 9, seq: 20, add: 1, category: null, critical: false, young: true, id: 901, spread_ms: 500, epoch: 'k3' };

function makeKnowing(more = {}) {
  const world = makeLive();
  world.step('answered', { answer: answerOf('bob', 2, { ...terms, ...more }) });
  return world;
}

const computed = ['badge 3', 'emit change {"num":3,"version":5,"seq":20}', 'timer tell 250'];
const hidden = ['badge 2', 'emit change {"num":2,"version":5,"seq":20}', 'timer tell 250'];
for (const [what, more, ring, outputs] of [
  ['is computed', {}, {}, computed],
  ['is computed in a hidden page', {}, { isHidden: true }, computed],
  ['of a muted category is not counted', {}, { category: 'news' }, hidden],
  ['of a critical one is, muted or not', {}, { category: 'news', critical: true }, computed],
  ['of another category is', {}, { category: 'shop' }, computed],
  ['that came late is computed', {}, { young: false }, computed],
  ['is asked about by a member of a group', { groups: 1 }, {}, ['ask 500']],
  ['is asked about by who mutes more than is told', { muted: null }, {}, ['ask 500']],
  ['is asked about by a page that is further behind', {}, { from: 10 }, ['ask 500']],
  ['is asked about where a message of the user may be newer', { version: 21 }, {}, ['ask 500']],
  ['is computed after another event of before it', { seq: 15 }, {}, computed],
  ['that is known already is nothing', { seq: 20 }, {}, []],
  ['of another epoch is asked about', {}, { epoch: 'k4' }, ['ask 500']],
  ['without `add` is no step', {}, { add: undefined }, ['ask 500']],
]) {
  test(`a message to everybody ${what}`, () => {
    const { isHidden = false, ...step } = ring;
    assert.deepEqual(makeKnowing(more).step('rung', { ring: { ...stepRing, ...step }, isHidden }), outputs);
  });
}

test('whoever computed tells of the message within the spread, if it is young and not muted', () => {
  const told = (more) => {
    const { step } = makeKnowing();
    step('rung', { ring: { ...stepRing, ...more } });
    return [...step('tell-due'), ...step('tell-due')];
  };
  assert.deepEqual(told({}), ['announce 901 bob k3 3'], 'once');
  assert.deepEqual(told({ young: false }), []);
  assert.deepEqual(told({ category: 'news' }), []);
});

const DAY = 86_400_000;
for (const [what, quiet, more, isTold] of [
  ['in quiet hours is not', [NOW - 1000, NOW + 1000], {}, false],
  ['as they begin is not', [NOW, NOW + 1000], {}, false],
  ['as they end is', [NOW - 1000, NOW], {}, true],
  ['before they begin is', [NOW + 1, NOW + 1000], {}, true],
  ['a day before is', [NOW + DAY - 1, NOW + DAY + 1000], {}, true],
  ['a day later, of which no check has told, is not', [NOW - DAY - 1000, NOW - DAY + 1000], {}, false],
  ['between these is', [NOW - DAY - 1000, NOW - DAY], {}, true],
  ['in quiet hours is, if it is critical', [NOW - 1000, NOW + 1000], { critical: true }, true],
]) {
  test(`a message to everybody ${what} told of, and counts`, () => {
    const { step } = makeKnowing({ quiet });
    assert.deepEqual(step('rung', { ring: { ...stepRing, ...more } }), computed);
    assert.deepEqual(step('tell-due', {}, NOW + DAY / 2), isTold ? ['announce 901 bob k3 3'] : []);
  });
}

test('a page that knows of other quiet hours than the user has by now asks', () => {
  const { step } = makeKnowing({ quiet: [NOW - 1000, NOW + 1000] });
  step('rung', { ring: { version: 10, seq: 10, num: 2, hit: 0, id: 0, scope: 10, epoch: 'k3' } });
  assert.deepEqual(step('rung', { ring: { ...stepRing, from: 10 } }), ['ask 500']);
});

test('a message that waits to be told of is not told to the next user', () => {
  const { step } = makeKnowing();
  step('rung', { ring: stepRing });
  step('answered', { answer: answerOf('carol', 2, { epoch: 'k3', scope: 3 }) });
  assert.deepEqual(step('tell-due'), []);
});

test('an answer that is older than what was computed meanwhile is asked about: the user may have been erased', () => {
  const { engine, step } = makeKnowing();
  const asked = engine.moment;
  step('rung', { ring: stepRing });
  const erased = answerOf('bob', 1, { ...terms, scope: 0, version: 0, seq: 9 });
  assert.deepEqual(step('answered', { answer: erased, asked }), ['ask 0']);
  assert.equal(step('answered', { answer: { ...erased, num: 2, seq: 20 } })[0], 'badge 2');
});

test('a step over a ring that is not asked about yet is asked about', () => {
  const { step } = makeKnowing();
  step('rung', { ring: { seq: 15, epoch: 'k3' }, isHidden: true });
  assert.deepEqual(step('rung', { ring: stepRing, isHidden: true }), []);
  assert.deepEqual(step('shown'), ['wake false', 'ask 0']);
});

test('a ring that was asked about is not asked about again, whatever came meanwhile', () => {
  const { engine, step } = makeKnowing();
  step('rung', { ring: { seq: 12, epoch: 'k3' } }); // of a list of users: no event of a feed
  const asked = engine.moment;
  step('rung', { ring: { version: 13, seq: 9, num: 3, scope: 3, epoch: 'k3' } });
  step('answered', { answer: answerOf('bob', 3, { ...terms, version: 13 }), asked });
  assert.equal(step('rung', { ring: stepRing })[0], 'badge 4');
});

test('what opens the text of a message is told with it, also by a page that had to ask', () => {
  const { step } = makeKnowing();
  step('rung', { ring: { ...stepRing, c: 'k3.x' } });
  assert.deepEqual(step('tell-due'), ['announce 901 bob k3 3 k3.x']);
  step('rung', { ring: { ...stepRing, from: 25, seq: 30, id: 902, c: 'k3.y' } });
  assert.equal(step('answered', { answer: answerOf('bob', 4, { seq: 30, latest: 902, hit: 1, epoch: 'k3' }) }).pop(), 'announce 902 bob k3 4 k3.y');
});

test('steps follow each other', () => {
  const { step } = makeKnowing();
  step('rung', { ring: stepRing });
  assert.equal(step('rung', { ring: { ...stepRing, from: 20, seq: 30, id: 902 } })[0], 'badge 4');
});

test('a page knows groups and mutes for as long as its scope is that of the check', () => {
  const after = (input) => {
    const { step } = makeKnowing();
    step(...input);
    return step('rung', { ring: stepRing })[0];
  };
  const ring = { version: 6, seq: 9, num: 2, epoch: 'k3' };
  assert.equal(after(['rung', { ring: { ...ring, scope: 3 } }]), 'badge 3');
  assert.equal(after(['rung', { ring: { ...ring, scope: 6 } }]), 'ask 500', 'it is another one');
  assert.equal(after(['rung', { ring }]), 'ask 500', 'an older app does not say');
  assert.equal(after(['rung', { ring: { ...ring, version: 5 } }]), 'badge 3', 'nothing of the user has changed');
  assert.equal(after(['changed', { answer: answerOf('bob', 1, { version: 6, epoch: 'k3' }) }]), 'ask 500');
});

test('a step says nothing to the next user, or in the next epoch', () => {
  for (const other of [answerOf('carol', 2, { epoch: 'k3', scope: 3 }), answerOf('bob', 2, { epoch: 'k4', scope: 3 })]) {
    const { step } = makeKnowing();
    step('answered', { answer: other });
    assert.equal(step('rung', { ring: { ...stepRing, epoch: other.epoch } })[0], 'ask 500');
  }
});

test('a computed number that the app denies twice is reported, once', () => {
  const { step } = makeKnowing();
  const denial = answerOf('bob', 2, { ...terms, seq: 20 });
  step('rung', { ring: stepRing });
  const first = step('answered', { answer: denial });
  assert.deepEqual(first.slice(0, 2), ['timer doubt 5000', 'badge 2']);
  assert.ok(!step('answered', { answer: denial }).includes('wrong'), 'too soon to tell');
  assert.deepEqual(step('doubt-due'), ['ask 0']);
  assert.equal(step('answered', { answer: denial })[0], 'wrong');
  assert.ok(!step('answered', { answer: denial }).includes('wrong'));
});

test('a computed number is not reported where a sweep explains it, or where it is the app\'s', () => {
  const rest = (...answers) => {
    const { step } = makeKnowing();
    step('rung', { ring: stepRing });
    const outputs = answers.flatMap((answer) => [...step('answered', { answer }), ...step('doubt-due')]);
    return outputs.filter((output) => /wrong|doubt/.test(output));
  };
  const answer = (num, seq) => answerOf('bob', num, { ...terms, seq });
  assert.deepEqual(rest(answer(3, 20), answer(3, 20)), []);
  assert.deepEqual(rest(answer(2, 20), answer(2, 21)), ['timer doubt 5000']);
  assert.deepEqual(rest(answer(2, 21), answer(2, 21)), []);
});

test('a message is announced once', () => {
  const { step } = makeLive();
  const ring = { version: 6, seq: 9, num: 3, hit: 1, id: 813 };
  assert.ok(step('rung', { ring }).includes('announce 813 bob null 3'));
  assert.deepEqual(step('rung', { ring }), ['badge 3']);
});

test('the newest is recalled: the one before it, told of already, is not told of again', () => {
  const { step } = makeLive();
  const ring = (version, id) => step('rung', { ring: { version, seq: 9, num: 3, hit: 1, id } });
  assert.ok(ring(6, 813).includes('announce 813 bob null 3'));
  assert.ok(ring(7, 814).includes('announce 814 bob null 3'));
  assert.ok(!ring(8, 813).some((output) => output.startsWith('announce')));
});

test('a hidden page puts off what is for many until it is shown', () => {
  const { step } = makeLive();
  assert.deepEqual(step('rung', { ring: { seq: 10, spread_ms: 500 }, isHidden: true }), []);
  assert.deepEqual(step('shown'), ['wake false', 'ask 0']);
});

test('a ring without numbers is answered within its spread', () => {
  const { step } = makeLive();
  assert.deepEqual(step('rung', { ring: { spread_ms: 500 }, isHidden: false }), ['ask 500']);
});

test('a page that is shown asks again only when it was polling, for an interval', () => {
  const { step } = makeLive();
  assert.deepEqual(step('shown', {}, NOW + 60_000), ['wake false']);
  step('lost');
  assert.deepEqual(step('shown', {}, NOW + 59_999), ['wake false']);
  assert.deepEqual(step('shown', {}, NOW + 60_000), ['wake false', 'ask 0']);
});

// [what, version, seq, outputs after a ring (version 6, seq 9) that came since the question]
for (const [what, version, seq, outputs] of [
  ['newer', 7, 9, ['badge 8', 'emit change {"num":8,"version":7,"seq":9}']],
  ['older', 5, 9, []],
  ['crossed', 5, 10, ['ask 0']],
]) {
  for (const [type, more] of [['answered', {}], ['listed', { isNewest: false }]]) {
    test(`${type}, ${what} than a ring since: compared; without one it replaces what is known`, () => {
      const answer = answerOf('bob', 8, { version, seq });
      const { engine, step } = makeLive();
      const asked = engine.moment;
      step('rung', { ring: { version: 6, seq: 9, num: 3 }, isHidden: false });
      assert.deepEqual(step(type, { answer, asked, ...more }), outputs);
      assert.deepEqual(step(type, { answer, ...more }).slice(0, 1), ['badge 8']);
      assert.deepEqual(engine.known, { num: 8, version, seq });
    });
  }
}

test('two changes whose answers overtake each other: the newer one stays', () => {
  const { engine, step } = makeLive();
  const asked = engine.moment;
  step('changed', { answer: { num: 0, version: 7, seq: 9, user: 'bob' }, asked });
  assert.deepEqual(step('changed', { answer: { num: 1, version: 6, seq: 9, user: 'bob' }, asked }), [
    'tell {"user":"bob","answer":{"num":1,"version":6,"seq":9,"user":"bob"}}',
  ]);
  assert.equal(engine.known.num, 0);
});

// Live as above, in the epoch `old`.
function makeLiveInEpoch() {
  const world = makeLive();
  world.step('listed', { answer: { ...answerOf('bob', 2, { epoch: 'old' }), position: 'p1' }, isNewest: true });
  return world;
}

const low = { num: 1, version: 2, seq: 3, epoch: 'new' };

for (const [what, type, input, outputs] of [
  ['a ring', 'rung', { ring: { type: 'ring', ...low }, isHidden: false }, ['ask 0']],
  ['a ring with a spread, in a hidden tab', 'rung', { ring: { seq: 3, spread_ms: 500, epoch: 'new' }, isHidden: true }, ['ask 500']],
  ['a general ask', 'rung', { ring: { epoch: 'new' }, isHidden: false }, ['ask 0']],
  ['a welcome', 'welcomed', { user: 'bob', epoch: 'new', transport: 'websocket' }, ['timer first null', 'emit welcome {"user":"bob"}', 'ask 0']],
  ['a ping', 'pinged', { ping: { seq: 3, epoch: 'new' }, isHidden: true }, ['ask 0']],
]) {
  test(`another epoch, met in ${what}: numbers and position are forgotten, the user stays, the badge too, and it asks`, () => {
    const { engine, step } = makeLiveInEpoch();
    const { login } = engine;
    assert.deepEqual(step(type, input), outputs);
    assert.deepEqual([engine.known, engine.position, engine.user, engine.login], [null, null, 'bob', login]);
    assert.deepEqual(step('answered', { answer: answerOf('bob', 1, low) }), ['badge 1', 'emit change {"num":1,"version":2,"seq":3}']);
  });
}

// Either may be the younger one: a tab that was frozen has not heard of a restore.
test('another epoch, told by another tab: it asks, and what is known stays until the answer', () => {
  const { engine, step } = makeLiveInEpoch();
  assert.deepEqual(step('heard', { word: { user: 'bob', answer: { ...low, user: 'bob' } } }), ['ask 0']);
  assert.deepEqual([engine.known.num, engine.position], [2, 'p1']);
  assert.deepEqual(step('answered', { answer: answerOf('bob', 1, low) }), ['badge 1', 'emit change {"num":1,"version":2,"seq":3}']);
  assert.equal(engine.position, null);
});

for (const [type, more] of [['answered', {}], ['changed', {}], ['listed', { isNewest: true }]]) {
  const answer = { ...answerOf('bob', 1, low), position: 'p2' };

  test(`another epoch in what is ${type}: it is taken if nothing came since, else asked again`, () => {
    const { engine, step } = makeLiveInEpoch();
    const before = engine.moment;
    assert.deepEqual(step(type, { answer, ...more }).slice(0, 2), ['badge 1', 'emit change {"num":1,"version":2,"seq":3}']);
    const late = { ...answerOf('bob', 9, { epoch: 'old' }), position: 'p1' };
    assert.deepEqual(step(type, { answer: late, asked: before, ...more }), ['ask 0']);
    assert.deepEqual(step('answered', { answer }).slice(0, 1), ['badge 1']);
    assert.deepEqual([engine.known.seq, engine.position], [3, null]);
  });
}

test('a message is announced again when its id comes in another epoch', () => {
  const { step } = makeLiveInEpoch();
  const ring = { version: 6, seq: 9, num: 3, hit: 1, id: 813, epoch: 'old' };
  assert.ok(step('rung', { ring, isHidden: false }).includes('announce 813 bob old 3'));
  const answer = answerOf('bob', 1, { ...low, hit: 1, latest: 813 });
  assert.ok(step('answered', { answer }).includes('announce 813 bob new 1'));
  assert.deepEqual(step('answered', { answer }), ['badge 1']);
});

test('what names no epoch is of that which is known; the first name changes nothing', () => {
  const { step } = makeLive();
  const ring = { version: 6, seq: 9, num: 3, hit: 1, id: 813 };
  step('rung', { ring, isHidden: false });
  assert.deepEqual(step('pinged', { ping: { seq: 9, epoch: 'old' }, isHidden: false }), []);
  assert.deepEqual(step('rung', { ring, isHidden: false }), ['badge 3']);
  assert.deepEqual(step('answered', { answer: answerOf('bob', 2) }), ['badge 2', 'emit change {"num":2,"version":5,"seq":9}']);
  assert.deepEqual(step('pinged', { ping: { seq: 9, epoch: 'new' }, isHidden: false }), ['ask 0']);
});

test('a ping with a higher number asks, once: until an answer comes that is right, the poller asks again', () => {
  const { engine, step } = makeLive();
  const ping = (seq, isHidden = false) => step('pinged', { ping: { seq }, isHidden });
  assert.deepEqual([ping(undefined), ping(8), ping(9)], [[], [], []]);
  const before = engine.moment;
  assert.deepEqual(ping(10), ['ask 0']);
  step('answered', { answer: answerOf('bob', 2), asked: before });
  assert.deepEqual(ping(10), []);
  step('failed', { error: { status: 503 } });
  assert.deepEqual(ping(10), []);
  step('answered', { answer: answerOf('bob', 2) }); // what it is about is not bob's
  assert.deepEqual([ping(10), ping(9)], [[], []]);
  assert.deepEqual(ping(11, true), []);
  assert.deepEqual(step('shown'), ['wake false', 'ask 0']);
  step('answered', { answer: answerOf('bob', 2) });
  assert.deepEqual(step('shown'), ['wake false']);
});

test('a ping after a ring that is to be asked about within a spread asks no earlier', () => {
  const { step } = makeLive();
  assert.deepEqual(step('rung', { ring: { seq: 10, spread_ms: 60_000 }, isHidden: false }), ['ask 60000']);
  assert.deepEqual(step('pinged', { ping: { seq: 10 }, isHidden: false }), []);
  assert.deepEqual(step('pinged', { ping: { seq: 11 }, isHidden: false }), ['ask 0']);
});

test('what a ping said before another epoch counts no more after it', () => {
  const { engine, step } = makeLiveInEpoch();
  step('pinged', { ping: { seq: 90, epoch: 'old' }, isHidden: false });
  const { moment } = engine;
  step('pinged', { ping: { seq: 5, epoch: 'new' }, isHidden: false });
  step('answered', { answer: answerOf('bob', 1, low), asked: moment });
  assert.deepEqual(step('pinged', { ping: { seq: 5, epoch: 'new' }, isHidden: false }), ['ask 0']);
});

test('a live page asks now and then, unless it is told never to', () => {
  const { step } = makeLive();
  assert.deepEqual(step('refresh-due'), ['timer refresh 900000', 'ask 0']);
  const never = makeEngine({ refreshInterval: 0 });
  never.step('start');
  const outputs = never.step('welcomed', { user: 'bob', transport: 'websocket' });
  assert.ok(!outputs.some((output) => output.startsWith('timer refresh')));
});

test('a lost session: polls, and keeps what it shows', () => {
  const { engine, step } = makeLive();
  assert.deepEqual(step('lost'), ['timer poll 60000', 'timer refresh null', 'emit state {"state":"polling","transport":"polling"}']);
  assert.deepEqual(step('poll-due'), ['timer poll 60000', 'ask 0']);
  assert.equal(engine.known.num, 2);
});

const gone = ['forget', 'reset', 'badge null', 'emit change {"num":null,"version":null,"seq":null}'];

test('a failure changes nothing, unless nobody is logged in', () => {
  const { step } = makeLive();
  for (const status of [0, 403, 404, 429, 500, 503]) assert.deepEqual(step('failed', { error: { status } }), [], `${status}`);
  assert.deepEqual(step('failed', { error: { status: 401 } }), [
    'tell {"login":null}', ...gone, 'disconnect', 'timer poll 60000', 'timer refresh null', 'emit state {"state":"logged-out","transport":null}',
  ]);
  const again = step('failed', { error: { status: 401 } });
  assert.ok(!again.includes('tell {"login":null}'));
});

const anew = [...gone, 'relogin', 'timer poll 60000', 'timer refresh null', 'emit state {"state":"connecting","transport":null}'];
const carols = ['tell {"login":"carol"}', 'badge 1', 'emit change {"num":1,"version":5,"seq":9}'];

for (const [what, type, input, outputs] of [
  ['an answer', 'answered', { answer: answerOf('carol', 1) }, [...anew, ...carols]],
  ['a list', 'listed', { answer: { ...answerOf('carol', 1), position: 'p1' }, isNewest: true }, [...anew, ...carols, 'ask 0']],
  ['a refused write', 'denied', { error: { status: 409, code: 'another_user' } }, [...anew, 'ask 0']],
]) {
  test(`another user, met in ${what}: everything is forgotten`, () => {
    const { engine, step } = makeLive();
    const { login } = engine;
    assert.deepEqual(step(type, input), outputs);
    assert.notEqual(engine.login, login);
    assert.equal(engine.position, null);
  });
}

test('a welcome of another user forgets the last one', () => {
  const { engine, step } = makeLive();
  const outputs = step('welcomed', { user: 'carol', transport: 'websocket' });
  assert.deepEqual(outputs.slice(0, 5), [...gone, 'tell {"login":"carol"}']);
  assert.deepEqual([engine.user, engine.known], ['carol', null]);
});

test('an answer without a user, as an older app gives it, is believed', () => {
  const { engine, step } = makeLive();
  assert.deepEqual(step('answered', { answer: answerOf(undefined, 2) }), ['badge 2']);
  assert.equal(engine.user, 'bob');
});

for (const [what, word, isByCookie, outputs] of [
  ['that this user has logged in', { login: 'bob' }, true, []],
  ['that another has', { login: 'carol' }, true, ['ask 0']],
  ['that nobody is logged in', { login: null }, true, ['ask 0']],
  ['that another has, to a page with a token', { login: 'carol' }, false, []],
  ['of a change', { user: 'bob', answer: answerOf('bob', 1, { version: 6 }) }, true, ['badge 1', 'emit change {"num":1,"version":6,"seq":9}']],
  ['of another user\'s change', { user: 'carol', answer: answerOf('carol', 7, { version: 60 }) }, true, []],
  ['of a change that crossed', { user: 'bob', answer: answerOf('bob', 1, { version: 6, seq: 8 }) }, true, ['ask 0']],
]) {
  test(`another tab tells ${what}`, () => {
    const { step } = makeLive({ isByCookie: () => isByCookie });
    assert.deepEqual(step('heard', { word }), outputs);
  });
}

test('a change of its own is shown, and told to the other tabs', () => {
  const { step } = makeLive();
  const answer = { num: 1, version: 6, seq: 9, user: 'bob' };
  assert.deepEqual(step('changed', { answer }), [
    'badge 1', 'emit change {"num":1,"version":6,"seq":9}', `tell ${JSON.stringify({ user: 'bob', answer })}`,
  ]);
});

for (const [why, state, outputs] of [['login', 'polling', ['ask 0']], ['stop', 'kicked', []]]) {
  test(`refused by the relay, to ${why}`, () => {
    const { engine, step } = makeLive();
    step('lost');
    assert.deepEqual(step('refused', { why }).filter((output) => !output.startsWith('emit')), outputs);
    assert.equal(engine.told.state, state);
    const resumes = step('answered', { answer: answerOf('bob', 2) }).includes('resume');
    assert.equal(resumes, why === 'login');
  });
}

test('stopped: nothing is left running, and a late loss starts nothing', () => {
  const { step } = makeLive();
  assert.deepEqual(step('stop'), ['timer first null', 'reset', 'disconnect', 'timer refresh null', 'emit state {"state":"stopped","transport":null}']);
  assert.deepEqual(step('lost'), []);
});

test('every input is documented, and every output', async () => {
  const { readFileSync } = await import('node:fs');
  const text = readFileSync(new URL('../../www/bell/core/engine.js', import.meta.url), 'utf8');
  const [head] = text.split('import ');
  for (const [, name] of text.matchAll(/^    '?([a-z-]+)'?: \(.*\) => this\.#/gm)) assert.ok(head.includes(name), name);
  for (const [, name] of text.matchAll(/#put\('([a-z]+)'/g)) assert.ok(head.includes(name), name);
});
