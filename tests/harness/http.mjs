// SPDX-License-Identifier: MIT
// http.mjs - one HTTP request on a connection of its own; the path goes out as it is written.

import http from 'node:http';

// Arrays become name[]=…, as PHP writes them.
export function urlencode(fields) {
  const pairs = [];
  for (const [name, value] of Object.entries(fields)) {
    const values = Array.isArray(value) ? value : [value];
    const key = Array.isArray(value) ? `${name}[]` : name;
    for (const one of values) pairs.push(`${encodeURIComponent(key)}=${encodeURIComponent(one)}`);
  }
  return pairs.join('&');
}

function bodyOf({ json, form, body }) {
  if (json !== undefined) return { type: 'application/json', bytes: JSON.stringify(json) };
  if (form !== undefined) return { type: 'application/x-www-form-urlencoded', bytes: urlencode(form) };
  return { type: null, bytes: body };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// Answers {status, headers, text, json}; json is undefined where the body is none.
export function request(url, method, path, { headers = {}, timeoutMs = 30_000, ...rest } = {}) {
  const { type, bytes } = bodyOf(rest);
  const { hostname, port } = new URL(url);
  const sent = { ...headers };
  if (type && !('content-type' in sent)) sent['content-type'] = type;
  if (bytes !== undefined && !('content-length' in sent)) sent['content-length'] = Buffer.byteLength(bytes);
  return new Promise((resolve, reject) => {
    const req = http.request({ hostname, port, method, path, headers: sent, agent: false, timeout: timeoutMs });
    req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${path} in ${timeoutMs} ms`)));
    req.on('error', reject);
    req.on('response', (res) => {
      const chunks = [];
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: res.statusCode, headers: res.headers, text, json: parse(text) });
      });
    });
    req.end(bytes);
  });
}
