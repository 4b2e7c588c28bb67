// SPDX-License-Identifier: MIT
// fakes.mjs - the world around one part of doorbell.js, under the test's hand: a clock that waits
// until it is moved, sockets that say what they are told.

export class FakeClock {
  time = 1_000_000;
  chance = 0.5; // what random() answers
  #timers = new Map();
  #next = 1;

  now = () => this.time;
  random = () => this.chance;

  setTimeout = (call, ms) => {
    this.#timers.set(this.#next, { call, at: this.time + Math.max(0, ms) });
    return this.#next++;
  };

  clearTimeout = (id) => {
    this.#timers.delete(id);
  };

  // How long until each timer, the next one first.
  get delays() {
    return [...this.#timers.values()].map(({ at }) => at - this.time).sort((a, b) => a - b);
  }

  async advance(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [id, { call, at }] = due;
      this.#timers.delete(id);
      this.time = at;
      call();
      await settle();
    }
    this.time = end;
  }
}

// Until all promises that can go on have done so.
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

// A class to stand for WebSocket; `sockets` of it are those made, the newest last.
export function fakeWebSocket() {
  return class FakeWebSocket {
    static sockets = [];
    static get last() {
      return this.sockets.at(-1);
    }

    sent = [];
    isClosed = false;

    constructor(url, protocol) {
      this.url = url;
      this.protocol = protocol;
      this.constructor.sockets.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.isClosed = true;
    }

    open() {
      this.onopen();
    }

    tell(frame) {
      this.onmessage({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
    }

    end(code) {
      this.onclose({ code });
    }
  };
}

// The same for EventSource.
export function fakeEventSource() {
  return class FakeEventSource {
    static sources = [];
    static get last() {
      return this.sources.at(-1);
    }

    isClosed = false;

    constructor(url) {
      this.url = url;
      this.constructor.sources.push(this);
    }

    close() {
      this.isClosed = true;
    }

    tell(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }

    fail() {
      this.onerror();
    }
  };
}

export function fakePreference(word = null) {
  return {
    word,
    get() {
      return this.word;
    },
    set(value) {
      this.word = value;
    },
  };
}

// Web Locks: `ifAvailable` only.
export function fakeLocks() {
  const held = new Set();
  return {
    held,
    async request(name, options, onLock) {
      await null;
      if (held.has(name)) return onLock(null);
      held.add(name);
      await onLock({ name });
      held.delete(name);
    },
  };
}

// Web Locks as tabs queue for them: of(tab) is a tab's own. A tab that closes lets go of all that it holds.
export class FakeLockManager {
  #queues = new Map(); // name → requests, the holder first

  of(tab) {
    return { request: (name, options, onLock) => this.#request(tab, name, options, onLock) };
  }

  close(tab) {
    for (const [name, queue] of this.#queues) {
      queue.filter((one) => one.tab === tab).forEach((one) => this.#drop(name, one));
    }
  }

  #request(tab, name, { signal, steal }, onLock) {
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      const request = { tab, onLock, resolve, reject, isHeld: false };
      const abort = () => reject(Object.assign(new Error('AbortError'), { name: 'AbortError' }));
      if (steal) {
        queue.filter(({ isHeld }) => isHeld).forEach((one) => {
          this.#drop(name, one, true);
          one.reject(new Error('AbortError'));
        });
        queue.unshift(request);
      } else {
        queue.push(request);
      }
      signal?.addEventListener('abort', () => {
        if (request.isHeld) return;
        this.#drop(name, request);
        abort();
      });
      this.#grant(name);
    });
  }

  #drop(name, request, isStolen = false) {
    const queue = this.#queues.get(name);
    const at = queue.indexOf(request);
    if (at >= 0) queue.splice(at, 1);
    if (!isStolen) this.#grant(name);
  }

  #grant(name) {
    queueMicrotask(async () => {
      const [first] = this.#queues.get(name);
      if (!first || first.isHeld) return;
      first.isHeld = true;
      await first.onLock({ name });
      this.#drop(name, first);
      first.resolve();
    });
  }
}

export function fakeStorage() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, String(value)),
  };
}

// Puts `values` into the global object for the time of test `t`.
export function withGlobals(t, values) {
  for (const [name, value] of Object.entries(values)) {
    const old = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => {
      if (old) Object.defineProperty(globalThis, name, old);
      else delete globalThis[name];
    });
  }
}
