// SPDX-License-Identifier: MIT
// doorbell.php where something is wrong: it says what to do, in time, and tells no secret.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { freePort, startStack } from '../../harness/index.mjs';
import { makeKey } from '../../harness/secret.mjs';
import { ask, client, drive, fail, optionsOf, runPhp, TRANSPORTS } from './php.mjs';

const KEY = 'k'.repeat(32);

for (const [options, message] of [
  [{ adress: 'x' }, /^"adress" is no option; these are: url, send_key_file, /],
  [{ url: 'ftp://example.org' }, /^url must be an http or https URL without user/],
  [{ url: 'https://me:secret@example.org/doorbell' }, /^url must be an http/],
  [{ url: '/doorbell' }, /^url must be/],
  [{ url: ['x'] }, /^url must be/],
  [{ relay_url: 'http://127.0.0.1:2121/?key=x' }, /^relay_url must be/],
  [{ timeout: 0 }, /^timeout must be a number of seconds above 0/],
  [{ connect_timeout: 'soon' }, /^connect_timeout must be a number/],
  [{ page_timeout: -1 }, /^page_timeout must be/],
  [{ token_ttl: 0 }, /^token_ttl must be/],
  [{ token_ttl: 0.5 }, /^token_ttl must be a whole number/],
  [{ send_key: 'short' }, /^send_key must be one line of at least 32 bytes; make one by: head/],
  [{ secret: `${KEY}\n` }, /^secret must be one line/],
  [{ publish_key: 7 }, /^publish_key must be/],
  [{ send_key_file: '' }, /^send_key_file must be the path of a file, or null/],
  [{ audience: 7 }, /^audience must be a text/],
  [{ script: '' }, /^script must be a URL, or null/],
  [{ cookie_domain: 'example.org; Secure' }, /^cookie_domain must be a domain such as example.org/],
  [{ secure: 'yes' }, /^secure must be true, false, or null/],
  [{ clock: 'no such function' }, /^clock must be a function/],
]) {
  test(`a wrong option is refused: ${JSON.stringify(options)}`, async () => {
    const error = await fail(options);
    assert.match(error.message, message);
    assert.deepEqual([error.status, error.reason], [0, 'invalid']);
    assert.ok(!error.text.includes('secret@') && !error.text.includes(KEY), error.text);
  });
}

