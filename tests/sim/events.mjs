// SPDX-License-Identifier: MIT
// events.mjs - what may happen at any moment: what people do, and what goes wrong.

import { users } from './world.mjs';

const call = (world, name, text, values) => world.database.run(name, text, values).catch((error) => {
  if (!error.code?.startsWith('DB')) throw error;
  return [];
});

async function send(world, to, more = '') {
  if (world.database.isDown) return;
  const [row] = await call(world, 'send', `SELECT id FROM doorbell.send(${to}, title => 'x' ${more})`);
  if (row) world.ids.push(row[0]);
  world.trace(`  ${row?.[0]}: ${to}${more}`);
  if (world.random(2)) world.wakeOne(); // else by another SQL client
}

const person = (world) => `to_users => '{${world.pick(users)}}'`;
const anybody = (world) => world.pick([person(world), 'to_all => true', "to_group => 'g'"]);
const message = (world) => (world.ids.length > 0 ? world.pick(world.ids.slice(-8)) : 1);
const site = (world, name, text, ...values) => (world.database.isDown ? undefined : call(world, name, text, values));
const unlessRefused = (promise) => { promise.catch(() => {}); };

// [how often, what, call(world)]
export const deeds = [
  [6, 'a message to one', (world) => send(world, person(world))],
  [2, 'a message to both', (world) => send(world, "to_users => '{alice,bob}'")],
  [5, 'a message to all', (world) => send(world, 'to_all => true')],
  [3, 'a message to all of a category', (world) => send(world, 'to_all => true', ", category => 'news'")],
  [2, 'a message to all that supersedes', (world) => send(world, 'to_all => true', ", subject_type => 's', subject_id => '1', replace => true")],
  [1, 'someone mutes, or not', (world) => site(world, 'mute', 'SELECT doorbell.mute($1, $2)', world.pick(users), world.pick(['{}', '{news}']))],
  [2, 'a message to the group', (world) => send(world, "to_group => 'g'")],
  [2, 'a message that expires', (world) => send(world, anybody(world), ', expires_in => 2')],
  [2, 'a message for later', (world) => send(world, anybody(world), ', later => true')],
  [2, 'someone joins the group', (world) => site(world, 'group', "SELECT doorbell.group_change('g', $1, '{}')", `{${world.pick(users)}}`)],
  [1, 'someone leaves the group', (world) => site(world, 'group', "SELECT doorbell.group_change('g', '{}', $1)", `{${world.pick(users)}}`)],
  [2, 'the site marks a message read', (world) => site(world, 'mark', 'SELECT doorbell.mark_read($1, $2)', world.pick(users), message(world))],
  [1, 'the site marks all read', (world) => site(world, 'mark_all', 'SELECT doorbell.mark_read_all($1)', world.pick(users))],
  [2, 'a recall', (world) => site(world, 'recall', 'SELECT doorbell.recall($1)', message(world))],
  [4, 'a click on a message', (world) => unlessRefused(world.pick(world.pages).markRead(message(world)))],
  [2, 'a click on all', (world) => unlessRefused(world.pick(world.pages).client.markAllRead())],
  [2, 'a list is looked at', (world) => unlessRefused(world.pick(world.pages).list({ limit: 5 }))],
  [2, 'a page is opened', (world) => world.pages.length < 6 && world.openPage(world.pick(users))],
  [1, 'a page is left', (world) => world.pages.length > 2 && world.closePage(world.pick(world.pages))],
  [2, 'a page is frozen, or wakes up', (world) => { const page = world.pick(world.pages); page.freeze(!page.isFrozen); }],
  [2, 'a page is hidden, or shown', (world) => { const page = world.pick(world.pages); page.hide(!page.isHidden); }],
];

const answers = [[400, '{}'], [404, '{}'], [413, '{}'], [500, ''], [503, '{}'], [200, '<!doctype html>'], [200, '']]
  .map(([status, body]) => ({ mode: 'refusing', status, body }));

