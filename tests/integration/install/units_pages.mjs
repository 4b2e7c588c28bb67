// SPDX-License-Identifier: MIT
// units_pages.mjs URL NUMBER - open pages, each of a user of its own, in a network that the test itself is
// not in, by its cookie as those of a site are. DOORBELL_SECRET signs their tokens, or DOORBELL_TOKEN is that of all. Prints "open" once
// all are logged in, "rung" once a ring has reached each of them, and ends.

import { Bell } from '../../harness/bell.mjs';
import { signToken } from '../../harness/secret.mjs';

const AT_ONCE = 50;

const [url, number] = process.argv.slice(2);
const origin = new URL(url.replace('ws', 'http')).origin;
const { DOORBELL_SECRET: secret, DOORBELL_TOKEN: token } = process.env;
const headersOf = (user) => ({ origin, cookie: `doorbell_token=${token ?? signToken(secret, user)}` });
const bells = [];
while (bells.length < Number(number)) {
  const more = Array.from({ length: Math.min(AT_ONCE, Number(number) - bells.length) }, (_, i) =>
    new Bell(url, { headers: headersOf(`user-${bells.length + i}`) }));
  await Promise.all(more.map((bell) => bell.next('welcome')));
  bells.push(...more);
}
console.log('open');
await Promise.all(bells.map((bell) => bell.next('ring', { timeoutMs: 30_000 })));
console.log('rung');
for (const bell of bells) bell.close();
