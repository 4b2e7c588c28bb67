// SPDX-License-Identifier: MIT
// metrics_text.mjs - what GET /metrics of either program answers, read as strictly as the text format
// demands.

import assert from 'node:assert/strict';

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const VALUE = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i;
const SUFFIXES = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] };

function readLabels(text) {
  const labels = {};
  let rest = text;
  while (rest !== '') {
    const [all, name, value] = rest.match(LABEL) ?? assert.fail(`bad labels ${text}`);
    assert.ok(!(name in labels), `${name} twice in ${text}`);
    labels[name] = value;
    rest = rest.slice(all.length);
  }
  return labels;
}

function readSample(line) {
  const [, name, labels = '', value] = line.match(/^([^\s{]+)(?:\{(.*)\})? (\S+)$/) ?? assert.fail(`bad line ${line}`);
  assert.match(name, NAME);
  assert.match(value, VALUE);
  return { name, labels: readLabels(labels), value: Number(value.replace('Inf', 'Infinity')) };
}

// Families by name, in order: HELP, TYPE, then all samples of it; no family, and no sample, twice.
export function parseMetrics(text) {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const families = new Map();
  const seen = new Set();
  let current;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name, more] = line.match(/^# (HELP|TYPE) (\S+) (\S.*)$/) ?? [];
    if (kind === 'HELP') {
      assert.match(name, NAME);
      assert.ok(!families.has(name), `${name} occurs twice`);
      current = { name, samples: [] };
      families.set(name, current);
    } else if (kind === 'TYPE') {
      assert.equal(name, current.name);
      assert.ok(more in SUFFIXES && !current.type, line);
      current.type = more;
    } else {
      const sample = readSample(line);
      const key = line.slice(0, line.lastIndexOf(' '));
      assert.ok(SUFFIXES[current.type].some((suffix) => sample.name === current.name + suffix), `${line} in ${current.name}`);
      assert.ok(!seen.has(key), `${key} twice`);
      seen.add(key);
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

const without = ({ le, ...labels }) => JSON.stringify(labels);

function checkFamily({ name, type, samples }) {
  if (type === 'counter') {
    assert.match(name, /_total$/);
    assert.ok(samples.every(({ value }) => Number.isInteger(value) && value >= 0), name);
  }
  if (type !== 'histogram') return;
  for (const key of new Set(samples.map(({ labels }) => without(labels)))) {
    const own = samples.filter(({ labels }) => without(labels) === key);
    const buckets = own.filter((sample) => sample.name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) => Number(labels.le.replace('Inf', 'Infinity')));
    assert.deepEqual(bounds, [...bounds].sort((a, b) => a - b), key);
    assert.equal(bounds.at(-1), Infinity);
    buckets.reduce((before, { value }) => (assert.ok(value >= before, key), value), 0);
    const one = (suffix) => own.filter((sample) => sample.name === name + suffix).map(({ value }) => value);
    assert.deepEqual(one('_count'), [buckets.at(-1).value]);
    assert.ok(one('_sum').length === 1 && one('_sum')[0] >= 0);
  }
}

// The samples of one metric; its whole name.
export const samplesOf = (families, name) => (families.get(name) ?? assert.fail(name)).samples;

// The sum over those with these labels; 0 if there is none.
export function sumOf(families, name, labels = {}) {
  const found = samplesOf(families, name).filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  return found.reduce((sum, { value }) => sum + value, 0);
}
