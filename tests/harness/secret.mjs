// SPDX-License-Identifier: MIT
// secret.mjs - keys and tokens of a test, and the proof that they stay secret: none of them may be
// in a log or in a process list.

import { createHmac, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

export const makeKey = () => randomBytes(32).toString('base64url');

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// A JWT, HS256. `claims` replaces or adds; undefined removes.
export function signToken(secret, user, claims = {}, header = {}) {
  const now = Math.floor(Date.now() / 1000);
  const body = { sub: user, iat: now, exp: now + 3600, ...claims };
  const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(body)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

// What opens message `id` to everybody in this epoch.
export function makeCapability(sendKey, id, epoch) {
  const mac = hmac(hmac(sendKey, 'doorbell broadcast capability'), `${id} ${epoch}`);
  return `${epoch}.${mac.subarray(0, 16).toString('base64url')}`;
}

function commandLines() {
  const lines = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      lines.push(readFileSync(`/proc/${name}/cmdline`, 'latin1'));
    } catch {
      // It has ended.
    }
  }
  return lines.join('\n');
}

export class Secrets {
  #values = new Set();

  add(value) {
    if (typeof value === 'string' && value.length >= 16) this.#values.add(value);
    return value;
  }

  // `logs`: {name: text}. Throws, without telling the secret.
  assertUnseen(logs) {
    const places = { ...logs, 'the process list': commandLines() };
    for (const [place, text] of Object.entries(places)) {
      for (const value of this.#values) {
        const at = text.indexOf(value);
        if (at >= 0) throw new Error(`a secret is in ${place}, after: ${text.slice(Math.max(0, at - 200), at)}`);
      }
    }
  }
}
