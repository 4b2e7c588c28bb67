// SPDX-License-Identifier: MIT
// api.js - calls of doorbell-app, and the token they are made with.

import { retryAfterMs } from '../core/rules.js';

const TIMEOUT_MS = 15_000;

export class DoorbellError extends Error {
  constructor(message, { status = 0, code = '', retryAfter = null } = {}) {
    super(message);
    this.name = 'DoorbellError';
    this.status = status; // 0: no answer at all
    this.code = code;
    this.retryAfter = retryAfter; // ms, or null
  }
}

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

  async unread() {
    const headers = this.#etag ? { 'If-None-Match': this.#etag } : {};
    const response = await this.#call('GET', '/unread', { headers });
    if (response.status !== 304) {
      this.#unread = response.json;
      this.#etag = response.etag;
    }
    return this.#unread;
  }

  // `user`: whom the page shows, null while it does not know. The server refuses what is meant for
  // another one than is logged in, by code 'another_user'.
  async messages(query = {}, user = null) {
    const wanted = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    const search = new URLSearchParams(wanted).toString();
    return (await this.#call('GET', '/messages' + (search && `?${search}`), { user })).json;
  }

  async post(path, body, user) {
    return (await this.#call('POST', path, { body, user })).json;
  }

  async #call(method, path, options = {}) {
    const token = await this.#tokens.get();
    const first = await this.#fetch(method, path, token, options);
    if (first.status !== 401 || !this.#tokens.expire(token)) return checked(first);
    return checked(await this.#fetch(method, path, await this.#tokens.get(), options));
  }

  async #fetch(method, path, token, { headers = {}, body, user = null }) {
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
      return {
        status: response.status,
        etag: response.headers.get('ETag'),
        retryAfter: retryAfterMs(response.headers.get('Retry-After'), clock.now()),
        json: response.status === 304 ? null : await json(response),
      };
    } catch {
      throw new DoorbellError('no reply from the server; check the network and the address of the API');
    } finally {
      clock.clearTimeout(timer);
    }
  }
}

// A proxy's error page is no JSON; nor is the log-in page of a site that redirects.
async function json(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checked(response) {
  const { status, json, retryAfter } = response;
  if (status === 304 || (status >= 200 && status < 300 && json)) return response;
  throw new DoorbellError(json?.error?.message ?? `unexpected reply with status ${status}`, {
    status,
    code: json?.error?.code ?? '',
    retryAfter,
  });
}