for (const [call, message] of [
  [['send', '*', 'x'], /to everybody: send_to_all\(\)/],
  [['send', '', 'x'], /^a user must be an id of 1 to 128 bytes/],
  [['send', 'a\nb', 'x'], /^a user must be/],
  [['send', ['bob', null], 'x'], /^a user must be/],
  [['send', 'x'.repeat(129), 'x'], /^a user must be/],
  [['send', 'bob', 'x', { to: 'carol' }], /^"to" is an argument of its own/],
  [['unread', null], /^a user must be/],
  [['recall', 'seven'], /^a message's id must be a number/],
  [['mark_read', 'bob', ['7', '../x']], /^a message's id must be a number/],
  [['token', 'bob', { role: 'admin' }], /^"role" is no claim; there are since and lang/],
  [['inbox_tag', 'bob', { num: 1, onclick: 'x()' }], /^"onclick" is no attribute/],
  [['inbox_tag', 'bob', { num: 1, 'a b': 'x' }], /^"a b" is no attribute/],
]) {
  test(`a wrong argument is refused without a call: ${JSON.stringify(call).slice(0, 60)}`, async () => {
    const error = await fail({ send_key: KEY, secret: KEY.replace('k', 's'), url: `http://127.0.0.1:${await freePort()}/doorbell` }, call);
    assert.match(error.message, message);
    assert.equal(error.status, 0);
    assert.ok(!error.text.includes(KEY.slice(0, 12)), error.text);
  });
}

test('a text that is not UTF-8 is refused, with the remedy', async () => {
  const script = `require ${JSON.stringify(client)}; $bell = new Doorbell(['send_key' => '${KEY}']);
    try { $bell->send('bob', "\\xc4\\xe3\\xba\\xc3"); } catch (DoorbellError $e) { echo $e->getMessage(); }`;
  const { stdout } = await runPhp(['-r', script]);
  assert.match(stdout, /^POST \/messages: .*; texts must be UTF-8: convert others by mb_convert_encoding\(\$text, 'UTF-8', 'GBK'\)$/);
});

test('key files: unreadable, empty, short, and one of two lines', async (t) => {
  const stack = await startStack(t);
  const options = optionsOf(stack);
  const write = (name, text) => {
    const file = path.join(stack.dir, name);
    writeFileSync(file, text);
    return file;
  };
  const none = await fail({ ...options, send_key_file: '/nowhere/send.key' }, ['send', 'bob', 'x']);
  assert.match(none.message, /^send_key_file = \/nowhere\/send.key cannot be read by PHP: let its group read it/);
  for (const text of ['', '\n', 'short\n']) {
    const error = await fail({ ...options, secret_file: write('bad.key', text) }, ['unread', 'bob']);
    assert.match(error.message, /^the first line of secret_file must be one line of at least 32 bytes/);
  }
  assert.match((await fail({ ...options, send_key_file: null }, ['send', 'bob', 'x'])).message, /^no key to send with: set send_key_file/);
  const two = write('two.key', `${stack.sendKey}\n${makeKey()}\n`);
  assert.equal((await ask({ ...options, send_key_file: two }, ['send', 'bob', 'x'])).recipients, 1);
  assert.equal((await ask({ ...options, send_key_file: null, send_key: stack.sendKey }, ['send', 'bob', 'x'])).recipients, 1);
});

for (const [name, args] of Object.entries(TRANSPORTS)) {
  const how = { args };

  test(`by ${name}: a key that is wrong, or not for this; a refused field`, async (t) => {
    const stack = await startStack(t, { keys: { metrics: 'metrics' }, config: { 'auth.audience': 'shop' } });
    const options = { ...optionsOf(stack), audience: 'shop' };
    const other = makeKey();
    const wrong = await fail({ ...options, send_key_file: null, send_key: other }, ['send', 'bob', 'x'], how);
    assert.deepEqual([wrong.status, wrong.reason], [401, 'unauthorized']);
    assert.match(wrong.message, /^POST \/messages returned 401 unauthorized: .*; check that send_key_file holds the first line/);
    assert.ok(!wrong.text.includes(other.slice(0, 12)), wrong.text);
    const limited = await fail({ ...options, send_key_file: null, send_key: stack.keys.metrics }, ['send', 'bob', 'x'], how);
    assert.equal(limited.status, 403);
    const forged = await fail({ ...options, secret_file: null, secret: makeKey() }, ['unread', 'bob'], how);
    assert.match(forged.message, /401 unauthorized: .*; check that secret_file holds the first line of the auth.secret/);
    assert.match((await fail({ ...options, audience: 'other' }, ['unread', 'bob'], how)).message, /and audience its setting$/);
    assert.equal((await ask(options, ['unread', 'bob'], how)).num, 0);
    const field = await fail({ ...options, send_key_file: null, send_key: stack.sendKey }, ['send', 'bob', 'x', { titel: 'y' }], how);
    assert.deepEqual([field.status, field.reason], [422, 'invalid']);
    assert.match(field.message, /titel/);
  });

  test(`by ${name}: what is not doorbell-app is not taken for it`, async (t) => {
    const stack = await startStack(t);
    const options = { ...optionsOf(stack), url: `${stack.url}/elsewhere` };
    const error = await fail(options, ['send', 'bob', 'x'], how);
    assert.deepEqual([error.status, error.reason], [404, 'not_ours']);
    assert.match(error.message, /check that url is the address of its API, and that doorbell-app runs$/);
    await stack.app.stop();
    assert.deepEqual((await fail(optionsOf(stack), ['unread', 'bob'], how)).reason, 'not_ours');
  });

  test(`by ${name}: a database that is down is told, with when to try again`, async (t) => {
    const stack = await startStack(t, { ownCluster: true });
    await stack.cluster.stop();
    const error = await fail(optionsOf(stack), ['send', 'bob', 'x'], how);
    assert.deepEqual([error.status, error.reason], [503, 'unavailable']);
    assert.ok(error.retry_after > 0);
    assert.match(error.message, /; try again in \d+ s$/);
    await stack.cluster.start();
  });

  test(`by ${name}: nobody listens, or nothing is ever said`, async (t) => {
    const closed = { send_key: KEY, secret: KEY.replace('k', 's'), url: `http://127.0.0.1:${await freePort()}/doorbell` };
    const refused = await fail(closed, ['send', 'bob', 'x'], how);
    assert.deepEqual([refused.status, refused.reason], [0, 'no_reply']);
    assert.match(refused.message, /^no reply to POST http:\/\/127.0.0.1:\d+\/doorbell\/messages within 2 s \(.*\); check that the address is right/);

    const sockets = [];
    const drip = net.createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        if (!bytes.toString().includes('/unread')) return; // a send gets no word
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n');
        const timer = setInterval(() => socket.write(' '), 20); // a word now and then, and no end
        socket.on('close', () => clearInterval(timer));
      });
    });
    t.after(() => { sockets.forEach((socket) => socket.destroy()); drip.close(); });
    await new Promise((resolve) => { drip.listen(0, '127.0.0.1', resolve); });
    const hung = { ...closed, url: `http://127.0.0.1:${drip.address().port}/doorbell`, timeout: 0.5 };
    for (const call of [['send', 'bob', 'x'], ['unread', 'bob']]) {
      const error = await fail(hung, call, how);
      assert.equal(error.reason, 'no_reply');
      assert.ok(error.ms >= 400 && error.ms < 5000, `${error.ms} ms`);
    }
    // A page waits once, and has its bell without a number.
    const results = await drive({ ...hung, timeout: 60 }, [['inbox_tag', 'bob'], ['inbox_tag', 'bob']], how);
    assert.match(results[1].answer, /<doorbell-inbox user="bob"><\/doorbell-inbox>$/);
    assert.ok(results[1].ms < 5000, `${results[1].ms} ms`);
    assert.equal(results[2].answer, '<doorbell-inbox user="bob"></doorbell-inbox>');
    assert.ok(results[2].ms < 100, `${results[2].ms} ms`);
    assert.equal(results.log.match(/no reply to GET/g).length, 1);
  });
}

