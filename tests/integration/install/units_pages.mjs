// SPDX-License-Identifier: MIT
// units_pages.mjs URL NUMBER - open pages, in a network that the test itself is not in. DOORBELL_TOKEN is
// their user's token. Prints "open" once all are logged in, then the first ring, and ends.

import { Bell } from '../../harness/bell.mjs';

const [url, number] = process.argv.slice(2);
const token = process.env.DOORBELL_TOKEN;
const bells = Array.from({ length: Number(number) }, () => new Bell(url, { token }));
await Promise.all(bells.map((bell) => bell.next('welcome')));
console.log('open');
console.log(JSON.stringify(await bells[0].next('ring')));
for (const bell of bells) bell.close();
