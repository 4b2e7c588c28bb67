// SPDX-License-Identifier: MIT
// Random runs of the model, step by step with the real page: what it knows, and whether it wants to ask, is what the
// model's page does. So what spin finds right holds for the rules that pages have.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import test from 'node:test';

import { Engine } from '../../www/bell/core/engine.js';
import { makeFolder } from '../harness/folder.mjs';

const RUNS = 100;
const SEED = Number(process.env.DOORBELL_SEED ?? randomInt(2 ** 30));
const model = path.join(import.meta.dirname, 'truth.pml');

const inputs = {
  OWN: (ring) => ['rung', { ring, isHidden: false }],
  MANY: ({ epoch, seq }) => ['rung', { ring: { epoch, seq }, isHidden: false }],
  STEP: ({ epoch, version, seq }) => ['rung', { ring: { epoch, from: version, seq, add: 1, category: null, critical: false, young: true, id: seq }, isHidden: false }],
  ASK: ({ epoch }) => ['rung', { ring: { epoch }, isHidden: false }],
  PING: ({ epoch, seq }) => ['pinged', { ping: { epoch, seq }, isHidden: false }],
  WELCOME: ({ epoch }) => ['welcomed', { user: 'bob', epoch, transport: 'websocket' }],
  HEARD: (answer) => ['heard', { word: { user: 'bob', answer } }],
};

// The user is in no group, and mutes nothing.
const terms = { scope: 0, groups: 0, muted: [] };

class Page {
  wants = false;
  #engine = new Engine({ hasRelay: true, isByCookie: () => true, pollInterval: 60_000, refreshInterval: 0 }, () => 0.5);
  #asked = {};

  // Live, and right, as the model begins.
  constructor() {
    this.step('start');
    this.step(...inputs.WELCOME({ epoch: 'e1' }));
    this.step('answered', { answer: { user: 'bob', epoch: 'e1', version: 0, seq: 0, num: 0, ...terms }, asked: this.#engine.moment });
    this.wants = false;
  }

  step(type, input) {
    const outputs = this.#engine.step(0, { type, ...input });
    this.wants = outputs.some(([what]) => what === 'ask');
  }

  begin(what) {
    this.#asked[what] = this.#engine.moment;
  }

  end(what, type, answer) {
    this.step(type, { answer: { user: 'bob', ...answer }, asked: this.#asked[what] });
  }

  get known() {
    return this.#engine.known && [this.#engine.known.version, this.#engine.known.seq, this.#engine.known.num];
  }
}

// One line of the model: what a tab does, or what is then true of the model's.
function replay(pages, [, tab, what, ...words]) {
  const page = pages[tab];
  const [epoch, version, seq, num] = words.slice(1).map(Number);
  const told = { epoch: epoch ? `e${epoch}` : undefined, version, seq, num, ...terms };
  const steps = {
    hears: () => page.step(...inputs[words[0]](told)),
    'is-answered': () => page.end('asks', 'answered', told),
    'has-written': () => page.end('writes', 'changed', told),
    asks: () => page.begin('asks'),
    writes: () => page.begin('writes'),
    wants: () => {},
    knows: () => assert.deepEqual(page.known, words[0] === '1' ? words.slice(1).map(Number) : null),
  };
  steps[what]();
}

const begins = ([, , what]) => ['hears', 'is-answered', 'has-written'].includes(what);

test(`${RUNS} runs of the model, by the real page (DOORBELL_SEED=${SEED})`, () => {
  const cwd = makeFolder(); // spin writes files
  let steps = 0;
  for (let n = SEED; n < SEED + RUNS; n++) {
    const run = spawnSync('spin', ['-T', `-n${n}`, '-u20000', '-DTRACE', '-DSTEPS', '-DEVENTS=3', '-DFAULTS=3', model], { cwd, encoding: 'utf8' });
    assert.doesNotMatch(run.stdout, /assertion violated|Error/, `spin -n${n}: ${run.stdout.slice(-300)}`);
    const lines = run.stdout.split('\n').map((line) => line.trim().split(' ')).filter(([word]) => word === 'tab');
    const pages = [new Page(), new Page()];
    let step = [];
    for (const line of lines) {
      try {
        if (begins(line)) step = [];
        step.push(line);
        replay(pages, line);
        if (line[2] !== 'knows') continue;
        // It wants to ask if, and only if, the model's page does in the same step.
        assert.equal(step.some(([, , what]) => what === 'wants'), pages[line[1]].wants);
        steps++;
      } catch (error) {
        throw new Error(`spin -n${n}: ${step.map((words) => words.join(' ')).join(', ')}`, { cause: error });
      }
    }
  }
  assert.ok(steps > RUNS * 5, `${steps} steps`);
});
