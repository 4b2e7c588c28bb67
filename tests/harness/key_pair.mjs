// SPDX-License-Identifier: MIT
// key_pair.mjs - keys and tokens of the algorithms that have two keys.
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

export const algorithms = Object.keys(kinds);

/** {publicKey, privateKey}, both PEM. */
export const makePair = (algorithm) => {
  const [type, options] = kinds[algorithm];
  return generateKeyPairSync(type, { ...options, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
};

/** A token for a user, as a site signs it by itself. */
export function signAlone(algorithm, privateKey, user) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: user, iat: now, exp: now + 3600 };
  const text = [{ alg: algorithm, typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const digest = algorithm === 'EdDSA' ? null : 'sha256';
  return `${text}.${sign(digest, Buffer.from(text), { key: createPrivateKey(privateKey), dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