const later = (world, call) => world.timeline.after(200 + world.random(4_000), call);

const restart = async (world, part) => {
  if (!part.isUp) await part.start();
};

async function loseRelay(world, isSilent) {
  const { relay } = world;
  if (!relay.isUp) return;
  await relay.crash(isSilent);
  later(world, () => restart(world, relay));
}

async function moveRelay(world) {
  if (world.isMixed) return; // old relays do not say that they are others, and old pages do not hear from pings what they missed
  const [from, to] = [world.relay, world.relays.find((relay) => relay !== world.relay)];
  if (to.isUp) await to.crash(false); // it is still leaving
  await to.start();
  world.relay = to;
  // What is left at the old address ends, in order or not, unless the relay has moved back there.
  if (from.isUp && world.random(2)) await from.drain();
  later(world, () => from.isUp && from !== world.relay && from.crash(false));
}

function breakWay(world) {
  const publisher = world.pick(world.publishers);
  publisher.way = world.pick([{ mode: 'cut' }, { mode: 'deaf' }, ...answers]);
  later(world, () => { publisher.way = { mode: 'open' }; });
}

async function loseApp(world) {
  const publisher = world.pick(world.publishers);
  if (!publisher.isUp) return;
  if (world.random(3)) await publisher.crash();
  else publisher.stop();
  later(world, () => restart(world, publisher));
}

function cutPage(world) {
  const { line } = world.pick(world.pages);
  if (!line) return;
  const kind = world.random(3);
  if (kind === 0) line.isSilent = true;
  else line.end(1006);
  if (kind === 1) world.timeline.after(world.delay(), () => line.relay.gone(line));
}

async function blockPage(world) {
  const { line } = world.pick(world.pages);
  if (line) await line.relay.block(line, 200 + world.random(4_000));
}

function isolatePage(world) {
  const page = world.pick(world.pages);
  page.isAlone = true;
  later(world, () => { page.isAlone = false; });
}

async function loseDatabase(world) {
  if (world.database.isDown) return;
  world.database.isDown = true;
  const isCrash = !world.isMixed && world.random(2);
  if (isCrash) await world.database.crash();
  later(world, () => { world.database.isDown = false; });
}

async function goBack(world) {
  const { database, random } = world;
  if (world.isMixed || database.isDown) return;
  if (!database.hasBackUp) await database.backUp();
  else if (random(2)) await database.restore();
  else await database.begin();
}

export const faults = [
  [8, 'the way from an app to the relay breaks', breakWay],
  [3, 'an app ends', loseApp],
  [2, 'the relay crashes', (world) => loseRelay(world, false)],
  [1, "the relay's host is gone", (world) => loseRelay(world, true)],
  [2, 'the relay moves', moveRelay],
  [1, 'the relay reloads', (world) => world.relay.isUp && world.relay.reload({ pace: world.pick([0, 2, 20, 1000]) })],
  [1, 'an app reloads', (world) => world.pick(world.publishers).reload({ ring_max_age: world.pick(['1s', '5s', '1m']) })],
  [4, "a page's connection is cut", cutPage],
  [3, 'a page takes nothing', blockPage],
  [2, 'a page has no way to the apps', isolatePage],
  [2, 'the network is slow, or quick again', (world) => { world.isSlow = !world.isSlow; }],
  [2, 'the database is down', loseDatabase],
  [2, 'the database goes back', goBack],
];

// All is well from here on.
export async function calm(world) {
  world.isSlow = false;
  world.database.isDown = false;
  for (const publisher of world.publishers) {
    publisher.way = { mode: 'open' };
    await restart(world, publisher);
  }
  await restart(world, world.relay);
  for (const relay of world.relays) if (relay !== world.relay && relay.isUp) await relay.crash(false);
  for (const page of world.pages) {
    page.isAlone = false;
    page.freeze(false);
    if (page.isHidden) page.hide(false);
  }
}
