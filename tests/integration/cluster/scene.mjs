// SPDX-License-Identifier: MIT
// scene.mjs - several doorbell-relays of one site, joined by a Redis.

import net from 'node:net';
import path from 'node:path';

import { freePort, startRedis, startSentinel, until } from '../../harness/index.mjs';
import { startScene } from '../relay/scene.mjs';

/** Starts one more relay of the site that `first` is of. */
export async function startRelayOf(t, redis, config = {}, first = null) {
  const keys = first && {
    'auth.secret_file': path.join(first.dir, 'auth.secret'),
    'auth.publish_key_file': path.join(first.dir, 'publish.key'),
  };
  const scene = await startScene(t, { 'relay.cluster': redis.url, ...keys, ...config }, { start: false });
  if (first) Object.assign(scene, { secret: first.secret, publishKey: first.publishKey });
  await scene.start();
  return scene;
}

export const healthOf = async (scene) => (await scene.call('GET', '/health')).json;

/** Until all of them are linked and know each other. */
export function joined(relays) {
  return until(`${relays.length} relays to know each other`, async () => {
    for (const relay of relays) {
      const { cluster, relays: count } = await healthOf(relay);
      if (cluster !== 'linked' || count !== relays.length) return false;
    }
    return true;
  });
}

export const cutOff = (relay) => until('the relay to be cut off', async () => (await healthOf(relay)).cluster === 'cut off');

/** `count` relays that know each other. */
export async function startSite(t, redis, { count = 3, config = {} } = {}) {
  const relays = [await startRelayOf(t, redis, config)];
  while (relays.length < count) relays.push(await startRelayOf(t, redis, config, relays[0]));
  await joined(relays);
  return relays;
}

const MASTER = 'mymaster';

/** A sentinel that was not scheduled for two seconds does nothing for 30 (TILT), and relays that try in vain pause ever longer. */
export const SENTINEL_PATIENCE = { timeoutMs: 120_000 };

/** What relays are told of sentinels. */
export const bySentinels = (sentinels) => ({ 'relay.cluster': sentinels.map(({ url }) => url).join(' '), 'relay.cluster_sentinel_master': MASTER });

/** A sentinel of the Redis on that port. */
export const watch = (t, port, { host = '127.0.0.1', quorum = 2, settings = [] } = {}) => startSentinel(t, {
  settings: ['sentinel resolve-hostnames yes', 'sentinel announce-hostnames yes', `sentinel monitor ${MASTER} ${host} ${port} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER} 1000`, `sentinel failover-timeout ${MASTER} 10000`, ...settings],
});

/** A master with a replica, and `count` sentinels that know them and each other. */
export async function startWatchedRedis(t, { count = 3 } = {}) {
  const [master, replica] = [await startRedis(t), await startRedis(t)];
  await replica.cli('replicaof', '127.0.0.1', String(master.port));
  await until('the replica', async () => /state=online/.test(await master.cli('info', 'replication')));
  const sentinels = [];
  while (sentinels.length < count) sentinels.push(await watch(t, master.port));
  for (const sentinel of sentinels) {
    await until('the sentinel to know all', async () => {
      const [others, replicas] = await Promise.all(['sentinels', 'replicas'].map((what) => sentinel.cli('sentinel', what, MASTER)));
      return others.match(/^runid$/gm).length === count - 1 && /^master-link-status\nok$/m.test(replicas);
    }, SENTINEL_PATIENCE);
  }
  return { master, replica, sentinels, config: bySentinels(sentinels), failOver: () => sentinels[0].cli('sentinel', 'failover', MASTER) };
}

// What a bell has heard since its welcome, without pings.
export const ringsOf = (bell) => bell.frames.filter(({ type }) => type === 'ring');

/** A way to the Redis of its own, for a relay that is to be cut off alone. `freeze` holds what is under way, until it is thawed or lost. */
export async function startCable(t, redis) {
  const port = await freePort();
  const pairs = new Set();
  let server;
  let isFrozen = false;
  const join = ([one, other]) => one.pipe(other);
  const cable = {
    url: `redis://127.0.0.1:${port}`,
    mend: () => {
      server = net.createServer((near) => {
        const far = net.connect({ port: redis.port, host: '127.0.0.1' });
        for (const pair of [[near, far], [far, near]]) {
          const [one, other] = pair;
          pairs.add(pair);
          one.on('error', () => {}).on('close', () => {
            pairs.delete(pair);
            other.destroy();
          });
          if (!isFrozen) join(pair);
        }
      });
      return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    },
    cut: () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const [one] of pairs) one.destroy();
      return closed;
    },
    freeze: () => {
      isFrozen = true;
      for (const [one, other] of pairs) one.unpipe(other).pause();
    },
    thaw: () => {
      isFrozen = false;
      pairs.forEach(join);
    },
  };
  await cable.mend();
  t.after(() => cable.cut());
  return cable;
}
