// SPDX-License-Identifier: MIT
// The clock of one part is set wrong while all run, and set right again: messages get through, no session ends for it
// whose token is good, counts are exact, and log and metrics tell.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Clock, HOUR, TEN_YEARS, startStack, until } from '../../harness/index.mjs';

const skip = process.env.SANITIZE ? 'two libraries that want to be loaded first' : false;
const steps = [['an hour ahead', HOUR], ['an hour behind', -HOUR], ['ten years ahead', TEN_YEARS]];
// Tokens that outlive a clock which is wrong by hours; `ahead` is what the clock that judges them is ahead by.
const lasting = (stack, user, ahead = 0) => stack.token(user, { iat: 1, exp: Math.floor(Date.now() / 1000) + ahead + 300 * 86400 });

async function metric(stack, program, name) {
  const { text } = program === 'app' ? await stack.api('GET', '/metrics', { service: true })
    : await stack.publish('GET', '/metrics');
  return Number(new RegExp(`^doorbell_${program}_${name} (-?\\d+)$`, 'm').exec(text)[1]);
}

const difference = (stack) => metric(stack, 'app', 'clock_difference_seconds');
const isNear = (value, wanted) => Math.abs(value - wanted) <= 2;

async function sendTo(stack, audience) {
  const answer = await stack.api('POST', '/messages', { service: true, json: { ...audience, title: 't' } });
  assert.equal(answer.status, 201, answer.text);
}

async function unreadOf(stack, user, ahead) {
  const answer = await stack.api('GET', '/unread', { headers: { authorization: `Bearer ${lasting(stack, user, ahead)}` } });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.num;
}

// One message to the user and one to all, which the check shows, and the page if it is there.
async function passTwo(stack, bell, count, { appIsAhead = 0 } = {}) {
  const from = bell.frames.length;
  await sendTo(stack, { to: ['ann'] });
  await sendTo(stack, { to: '*' });
  assert.equal(await unreadOf(stack, 'ann', appIsAhead), count + 2);
  if (!bell.closed) await bell.next('ring', { from });
  return count + 2;
}

async function open(stack) {
  const bell = stack.connectRaw({ token: lasting(stack, 'ann') });
  await bell.next('welcome');
  return bell;
}

async function start(t, part) {
  const clock = await Clock.make(t);
  const env = { env: clock.env };
  const stack = await startStack(t, { ownCluster: part === 'database' ? env : true,
    appOptions: part === 'app' ? env : {}, relayOptions: part === 'relay' ? env : {}, config: { 'auth.token_ttl_max': '366d' } });
  return { clock, stack, bell: await open(stack) };
}

// That the log and the metrics of doorbell-app tell the difference, which is `ahead` for the database.
async function isTold(stack, ahead) {
  await until(`a difference of ${ahead} s`, async () => isNear(await difference(stack), ahead));
  const health = await stack.api('GET', '/health', { service: true });
  assert.ok(isNear(health.json.clock_difference_s, ahead), health.text);
  await stack.app.waitLog(/the database's clock is [+-]\d+ s from the one here/);
}

for (const [name, seconds] of steps) {
  for (const part of ['database', 'app', 'relay']) {
    test(`the clock of ${part} is ${name}`, { skip }, async (t) => {
      let { clock, stack, bell } = await start(t, part);
      let count = await passTwo(stack, bell, 0);
      await clock.set(seconds);
      if (part === 'relay') {
        await until('the step to be counted', async () => (await metric(stack, 'relay', 'clock_steps_total')) === 1);
        await stack.relay.waitLog(/the clock was set by [+-]\d+ s/);
      } else {
        await isTold(stack, part === 'database' ? seconds : -seconds);
      }
      // By its own clock the relay has to end a session whose token is over: no token lives for ten years.
      const isOver = part === 'relay' && seconds === TEN_YEARS;
      if (isOver) assert.equal((await bell.untilClosed()).code, 4401);
      count = await passTwo(stack, bell, count, { appIsAhead: part === 'app' ? seconds : 0 });
      const relayIsAhead = { app: -seconds, relay: seconds, database: 0 }[part];
      await until('the relay to be compared', async () => isNear(await metric(stack, 'app', 'relay_clock_difference_seconds'), relayIsAhead));
      if (relayIsAhead) await stack.app.waitLog(/the relay's clock is [+-]\d+ s from the one here/);
      await clock.set(0);
      if (isOver) bell = await open(stack);
      if (part !== 'relay') await until('no difference', async () => isNear(await difference(stack), 0));
      count = await passTwo(stack, bell, count);

      assert.equal(bell.closed, null);
      assert.deepEqual((await stack.db.query('SELECT * FROM doorbell.recount()')).rows, []);
      await stack.db.query('SELECT doorbell.repair_times()');
      const late = await stack.db.query('SELECT FROM doorbell.message WHERE abs(extract(epoch FROM sent_at - clock_timestamp())) > 600');
      assert.equal(late.rowCount, 0);
      assert.equal(await unreadOf(stack, 'ann'), count);
    });
  }
}

for (const part of ['app', 'relay']) {
  test(`fresh tokens that a wrong clock of ${part} refuses are told in the log, once`, { skip }, async (t) => {
    const { clock, stack, bell } = await start(t, part);
    await clock.set(-HOUR);
    for (let i = 0; i < 3; i++) {
      if (part === 'app') {
        assert.equal((await stack.api('GET', '/unread', { user: 'ann' })).status, 401);
      } else {
        const refused = stack.connectRaw({ token: stack.token('ann', { iat: Math.floor(Date.now() / 1000) }) });
        assert.equal((await refused.untilClosed()).reason, 'token not valid');
      }
    }
    await stack[part].waitLog(/a token was refused that is over, or from the future/);
    assert.equal(stack[part].log.match(/a token was refused/g).length, 1);
    await clock.set(0);
    assert.equal((await stack.api('GET', '/unread', { user: 'ann' })).status, 200);
    await passTwo(stack, bell, 0);
  });
}
