// SPDX-License-Identifier: MIT
// gate.mjs - the whole line behind an nginx as it is on a site, and beside that /gate/ws and
// /gate/events, which let through what the test wants: some proxies drop the Upgrade header.

import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { startNginx, startStack } from '../harness/index.mjs';

export const gated = { relay: '/gate/ws', events: '/gate/events' };

const gates = (dir) => `
location = /gate/ws {
    if (-f ${dir}/shut-ws) { rewrite ^ /gate/dropped last; }
    proxy_pass http://doorbell_relay/ws;
    proxy_http_version 1.1;
    proxy_set_header Upgrade websocket;
    proxy_set_header Connection upgrade;
    proxy_set_header Host $http_host;
}
location = /gate/dropped {
    internal;
    proxy_pass http://doorbell_relay/ws;
    proxy_set_header Host $http_host;
}
location = /gate/events {
    if (-f ${dir}/shut-events) { return 502; }
    proxy_pass http://doorbell_relay/events;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
}`;

// startStack with gates that are shut as `shut` says: ['ws', 'events'].
export async function startGated(t, { shut = ['ws'], ...options } = {}) {
  const stack = await startStack(t, { ...options, server: null });
  const where = { dir: stack.dir, port: stack.ports.web, appSocket: stack.appSocket, relayPort: stack.ports.relay };
  stack.shut = (name) => writeFileSync(path.join(stack.dir, `shut-${name}`), '');
  stack.open = (name) => rmSync(path.join(stack.dir, `shut-${name}`), { force: true });
  shut.forEach(stack.shut);
  stack.server = await startNginx(null, where, { server: gates(stack.dir) });
  return stack;
}
