// SPDX-License-Identifier: MIT
// breaks.mjs - rules that a run can be made without, to show that it would notice: in a copy of the page's scripts, or in
// the run's database.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { makeFolder, top } from '../harness/folder.mjs';

const engine = 'bell/core/engine.js';
const knowledge = 'bell/core/knowledge.js';
const rules = 'bell/core/rules.js';

// Of a page: [file, what is there, what is in its place].
export const breaks = {
  'a page compares all answers, and knows no epoch': {
    page: [
      [knowledge, "const order = isLast ? 'newer' : compareAnswers", 'const order = compareAnswers'],
      [knowledge, "if (typeof epoch !== 'string' || ", 'if (epoch !== this || '],
    ],
  },
  'a page takes every answer, also a lower one': {
    page: [[knowledge, "const order = isLast ? 'newer' : compareAnswers(this.known, answer)", "const order = 'newer'"]],
  },
  'a page does not ask when it is welcomed': {
    page: [[engine, "this.#put('ask', 0); // what happened while nobody listened", '']],
  },
  'a page computes from every step, wherever it is': {
    page: [[rules, 'from <= known.seq && ', '']],
  },
  'a page computes over a ring that waits': {
    page: [[knowledge, '!this.hasMissed && ', '']],
  },
  'a page keeps what it knew of mutes': {
    page: [[rules, 'terms.scope !== scope || ', '']],
  },
  'rings that are old or refused are dropped': {
    sql: `CREATE OR REPLACE FUNCTION doorbell_internal.ask_instead(ids bigint[]) RETURNS void
      LANGUAGE plpgsql VOLATILE SET search_path = doorbell, doorbell_internal, pg_temp AS $$BEGIN PERFORM end_rings(ids); END$$`,
  },
};

// Options of simulate().
export function without(rule) {
  const { page = [], sql = null } = breaks[rule];
  const options = {};
  if (page.length > 0) {
    options.www = path.join(makeFolder(), 'www');
    cpSync(path.join(top, 'www'), options.www, { recursive: true });
  }
  for (const [name, from, to] of page) {
    const file = path.join(options.www, name);
    const text = readFileSync(file, 'utf8');
    if (!text.includes(from)) throw new Error(`${name} has no ${from} any more; mend breaks.mjs`);
    writeFileSync(file, text.replace(from, to));
  }
  if (sql) options.prepare = (world) => world.database.client.query(sql);
  return options;
}
