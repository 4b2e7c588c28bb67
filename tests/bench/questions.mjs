// SPDX-License-Identifier: MIT
// questions.mjs - GET /unread as the web server saw it: when each question came, to the millisecond.

import { readFileSync } from 'node:fs';
import path from 'node:path';

const WINDOW_MS = 1000;

// For startNginx(), of a site in this folder: a log of its own, and room for the crowd.
export const countingServer = {
  connections: 8192,
  http: 'log_format moments "$msec $request_time $status $uri";',
  server: 'access_log moments.log moments;',
};

// Those of now.
export function lengthOfLog(site) {
  return readLog(site).length;
}

function readLog(site) {
  try {
    return readFileSync(path.join(site.dir, 'nginx/moments.log'), 'utf8');
  } catch {
    return ''; // nobody has asked yet
  }
}

// The paths of all requests that ended behind position `from` of the log.
export function requestsSince(site, from) {
  return readLog(site).slice(from).split('\n').filter(Boolean).map((line) => line.split(' ')[3]);
}

// The most within any second.
function peakOf(moments) {
  const sorted = [...moments].sort((a, b) => a - b);
  let first = 0;
  let peak = 0;
  sorted.forEach((ms, i) => {
    while (ms - sorted[first] >= WINDOW_MS) first++;
    peak = Math.max(peak, i - first + 1);
  });
  return peak;
}

// What came behind position `from` of the log: {count, peak (a second), failed}.
export function questionsSince(site, from) {
  const lines = readLog(site).slice(from).split('\n').filter((line) => line.endsWith(' /doorbell/unread'));
  const moments = lines.map((line) => {
    const [end, took] = line.split(' ');
    return Math.round((Number(end) - Number(took)) * 1000);
  });
  const failed = lines.filter((line) => line.split(' ')[2] !== '200').length;
  return { count: lines.length, peak: peakOf(moments), failed };
}
