// SPDX-License-Identifier: MIT
// Unmodified releases of socket.io-client in node, by every transport, directly and through nginx.

import { test } from 'node:test';

import { openInNode } from '../../harness/socketio.mjs';
import { playMatrix } from './cells.mjs';

test('releases of socket.io-client in node', async (t) => {
  await playMatrix(t, 'socket.io-client in node', () => openInNode);
});
