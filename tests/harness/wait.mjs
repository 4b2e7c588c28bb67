// SPDX-License-Identifier: MIT
// wait.mjs - waiting for something to become true, with a deadline and never longer than needed.

import net from 'node:net';

const TRY_AGAIN_MS = 20;

// For a machine with much else to do; below the 45 s after which the relay drops a silent page of
// socket.io anyway, and the 45 s after which a page polls: what only they would end must fail.
export const PATIENCE_MS = 30_000;

export const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Runs `probe` until its answer is truthy; answers that. What it throws counts as no, and is told
// with the failure.
export async function until(what, probe, { timeoutMs = PATIENCE_MS } = {}) {
  const deadline = Date.now() + timeoutMs;
  let fault = null;
  for (;;) {
    try {
      const answer = await probe();
      if (answer) return answer;
      fault = null;
    } catch (error) {
      fault = error;
    }
    if (Date.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: fault });
    }
    await delay(TRY_AGAIN_MS);
  }
}

// `where` is {port, host} or {path}, as net.connect takes it.
export function isConnectable(where) {
  return new Promise((resolve) => {
    const socket = net.connect(where);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

// `promise`, or a failure that names `what` after the time is over.
export async function within(promise, what, timeoutMs = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
