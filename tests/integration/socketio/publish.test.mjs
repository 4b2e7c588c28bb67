// SPDX-License-Identifier: MIT
// web-msg-sender's publish call, as its sites make it, seen from a socket.io page: PHP's curl with an
// array, a string, JSON and GET, the curl of a shell with -d and -F, kept and pipelined connections.
// What is answered to native sessions is in relay_legacy and php_site.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { openInNode } from '../../harness/socketio.mjs';
import { urlencode } from '../../harness/http.mjs';
import { until } from '../../harness/wait.mjs';
import { phpPost } from '../../harness/php_post.mjs';
import { Raw } from '../relay/scene.mjs';
import { startScene } from './raw.mjs';

const run = promisify(execFile);
const user = '42';
const text = '你好 😀 <b>&"\'';
const escaped = '你好 😀 &lt;b&gt;&amp;&quot;&#039;';
const long = '中'.repeat(700); // curl waits for 100 Continue from 1,024 bytes on
const legacy = { 'relay.legacy_anonymous': 'yes', 'relay.legacy_login': 'yes', 'relay.legacy_publish': 'yes', 'relay.pace': '0' };

async function openPage(t, scene, login = user) {
  const page = await openInNode({ release: '2.5.0', transport: 'websocket', url: scene.origin, name: `a page of ${login}` });
  t.after(() => page.close());
  await page.waitFor('connect');
  if (login) assert.deepEqual(await page.login(login), { ok: true });
  return page;
}

// The texts that came, once the last of them is there.
async function untilTexts(page, texts) {
  await page.until(`${texts.length} texts`, () => page.all('new_msg').length >= texts.length);
  assert.deepEqual(page.all('new_msg'), texts);
}

// What a site gives to CURLOPT_POSTFIELDS.
const posts = {
  array: (fields) => [fields, []],
  string: (fields) => [urlencode(fields), []],
  json: (fields) => [JSON.stringify(fields), ['Content-Type: application/json']],
};

function php(kind, url, fields, headers = []) {
  const [body, more] = posts[kind](fields);
  return phpPost(url, body, [...headers, ...more]);
}

async function curl(...args) {
  const { stdout } = await run('curl', ['-sS', '-m', '20', '--expect100-timeout', '60', '-w', '\n%{http_code} %{content_type}', ...args]);
  const [body, code] = stdout.split('\n');
  return { body, code };
}

const expects = [['without Expect', ['Expect:']], ['with Expect', ['Expect: 100-continue']]];

for (const kind of Object.keys(posts)) {
  for (const [how, headers] of expects) {
    test(`PHP's curl with ${kind}, ${how}: every row of replies, and the text arrives`, async (t) => {
      const scene = await startScene(t, legacy);
      const page = await openPage(t, scene);
      const guest = await openPage(t, scene, null);
      const rows = [
        [{ to: user, content: text }, 'fail'],
        [{ type: 'other', to: user, content: text }, 'fail'],
        [{ type: 'publish', to: '7', content: text }, 'offline'],
        [{ type: 'publish', to: user, content: text }, 'ok'],
        [{ type: 'publish', to: user, content: long }, 'ok'],
        [{ type: 'publish', to: user }, 'ok'],
        [{ type: 'publish', to: '', content: 'to all' }, 'ok'],
        [{ type: 'publish', to: '0', content: 'to all by 0' }, 'ok'],
        [{ type: 'publish', content: 'to all by none' }, 'ok'],
      ];
      if (kind === 'json') rows.push([{ type: 'publish', to: Number(user), content: 'a number' }, 'ok']);
      for (const [fields, body] of rows) {
        const answer = await php(kind, `${scene.publishUrl}/`, fields, headers);
        assert.deepEqual([answer.status, answer.type, answer.body], [200, 'text/html;charset=utf-8', body], JSON.stringify(fields));
        assert.equal(answer.continued, how === 'with Expect');
      }
      const all = ['to all', 'to all by 0', 'to all by none'];
      await untilTexts(page, [escaped, long, '', ...all, ...(kind === 'json' ? ['a number'] : [])]);
      await untilTexts(guest, all);
    });
  }
}

test("PHP's curl by GET, under legacy_get alone", async (t) => {
  for (const [allowed, status] of [['no', 405], ['yes', 200]]) {
    const scene = await startScene(t, { ...legacy, 'relay.legacy_get': allowed });
    const page = await openPage(t, scene);
    const answer = await phpPost(`${scene.publishUrl}/?${urlencode({ type: 'publish', to: user, content: text })}`);
    assert.equal(answer.status, status);
    assert.equal((await scene.call('POST', '/', { form: { type: 'publish', to: user, content: 'last' } })).text, 'ok');
    await untilTexts(page, status === 200 ? [escaped, 'last'] : ['last']);
  }
});

