// SPDX-License-Identifier: MIT
// tabs.js - what the tab that leads and those that follow say to each other; engine.js decides when. `group` is what
// they have in common: tabs that name other servers have a leader of their own. Pure.

// Where they talk: those that know the same API, and what a group is called.
export const channelOf = (api) => `doorbell:${api}`;
export const bellOf = (api) => `${channelOf(api)}:bell`; // arbiter.js
export const groupOf = ({ api, relay, events }) => [api, relay, events].join(' ');

// To the followers: the leader's state, and whose answers are in it, [[tab, n]…]. `by` is its name for as long as it leads.
export const leadersWord = (group, by, state, heard) => ({ leader: group, by, state, heard });

// To the leader: its 'state', to 'ask' within `spread` ms, or to begin anew after a 'login'.
export const wishOf = (group, wants, spread) => ({ follower: group, wants, ...(spread !== undefined && { spread }) });

// Whether two answers say the same; null: none.
export function isSameKnown(one, other) {
  if (one === null || other === null) return one === other;
  return ['num', 'version', 'seq'].every((name) => one[name] === other[name]);
}
