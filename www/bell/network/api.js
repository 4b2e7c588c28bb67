// SPDX-License-Identifier: MIT
// api.js - calls of doorbell-app, and the token they are made with.

import { isState } from '../core/answers.js';
import { DoorbellError } from '../core/error.js';
import { retryAfterMs } from '../core/rules.js';

const TIMEOUT_MS = 15_000;

// The page's token: none (the cookie identifies the user), a text, or a function that fetches a fresh one.
export class Tokens {
  #source;
  #fetched = null; // a promise of the token
  #token = null; // what came of it

  constructor(source = null) {
    this.replace(source);
  }

  replace(source) {
    this.#source = source ?? null;
    this.#forget();
  }

  get isByCookie() {
    return !this.#source;
  }

  // Callers at the same time share one fetch. A failed one is forgotten.
  get() {
    if (typeof this.#source !== 'function') return Promise.resolve(this.#source);
    this.#fetched ??= this.#fetch();
    return this.#fetched;
  }

  // Forgets `used`, which was refused, unless another call has fetched a newer one since. Returns whether a
  // better one can be had.
  expire(used) {
    if (used === this.#token) this.#forget();
    return typeof this.#source === 'function';
  }

  async #fetch() {
    await null; // until the promise of this is in its place
    const mine = this.#fetched;
    try {
      const token = await this.#source();
      if (mine === this.#fetched) this.#token = token;
      return token;
    } catch {
      if (mine === this.#fetched) this.#forget();
      throw new DoorbellError('the token function failed');
    }
  }

  #forget() {
    this.#fetched = null;
    this.#token = null;
  }
}

export class Api {
  #base;
  #tokens;
  #world;
  #etag = null;
  #unread = null;

  // `base` is absolute; world: {fetch, clock}.
  constructor(base, tokens, world) {
    this.#base = base.replace(/\/+$/, '');
    this.#tokens = tokens;
    this.#world = world;
  }

  // Another user may be asking: what was learnt for the last one is void.
  forget() {
    this.#etag = null;
    this.#unread = null;
  }

  // Quiet hours in it are by the page's clock, which need not be right.
  async unread() {
    const headers = this.#etag ? { 'If-None-Match': this.#etag } : {};
    const isOurs = (json, status) => (status === 304 ? this.#unread !== null : isState(json));
    const response = await this.#call({ method: 'GET', path: '/unread', headers, isOurs });
    if (response.status !== 304) {
      this.#unread = response.json;
      this.#etag = response.etag;
    }
    const answer = this.#unread;
    return answer.quiet ? { ...answer, quiet: answer.quiet.map((at) => at * 1000 - response.date + this.#world.clock.now()) } : answer;
  }

  // One of core/calls.js. `user`: whom the page shows, null while it does not know. The server refuses what is meant for
  // another one than is logged in, by code 'another_user'.
  async call(request, user = null) {
    return (await this.#call({ ...request, user })).json;
  }

  async #call(request) {
    const token = await this.#tokens.get();
    const first = await this.#fetch(token, request);
    if (first.status !== 401 || !this.#tokens.expire(token)) return checked(first, request);
    return checked(await this.#fetch(await this.#tokens.get(), request), request);
  }

  async #fetch(token, { method, path, headers = {}, body, user = null }) {
    const { fetch, clock } = this.#world;
    const abort = new AbortController();
    const timer = clock.setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers: {
          ...headers,
          ...(token && { Authorization: `Bearer ${token}` }),
          ...(user !== null && { 'Doorbell-User': encodeURIComponent(user) }),
          ...(body && { 'Content-Type': 'application/json' }),
        },
        body: body && JSON.stringify(body),
        cache: 'no-store',
        credentials: 'same-origin',
        keepalive: method !== 'GET', // a click that also leaves the page
        signal: abort.signal,
      });
      const date = Date.parse(response.headers.get('Date')) || Date.now(); // by the server's clock, where it tells
      return {
        status: response.status,
        date,
        etag: response.headers.get('ETag'),
        retryAfter: retryAfterMs(response.headers.get('Retry-After'), date),
        json: response.status === 304 ? null : await json(response),
      };
    } catch {
      throw new DoorbellError('no reply from the server; check the network and the address of the API');
    } finally {
      clock.clearTimeout(timer);
    }
  }
}

// A proxy's error page is no JSON.
async function json(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checked(response, { isOurs }) {
  const { status, json, retryAfter } = response;
  const isFine = status === 304 || (status >= 200 && status < 300);
  if (isFine && isOurs(json, status)) return response;
  const message = isFine
    ? `the reply with status ${status} is not doorbell-app's; check that the option api leads to it, and that nothing before it replies instead`
    : (json?.error?.message ?? `unexpected reply with status ${status}`);
  throw new DoorbellError(message, {
    status,
    code: isFine ? 'not_ours' : (json?.error?.code ?? ''),
    retryAfter,
  });
}
