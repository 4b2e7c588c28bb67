// SPDX-License-Identifier: MIT
// apps.mjs - two doorbell-apps on one database behind one web server.
import assert from 'node:assert/strict';
import path from 'node:path';

import { freePort, startApp, startStack, until, writeSettings } from '../../harness/index.mjs';
import { fastcgi } from '../../harness/fastcgi_client.mjs';
import { parseMetrics, sumOf } from '../../harness/metrics_text.mjs';

/** startServer(where, [the socket of one, the address of the other]); `stack.apps` are both, each by its name in the database. */
export async function startSeveralApps(t, startServer) {
  const stack = await startStack(t, { server: null, relay: false });
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  const confPath = path.join(stack.dir, 'second.conf');
  writeSettings(confPath, { ...stack.settings, 'app.listen': listen, 'database.url': `${stack.conninfo}?application_name=second` });
  const second = await startApp(t, { confPath, listens: [listen] });
  stack.server = await startServer({ dir: stack.dir, port: stack.ports.web, relayPort: stack.ports.relay }, [stack.appSocket, listen]);
  stack.apps = [
    { program: stack.app, reach: { path: stack.appSocket }, name: 'doorbell-app' },
    { program: second, reach: { host: '127.0.0.1', port }, name: 'second' },
  ];
  return stack;
}

async function sendsOf(stack, app) {
  const { text } = await fastcgi(app.reach, { REQUEST_URI: '/doorbell/metrics', HTTP_AUTHORIZATION: `Bearer ${stack.sendKey}` });
  return sumOf(parseMetrics(text), 'doorbell_app_requests_total', { method: 'POST', status: '2xx' });
}

export const send = (stack, title) => stack.api('POST', '/messages', { service: true, form: { to: '42', title } });

/** Each of them ends in each of the `ways`, and no request fails. */
export async function passOverAppsThatEnd(stack, ways) {
  let sent = 0;
  // An odd number of requests, so that each app gets some of either kind.
  const work = async () => {
    for (let i = 0; i < 6; i++) {
      assert.equal((await send(stack, `message ${sent++}`)).status, 201);
      for (const user of ['42', '43']) {
        const { status, json } = await stack.api('GET', '/unread', { user });
        assert.deepEqual([status, json.num], [200, user === '42' ? sent : 0]);
      }
    }
  };
  await work();
  for (const app of stack.apps) assert.ok((await sendsOf(stack, app)) > 0, app.name);
  for (const way of ways)
    for (const { program } of stack.apps) {
      await program[way]();
      await work();
      await program.start();
    }
  // Many at a time: after a failure apache may count one request too many as being with a member, and one alone goes to the others.
  await until('all to be asked again', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(stack, 'of many')));
    assert.ok(answers.every(({ status }) => status === 201));
    return (await Promise.all(stack.apps.map((app) => sendsOf(stack, app)))).every((count) => count > 0);
  });
}
