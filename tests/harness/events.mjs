// SPDX-License-Identifier: MIT
// events.mjs - a client of the relay's /events, as EventSource is one: reads the stream strictly by the
// HTML Living Standard, 9.2.6. `opened` resolves with the answer's {status, headers}; `closed` is {}.

import http from 'node:http';

import { Frames } from './frames.mjs';

export class Events extends Frames {
  #text = '';

  constructor(url, { headers = {} } = {}) {
    super();
    this.opened = new Promise((resolve, reject) => {
      const sent = { accept: 'text/event-stream', ...headers };
      this.request = http.get(url, { headers: sent, agent: false }, (res) => {
        resolve({ status: res.statusCode, headers: res.headers });
        res.setEncoding('utf8');
        res.on('data', (text) => this.#read(text));
        res.on('close', () => this.end({}));
        res.on('error', () => {});
      });
      this.request.on('error', (error) => {
        this.error = error;
        reject(error);
        this.end({});
      });
    });
    this.opened.catch(() => {});
  }

  #read(text) {
    this.#text += text;
    for (let end; (end = this.#text.indexOf('\n\n')) >= 0; this.#text = this.#text.slice(end + 2)) {
      const lines = this.#text.slice(0, end).split('\n');
      if (lines.some((line) => !line.startsWith('data: '))) throw new Error(`not an event: ${JSON.stringify(lines)}`);
      this.hear(JSON.parse(lines.map((line) => line.slice('data: '.length)).join('\n')));
    }
  }

  close() {
    this.request.destroy();
  }
}
