// SPDX-License-Identifier: MIT
// ETags of answers that a web server compresses: nginx weakens them, apache's mod_deflate adds "-gzip".

import assert from 'node:assert/strict';
import test from 'node:test';

import { startStack } from '../../harness/stack.mjs';

const compressing = {
  nginx: ['gzip on; gzip_min_length 1; gzip_types application/json;', /^W\/"[0-9a-f]{16}"$/],
  apache: ['AddOutputFilterByType DEFLATE application/json', /^"[0-9a-f]{16}-gzip"$/],
};
for (const [server, [line, pattern]] of Object.entries(compressing)) {
  test(`a check that ${server} compresses is 304 while nothing has changed`, async (t) => {
    const stack = await startStack(t, { server, relay: false, serverOptions: { server: line } });
    const ask = (headers) => stack.api('GET', '/unread', { user: '42', headers: { 'accept-encoding': 'gzip', ...headers } });
    const first = await ask({});
    assert.equal(first.headers['content-encoding'], 'gzip');
    const { etag } = first.headers;
    assert.match(etag, pattern);
    assert.equal((await ask({ 'if-none-match': etag })).status, 304);
    await stack.api('POST', '/messages', { service: true, json: { to: '42', title: 'Tea' } });
    assert.equal((await ask({ 'if-none-match': etag })).status, 200);
  });
}
