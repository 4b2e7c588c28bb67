// SPDX-License-Identifier: MIT
// background.js - the shared worker that leads while the user goes from page to page, where the browser lets it outlive them. Its
// other end is ../worker.js.

const PATIENCE_MS = 2_000;

// Has the worker lead for these addresses and intervals. Resolves when it has asked to, or is not to be had.
export function startBackground(url, options) {
  return new Promise((done) => {
    try {
      const worker = makeWorker(url);
      const { port } = worker;
      worker.onerror = port.onmessage = done;
      port.postMessage(options);
      setTimeout(done, PATIENCE_MS);
    } catch {
      done();
    }
  });
}

// Throws where there is none that would last: each page would start its own, for nothing.
function makeWorker(url) {
  const types = self.trustedTypes || { createPolicy: (name, policy) => policy };
  const policy = types.createPolicy('doorbell', { createScriptURL: String });
  if (!readsLifetime(policy)) throw new TypeError();
  return new SharedWorker(policy.createScriptURL(url), { name: 'doorbell', extendedLifetime: true });
}

// Options are read before the address is found to be none.
function readsLifetime(policy) {
  let isRead = false;
  try {
    new SharedWorker(policy.createScriptURL('http://['), { get extendedLifetime() { return (isRead = true); } });
  } catch {
    return isRead;
  }
}
