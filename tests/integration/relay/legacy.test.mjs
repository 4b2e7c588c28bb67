// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startScene } from './scene.mjs';

const BOUNDARY = 'bOuNdArY';
const part = (name, value) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

// The three types of body that the old call came in.
const bodies = {
  urlencoded: (fields) => ({ form: fields }),
  json: (fields) => ({ json: fields }),
  multipart: (fields) => ({
    headers: { authorization: '', 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: `${Object.entries(fields)
      .map(([name, value]) => (Array.isArray(value) ? part(`${name}[]`, value[0]) : part(name, value)))
      .join('')}--${BOUNDARY}--\r\n`,
  }),
};

for (const [type, bodyOf] of Object.entries(bodies)) {
  test(`the old call as ${type} is answered to the letter`, async (t) => {
    const scene = await startScene(t, { 'relay.legacy_publish': 'yes', 'relay.pace': '0', 'relay.check_rate': '10000000' });
    const bell = await scene.connect('42');
    const rows = [
      [{ to: '42', content: 'x' }, 'fail', 0],
      [{ type: 'other', to: '42', content: 'x' }, 'fail', 0],
      [{ type: 'publish', to: ['42'], content: 'x' }, 'fail', 0],
      [{ type: 'publish', to: '42', content: ['x'] }, 'fail', 0],
      [{ type: 'publish', to: '7', content: 'x' }, 'offline', 0],
      [{ type: 'publish', to: '42', content: '<b>你好</b>' }, 'ok', 1],
      [{ type: 'publish', to: '', content: 'x' }, 'ok', 2],
      [{ type: 'publish', content: 'x' }, 'ok', 3],
      [{ type: 'publish', to: '0' }, 'ok', 4],
    ];
    for (const [fields, text, rings] of rows) {
      const answer = await scene.call('POST', '/', { headers: { authorization: '' }, ...bodyOf(fields) });
      assert.deepEqual([answer.status, answer.text], [200, text], JSON.stringify(fields));
      assert.equal(answer.headers['content-type'], 'text/html;charset=utf-8');
      assert.equal(answer.headers['content-length'], String(text.length));
      if (rings) await bell.next('ring', { from: rings });
    }
    assert.deepEqual(bell.frames.slice(1), Array(4).fill({ type: 'ring' }));
    await scene.relay.waitLog(/to=0 rings everybody/);
  });
}

test('a user of the native protocol is online to the old call', async (t) => {
  const scene = await startScene(t, { 'relay.legacy_publish': 'yes' });
  const form = { type: 'publish', to: '42' };
  assert.equal((await scene.call('POST', '/anything', { form })).text, 'offline');
  await scene.connect('42');
  assert.equal((await scene.call('POST', '/anything?x=1', { form })).text, 'ok');
  assert.equal((await scene.call('POST', '/?type=publish&to=42', { body: '' })).text, 'ok');
});

test('without legacy_publish the old call needs the key', async (t) => {
  const scene = await startScene(t);
  await scene.connect('42');
  const form = { type: 'publish', to: '42' };
  const none = { authorization: '' };
  for (const fields of [form, { ...form, key: 'wrong' }, { ...form, key: ['x'] }]) {
    const { status, text } = await scene.call('POST', '/', { headers: none, form: fields });
    assert.deepEqual([status, text], [401, 'fail']);
  }
  assert.equal((await scene.call('POST', `/?key=${scene.publishKey}`, { headers: none, form })).status, 401);
  assert.equal((await scene.call('POST', '/', { headers: none, form: { ...form, key: scene.publishKey } })).text, 'ok');
  assert.equal((await scene.call('POST', '/', { form })).text, 'ok');
  assert.equal((await scene.call('POST', '/', { form: { type: 'publish', to: '0' } })).text, 'offline');
});

test('the old call comes by GET only under legacy_get, and never where a key is needed', async (t) => {
  const target = '/?type=publish&to=42';
  for (const [legacyPublish, legacyGet, status] of [
    ['no', 'no', 405],
    ['yes', 'no', 405],
    ['yes', 'yes', 200],
  ]) {
    const scene = await startScene(t, { 'relay.legacy_publish': legacyPublish, 'relay.legacy_get': legacyGet });
    await scene.connect('42');
    assert.equal((await scene.call('GET', target)).status, status, `${legacyPublish} ${legacyGet}`);
  }
});

test('on a listener that others can reach, the key is needed even under legacy_publish', async (t) => {
  const scene = await startScene(t, {}, { start: false });
  await scene.settle({ 'relay.legacy_publish': 'yes', 'relay.legacy_get': 'yes' });
  await scene.settle({ ...scene.settings, 'relay.publish_listen': `0.0.0.0:${scene.publishPort}`, 'relay.listen': `127.0.0.1:${scene.port}` });
  scene.publishUrl = `http://${scene.settings['relay.publish_listen'].replace('0.0.0.0', '127.0.0.1')}`;
  scene.relayUrl = `ws://${scene.settings['relay.listen']}/ws`;
  await scene.start();
  await scene.connect('42');
  const form = { type: 'publish', to: '42' };
  assert.equal((await scene.call('POST', '/', { headers: { authorization: '' }, form })).status, 401);
  assert.equal((await scene.call('GET', '/?type=publish&to=42')).status, 405);
  assert.equal((await scene.call('POST', '/', { form })).text, 'ok');
});
