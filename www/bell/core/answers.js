// SPDX-License-Identifier: MIT
// answers.js - whether a reply is doorbell-app's. Where a site has a gateway, a log-in page or a firewall of its own, a 200 may
// be theirs; such a one says nothing about the user. What an older doorbell-app leaves out may be absent.

export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
export const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isText = (value) => typeof value === 'string';
const isAbsentOr = (isGood, value) => value === undefined || isGood(value);

// What every answer about a user's state has.
export function isState(answer) {
  if (!isObject(answer)) return false;
  const { num, version, seq, hit, latest, user, epoch } = answer;
  return [num, version, seq].every(isCount) && [hit, latest].every((value) => isAbsentOr(isCount, value)) &&
    [user, epoch].every((value) => isAbsentOr(isText, value));
}

export function isMessage(value) {
  return isObject(value) && isCount(value.id) && isText(value.title) && isCount(value.created_at);
}

export function isPage(answer) {
  if (!isState(answer) || !isText(answer.position)) return false;
  const { messages, next } = answer;
  return Array.isArray(messages) && messages.every(isMessage) && (next === null || isText(next));
}

export function isByCategory(answer) {
  return isState(answer) && isObject(answer.categories) && Object.values(answer.categories).every(isCount);
}

export function isPreferences(answer) {
  return isObject(answer) && Array.isArray(answer.muted) && answer.muted.every(isText);
}
