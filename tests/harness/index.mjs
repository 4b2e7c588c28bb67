// SPDX-License-Identifier: MIT
// index.mjs - what tests import.

export { Bell } from './bell.mjs';
export { Clock, DAY, HOUR, TEN_YEARS } from './clock.mjs';
export { startCluster } from './cluster.mjs';
export { Events } from './events.mjs';
export { Faults } from './faults.mjs';
export { build, makeFolder, top } from './folder.mjs';
export { request, urlencode } from './http.mjs';
export { HeldListeners } from './held.mjs';
export { freePort } from './port.mjs';
export { failRun, Service } from './process.mjs';
export { formatSettings, OPEN, SOCKETIO, startApp, startRelay, writeSettings } from './programs.mjs';
export { startRedis, startSentinel } from './redis.mjs';
export { makeKey, signToken } from './secret.mjs';
export { startApache, startNginx } from './servers.mjs';
export { startStack } from './stack.mjs';
export { isConnectable, until, within } from './wait.mjs';