for (const [how, headers] of expects) {
  test(`curl -d and curl -F, ${how}`, async (t) => {
    const scene = await startScene(t, legacy);
    const page = await openPage(t, scene);
    const head = ['-H', headers[0]];
    const ok = { body: 'ok', code: '200 text/html;charset=utf-8' };
    for (const content of [text, long]) {
      const fields = ['type=publish', `to=${user}`, `content=${content}`];
      const words = (flag) => fields.flatMap((field) => [flag, field]);
      assert.deepEqual(await curl(...head, ...words('--data-urlencode'), scene.publishUrl), ok);
      assert.deepEqual(await curl(...head, ...words('--form-string'), scene.publishUrl), ok);
    }
    const plain = await curl(...head, '-d', `type=publish&to=${user}&content=a+b`, `${scene.publishUrl}/any/path`);
    assert.deepEqual(plain, ok);
    assert.deepEqual(await curl(...head, '-F', 'type=publish', '-F', `to=${user}`, '-F', 'content=c', scene.publishUrl), ok);
    assert.equal((await curl(...head, '-F', 'type=publish', '-F', `to[]=${user}`, scene.publishUrl)).body, 'fail');
    await untilTexts(page, [escaped, escaped, long, long, 'a b', 'c']);
  });
}

// A whole call, as bytes.
function callOf(fields) {
  const body = new URLSearchParams({ type: 'publish', ...fields }).toString();
  return `POST / HTTP/1.1\r\nHost: relay\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

test('calls on one kept connection, one by one and pipelined, arrive in order', async (t) => {
  const scene = await startScene(t, legacy);
  const page = await openPage(t, scene);
  const raw = new Raw(t, scene.publishPort);
  const texts = Array.from({ length: 40 }, (_, i) => `${i}`);
  const answers = () => [...raw.text.matchAll(/\r\n\r\nok/g)].length;
  for (const content of texts.slice(0, 20)) {
    const before = answers();
    await raw.write(callOf({ to: user, content }));
    await until('the answer', () => answers() === before + 1);
  }
  await raw.write(texts.slice(20).map((content) => callOf({ to: user, content })).join(''));
  await until('all answers', () => answers() === texts.length);
  await untilTexts(page, texts);
});

test('what is not UTF-8 becomes U+FFFD, and a list for a text is refused', async (t) => {
  const scene = await startScene(t, legacy);
  const page = await openPage(t, scene);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const post = async (body) => (await scene.call('POST', '/', { headers, body })).text;
  assert.equal(await post(`type=publish&to=${user}&content=a%FFb%C3`), 'ok');
  assert.equal(await post(`type=publish&to=${user}&content[]=x`), 'fail');
  assert.equal(await post(`type=publish&to[]=&content=x`), 'fail');
  assert.equal(await post(`type=publish&to=${user}&content=%00end`), 'ok');
  await page.until('two texts', () => page.all('new_msg').length >= 2);
  assert.equal(page.all('new_msg')[0], 'a\ufffdb\ufffd');
  assert.equal(page.all('new_msg').length, 2);
});

test('a form in the charset of an old site arrives as the text that it is, or is refused', async (t) => {
  const scene = await startScene(t, legacy);
  const page = await openPage(t, scene);
  const gbk = '%CF%B5%CD%B3%CD%A8%D6%AA'; // 系统通知
  const post = async (body, charset = '') => {
    const answer = await scene.call('POST', '/', { headers: { 'content-type': `application/x-www-form-urlencoded${charset}` }, body });
    return [answer.status, answer.text];
  };
  assert.deepEqual(await post(`type=publish&to=${user}&content=${gbk}`, '; charset=utf-7'), [415, 'fail']);
  assert.deepEqual(await post(`type=publish&to=${user}&content=%CF`, '; charset=GBK'), [422, 'fail']);
  assert.deepEqual(await post(`type=publish&to=${user}&content=${gbk}`, '; charset=GBK'), [200, 'ok']);
  assert.deepEqual(await post(`type=publish&to=${user}&content=${gbk}&_charset_=gb2312`), [200, 'ok']);
  await untilTexts(page, ['系统通知', '系统通知']);
});

test('without legacy_publish a page hears only of calls with the key', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_login': 'yes' });
  const page = await openPage(t, scene);
  const fields = { type: 'publish', to: user, content: text };
  for (const kind of Object.keys(posts)) {
    const refused = await php(kind, scene.publishUrl, fields);
    assert.deepEqual([refused.status, refused.body], [401, 'fail'], kind);
    assert.equal((await php(kind, scene.publishUrl, { ...fields, key: scene.publishKey })).body, 'ok', kind);
  }
  const answer = await php('array', scene.publishUrl, fields, [`Authorization: Bearer ${scene.publishKey}`]);
  assert.equal(answer.body, 'ok');
  await untilTexts(page, [escaped, escaped, escaped, escaped]);
});

test('without legacy_login a bare id is nobody, and a token is', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_publish': 'yes' });
  const page = await openPage(t, scene, null);
  assert.equal((await page.login(user)).ok, false);
  const form = { type: 'publish', to: user, content: text };
  assert.equal((await scene.call('POST', '/', { form })).text, 'offline');
  const known = await openPage(t, scene, scene.token(user));
  assert.equal((await scene.call('POST', '/', { form })).text, 'ok');
  await untilTexts(known, [escaped]);
  assert.deepEqual(page.all('new_msg'), []);
});
