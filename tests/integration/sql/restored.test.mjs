// SPDX-License-Identifier: MIT
// The tests of the schema once more, on a database that a dump has brought to a server without the roles, under
// another owner and name, after a run of doorbell-migrate. Races and the property test ask nothing of owners and roles.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';

for (const name of ['api', 'epoch', 'purge', 'revocation', 'roles', 'times']) {
  test(`${name}, on a restored database`, () => {
    const env = { ...process.env, DOORBELL_TEMPLATE: 'restored' };
    delete env.NODE_TEST_CONTEXT; // it is no part of this run
    const { status, stdout } = spawnSync(process.execPath, ['--test', path.join(import.meta.dirname, `${name}.test.mjs`)], { env, encoding: 'utf8' });
    assert.equal(status, 0, stdout.split('\n').filter((line) => /^not ok|error:|actual|expected/.test(line)).slice(0, 20).join('\n'));
    assert.match(stdout, /^# pass [1-9]/m);
  });
}