test('without curl and allow_url_fopen it says what to install', async () => {
  const how = { args: [...TRANSPORTS.streams, '-d', 'allow_url_fopen=0'] };
  const error = await fail({ send_key: KEY }, ['send', 'bob', 'x'], how);
  assert.match(error.message, /install its curl extension, or set allow_url_fopen = 1$/);
});

test('a dump of the object has no secret', async () => {
  const [{ answer }] = await drive({ send_key: KEY, secret: KEY.replace('k', 's') }, []);
  assert.ok(answer.includes('http://127.0.0.1/doorbell') && !answer.includes('kkk'), answer);
});

test('an attribute is escaped, and a link is there without the script', async () => {
  const [, first, second, third] = await drive({ send_key: KEY, script: '/a"b.js' }, [
    ['inbox_tag', 'bob', { num: 3, href: '/inbox?a=1&b="2"', theme: "'dark'<" }],
    ['inbox_tag', 'bob', { num: 3, href: '/inbox', text: 'Inbox <b>' }], ['inbox_tag', 'bob', { num: 0, href: '/inbox', text: '收件箱' }]]);
  assert.equal(first.answer, '<script src="/a&quot;b.js" defer></script>\n'
    + '<doorbell-inbox user="bob" num="3" href="/inbox?a=1&amp;b=&quot;2&quot;" theme="&#039;dark&#039;&lt;"></doorbell-inbox>');
  assert.equal(second.answer, '<doorbell-inbox user="bob" num="3"><a href="/inbox">Inbox &lt;b&gt; <span data-num>3</span></a></doorbell-inbox>');
  assert.equal(third.answer, '<doorbell-inbox user="bob" num="0"><a href="/inbox">收件箱 <span data-num></span></a></doorbell-inbox>');
});
