// SPDX-License-Identifier: MIT
// Every call of doorbell.php, by curl and by streams, against a real Doorbell.

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/index.mjs';
import { ask, drive, fail, optionsOf, TRANSPORTS } from './php.mjs';

const strange = 'a/b%ü 中';

for (const [name, args] of Object.entries(TRANSPORTS)) {
  const how = { args };

  test(`by ${name}: sends to one, to a list, to all and to a group`, async (t) => {
    const stack = await startStack(t);
    const options = optionsOf(stack);
    const send = (...call) => ask(options, call, how);
    const num = async (user) => (await send('unread', user)).num;
    assert.equal(await num('new'), 0);
    const fields = { body: '茶好了', url: '/orders/7', category: 'orders', sender: 'shop', extra: { order: { number: 'A-7' } } };
    const { id, ...rest } = await send('send', 42, 'Ünïcode & <b>', fields);
    assert.deepEqual(rest, { recipients: 1, duplicate: false });
    const { messages } = await send('messages', 42);
    assert.deepEqual([messages[0].id, messages[0].title, messages[0].body, messages[0].extra, messages[0].url],
      [id, 'Ünïcode & <b>', fields.body, fields.extra, fields.url]);

    assert.equal((await send('send', [strange, 'bob', 7], 'A list')).recipients, 3);
    assert.equal((await send('send', { 3: 'bob', 9: 'carol' }, 'A list with holes')).recipients, 2);
    assert.equal((await send('send', [], 'To nobody')).recipients, 0);
    assert.equal(await num(strange), 1);
    assert.equal(await num('7'), 1);

    assert.equal((await send('send_to_all', 'Maintenance', { expires_in: 3600 })).recipients, null);
    assert.equal(await num('new'), 1);
    assert.deepEqual(await send('group_add', 'Night shift / north', ['bob', strange, 7]), { added: 3, removed: 0 });
    assert.deepEqual(await send('group_add', 'Night shift / north', '..'), { added: 1, removed: 0 });
    await send('send_to_group', 'Night shift / north', 'A draft');
    assert.equal(await num(strange), 3);
    assert.deepEqual(await send('group_remove', 'Night shift / north', '..'), { added: 0, removed: 1 });
    const first = await send('group_members', 'Night shift / north', null, 2);
    assert.deepEqual(first, { members: ['7', strange], next: strange });
    assert.deepEqual((await send('group_members', 'Night shift / north', first.next)).members, ['bob']);
  });

  test(`by ${name}: asks and marks for a user`, async (t) => {
    const stack = await startStack(t);
    const options = optionsOf(stack);
    const results = async (...calls) => (await drive(options, calls, how)).slice(1).map((one) => one.answer ?? one);
    const [one, two, , terms] = await results(
      ['send', 'alice', 'One', { category: 'news' }], ['send', 'alice', 'Two', { subject_type: 'order', subject_id: '7' }],
      ['send', 'alice', 'Three'], ['send', 'alice', 'Terms', { ack: true }]);
    const [all, news, counts, unread, page, message] = await results(
      ['unread', 'alice'], ['unread', 'alice', 'news'], ['counts', 'alice'], ['messages', 'alice', { state: 'unread', category: 'news' }],
      ['messages', 'alice', { limit: 3 }], ['message', 'alice', one.id]);
    assert.deepEqual([all.num, all.user, news.num, counts.categories], [4, 'alice', 1, { news: 1 }]);
    assert.deepEqual(unread.messages.map(({ id }) => id), [one.id]);
    assert.deepEqual(message, unread.messages[0]);
    const [rest] = await results(['messages', 'alice', { limit: 3, before: page.next }]);
    assert.deepEqual(rest.messages.map(({ id }) => id), [one.id]);

    const nums = async (...calls) => (await results(...calls)).map((answer) => answer.num ?? answer);
    assert.deepEqual(await nums(
      ['mark_read', 'alice', one.id], ['mark_unread', 'alice', one.id], ['mark_read', 'alice', [one.id, two.id]],
      ['mark_unread', 'alice', [one.id, two.id]], ['mark_subject_read', 'alice', 'order', 7], ['mark_oldest_read', 'alice', 1],
      ['mark_read_upto', 'alice', page.position], ['mark_all_unread', 'alice'], ['mark_all_read', 'alice'],
      ['acknowledge', 'alice', terms.id],
      ['mark_unread', 'alice', two.id], ['archive', 'alice', two.id], ['remove', 'alice', one.id],
      ['seen', 'alice', page.position],
    ), [3, 4, 2, 4, 3, 2, 1, 4, 1, 0, 1, 0, 0, 0]);
    const [archived] = await results(['messages', 'alice', { state: 'archived' }]);
    assert.deepEqual(archived.messages.map(({ id }) => id), [two.id]);
    assert.equal((await fail(options, ['message', 'alice', one.id], how)).status, 404);

    const [five, six, , , page2] = await results(['send', 'alice', 'Five'], ['send', 'alice', 'Six'], ['send', 'alice', 'Seven', { category: 'news' }],
      ['send', 'alice', 'Eight'], ['messages', 'alice'], ['send', 'alice', 'Nine']);
    const changes = await results(['archive', 'alice', [five.id]], ['remove', 'alice', [five.id, six.id]], ['archive_matching', 'alice', { category: 'news' }],
      ['remove_matching', 'alice', { all: true, upto: page2.position }], ['archive_matching', 'alice', { read: true }]);
    assert.deepEqual(changes.map(({ changed, num }) => [changed, num]), [[1, 4], [2, 3], [1, 2], [3, 1], [0, 1]]);

    const likes = { group_key: 'like:7' };
    const [, , grouped, , members] = await results(['send', 'alice', 'Ann', { ...likes, sender: 'Ann' }], ['send', 'alice', 'Bob', { ...likes, sender: 'Bob' }],
      ['messages', 'alice', { grouped: true, limit: 1 }], ['send', 'alice', 'Cy', likes], ['messages', 'alice', likes]);
    assert.deepEqual(grouped.messages[0].group, { key: 'like:7', count: 2, unread: 2, senders: ['Bob', 'Ann'], others: 0 });
    assert.equal(members.messages.length, 3);
    const marked = await results(['mark_group_read', 'alice', 'like:7', grouped.position], ['mark_group_read', 'alice', 'like:7'], ['remove_matching', 'alice', likes]);
    assert.deepEqual(marked.map(({ changed }) => changed), [2, 1, 3]);
  });

  test(`by ${name}: statistics, recall, revoke, and any other call`, async (t) => {
    const stack = await startStack(t);
    const options = optionsOf(stack);
    const { id } = await ask(options, ['send', 'alice', 'By mistake'], how);
    assert.equal((await ask(options, ['sent', id], how)).recalled, false);
    assert.equal((await ask(options, ['explain', strange, id], how)).reason, 'not_addressed');
    assert.deepEqual(await ask(options, ['recall', id], how), { recalled: true });
    assert.equal((await ask(options, ['unread', 'alice'], how)).num, 0);
    assert.equal((await ask(options, ['explain', 'alice', id], how)).reason, 'recalled');
    for (const to of ['alice', 'bob']) await ask(options, ['send', to, 'Spam', { sender: 'Mallory & co' }], how);
    const part = await ask(options, ['recall_matching', { sender: 'Mallory & co', category: null, limit: 1 }], how);
    assert.equal(part.recalled, 1);
    assert.deepEqual(await ask(options, ['recall_matching', { sender: 'Mallory & co', before: part.next }], how), { recalled: 1, next: null });
    assert.match((await fail(options, ['recall_matching', { sendr: 'Mallory' }], how)).message, /"sendr" is unknown/);
    assert.equal((await ask(options, ['call', 'PUT', '/categories/alarms', { critical: true }], how)).critical, true);
    assert.deepEqual((await ask(options, ['call', 'GET', '/categories'], how)).categories.map(({ name: category }) => category), ['alarms']);
    assert.deepEqual(await ask(options, ['call_as', 'alice', 'GET', '/preferences'], how), { muted: [], lang: null, quiet_hours: null });
    // The token of before is void; the next one is good, whatever the clock of this machine.
    const results = await drive({ ...options, clock: Date.now() / 1000 - 20 }, [
      ['unread', 'alice'], ['revoke', 'alice'], ['unread', 'alice'], ['token', 'alice']], how);
    assert.deepEqual(results[2].answer, { revoked: true });
    assert.equal(results[3].answer.num, 0);
    stack.secrets.add(results[4].answer);
  });

  test(`by ${name}: without the secret, doorbell-app makes the tokens`, async (t) => {
    const stack = await startStack(t);
    const options = { ...optionsOf(stack), secret_file: null };
    await ask(options, ['send', strange, 'Hello'], how);
    assert.equal((await ask(options, ['unread', strange], how)).num, 1);
    assert.match((await fail(options, ['token', 'alice', { lang: 'de' }], how)).message, /set secret_file/);
  });

  test(`by ${name}: a send that is repeated with its key is stored once`, async (t) => {
    const stack = await startStack(t);
    const options = optionsOf(stack);
    const [, one, two] = await drive(options, [['send', 'alice', 'Hello', { key: 'k1' }], ['send', 'alice', 'Hello', { key: 'k1' }]], how);
    assert.deepEqual(two.answer, { ...one.answer, duplicate: true });
    assert.equal((await fail(options, ['send', 'alice', 'Other', { key: 'k1' }], how)).reason, 'conflict');
    // Without one each send is a message; the key that it was given comes with the error.
    await drive(options, [['send', 'alice', 'Hello'], ['send', 'alice', 'Hello']], how);
    assert.equal((await ask(options, ['unread', 'alice'], how)).num, 3);
    await stack.app.stop();
    const { key } = await fail(options, ['send', 'alice', 'Late'], how);
    assert.match(key, /^php-[0-9a-f]{32}$/);
    await stack.app.start();
    const { id } = await ask(options, ['send', 'alice', 'Late', { key }], how);
    assert.deepEqual(await ask(options, ['send', 'alice', 'Late', { key }], how), { id, recipients: 1, duplicate: true });
  });

  test(`by ${name}: a batch is sent once, all or none, or each by itself`, async (t) => {
    const stack = await startStack(t);
    const options = optionsOf(stack);
    const send = (...call) => ask(options, ['send_batch', ...call], how);
    const num = async (user) => (await ask(options, ['unread', user], how)).num;
    const defaults = { title: 'Points', url: '/points' };
    const messages = [{ to: 'alice', extra: { points: 7 } }, { to: ['bob', 7], extra: [] }, { group: 'editors', title: 'Own', key: 'own' }];
    const sent = await send(messages, { defaults, key: 'once' });
    assert.deepEqual(sent.map(({ recipients }) => recipients), [1, 2, null]);
    assert.deepEqual(await send(messages, { defaults, key: 'once' }), sent.map((one) => ({ ...one, duplicate: true })));
    const { messages: [shown] } = await ask(options, ['messages', 'alice'], how);
    assert.deepEqual([shown.title, shown.url, shown.extra], ['Points', '/points', { points: 7 }]);
    assert.deepEqual(await send([]), []);
    assert.equal((await send({ 3: { to: 'carol', title: 'x' } })).length, 1);

    const refused = await fail(options, ['send_batch', [{ to: 'dora', title: 'x' }, { to: 'dora' }]], how);
    assert.deepEqual([refused.status, refused.reason, refused.index], [422, 'invalid', 1]);
    assert.match(refused.message, /title is missing \(message 1\)/);
    const each = await send([{ to: 'dora', title: 'x' }, { to: 'dora' }], { atomic: false });
    assert.deepEqual([each[0].recipients, each[1].error.code], [1, 'invalid']);
    assert.equal(await num('dora'), 1);
    assert.match((await fail(options, ['send_batch', ['x']], how)).message, /message 0 must be an array/);
    assert.match((await fail(options, ['send_batch', [], { to: 'x' }], how)).message, /"to" is no option of send_batch/);

    await stack.app.stop();
    const { key } = await fail(options, ['send_batch', messages.slice(0, 2), { defaults }], how);
    assert.match(key, /^php-[0-9a-f]{32}$/);
    await stack.app.start();
    await send(messages.slice(0, 2), { defaults, key });
    assert.deepEqual((await send(messages.slice(0, 2), { defaults, key })).map(({ duplicate }) => duplicate), [true, true]);
  });

  test(`by ${name}: a large list and a large body pass`, async (t) => {
    const stack = await startStack(t);
    const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
    const options = optionsOf(stack);
    const long = { body: '中'.repeat(20_000) };
    assert.equal((await ask(options, ['send', users, 'Many', long], how)).recipients, 20_000);
    const results = await drive(options, [...Array(30).fill(['send', 'user-7', 'Long', long]), ['messages', 'user-7', { limit: 100 }]], how);
    assert.equal(results.at(-1).answer.messages.length, 31);
  });

  test(`by ${name}: sent_message() is web-msg-sender's call`, async (t) => {
    const stack = await startStack(t, { config: { 'relay.legacy_publish': 'yes' } });
    const options = optionsOf(stack);
    assert.equal(await ask(options, ['sent_message', '42', 'Hello'], how), 'offline');
    const bell = await stack.connect('42');
    assert.equal(await ask(options, ['sent_message', 42, 'Hello 中'], how), 'ok');
    await bell.next('ring');
    assert.equal(await ask(options, ['sent_message'], how), 'ok');
    await bell.next('ring');
    const [, , { answer }] = await drive({ ...options, relay_url: `${stack.url}/nothing` }, [['sent_message'], ['sent_message', '42']], how);
    assert.equal(answer, 'fail');
  });

  test(`by ${name}: sent_message() with the publish key, without it, and without a relay`, async (t) => {
    const stack = await startStack(t);
    const options = optionsOf(stack);
    const key = { publish_key_file: `${stack.dir}/publish.key` };
    assert.equal(await ask({ ...options, ...key }, ['sent_message', '42', 'Hello'], how), 'offline');
    assert.equal(await ask(options, ['sent_message', '42', 'Hello'], how), 'fail');
    await stack.relay.stop();
    const results = await drive({ ...options, ...key }, [['sent_message', '42', 'Hello']], how);
    assert.equal(results[1].answer, false);
    assert.match(results.log, /no reply to POST /);
  });
}
