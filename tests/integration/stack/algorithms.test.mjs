// SPDX-License-Identifier: MIT
// Tokens by key pairs: POST /tokens signs them with the private key, and both programs verify them with the public one.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { startStack, until } from '../../harness/index.mjs';
import { makeFolder, removeFolder } from '../../harness/folder.mjs';
import { algorithms, makePair, signAlone } from '../../harness/key_pair.mjs';

async function startSigned(t, algorithm, pair) {
  const dir = makeFolder();
  t.after(() => removeFolder(dir));
  const file = (name) => path.join(dir, name);
  writeFileSync(file('public.pem'), pair.publicKey);
  writeFileSync(file('private.pem'), pair.privateKey, { mode: 0o600 });
  const config = { 'auth.algorithm': algorithm, 'auth.secret_file': undefined, 'auth.public_key_file': file('public.pem'), 'auth.private_key_file': file('private.pem') };
  return { stack: await startStack(t, { config }), file };
}

async function isTaken(stack, token) {
  const asked = await stack.api('GET', '/unread', { headers: { authorization: `Bearer ${token}` } });
  const bell = stack.connectRaw({ token });
  const entered = await bell.next('welcome').then(() => true, () => false);
  assert.equal(asked.status, entered ? 200 : 401, 'both programs agree');
  bell.close();
  return entered;
}

for (const algorithm of algorithms) {
  test(`${algorithm} from POST /tokens to the open page`, async (t) => {
    const pair = makePair(algorithm);
    const { stack } = await startSigned(t, algorithm, pair);
    const made = await stack.api('POST', '/tokens', { service: true, json: { user: '42' } });
    assert.equal(made.status, 200, made.text);
    const [header] = made.json.token.split('.').map((part) => Buffer.from(part, 'base64url'));
    assert.deepEqual(JSON.parse(header), { alg: algorithm, typ: 'JWT' });
    assert.equal(await isTaken(stack, made.json.token), true);
    assert.equal(await isTaken(stack, signAlone(algorithm, pair.privateKey, '42')), true);
    assert.equal(await isTaken(stack, signAlone(algorithm, makePair(algorithm).privateKey, '42')), false, 'of another pair');
    const other = algorithm === 'ES256' ? 'EdDSA' : 'ES256';
    assert.equal(await isTaken(stack, signAlone(other, makePair(other).privateKey, '42')), false, 'of another algorithm');
    assert.equal(await isTaken(stack, stack.token('42')), false, 'HS256');

    const page = stack.connectRaw({ token: made.json.token });
    await page.next('welcome');
    assert.equal((await stack.api('POST', '/messages', { service: true, json: { to: '42', title: 'x' } })).status, 201);
    await page.next('ring');
    assert.equal((await stack.api('POST', '/users/42/revoke', { service: true })).status, 200);
    await page.untilClosed();
    assert.equal(await isTaken(stack, made.json.token), false, 'once it is revoked');
  });
}

test('a key pair is changed while both are known', async (t) => {
  const [old, next] = [makePair('EdDSA'), makePair('EdDSA')];
  const { stack, file } = await startSigned(t, 'EdDSA', old);
  const make = async () => (await stack.api('POST', '/tokens', { service: true, json: { user: '42' } })).json.token;
  const first = await make();
  writeFileSync(file('private.pem'), next.privateKey);
  stack.app.signal('SIGHUP');
  await stack.app.waitLog(/private\.pem: belongs to no key of public_key_file/);
  assert.equal(await isTaken(stack, await make()), true, 'the old one stays in force');
  writeFileSync(file('public.pem'), next.publicKey);
  for (const program of [stack.relay, stack.app]) program.signal('SIGHUP');
  await until('the new pair to be in force', async () => (await isTaken(stack, await make()).catch(() => false)));
  assert.equal(await isTaken(stack, first), false);
});
