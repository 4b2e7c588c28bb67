// SPDX-License-Identifier: MIT
// times.js - when something was, in the language of a page. The texts are the browser's own, by Intl; where it has no relative
// times, the date is shown. Pure.

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];
const DAYS_MAX = 6; // older ones are told by their date

export class Times {
  constructor(lang) {
    this.lang = lang;
    this.relative = Intl.RelativeTimeFormat && new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
  }

  // '5 minutes ago', 'yesterday', and from a week on the date. Times are in ms.
  ago(at, now) {
    const days = this.#days(at, now);
    if (!this.relative || days > DAYS_MAX) return this.#date(at, { day: 'numeric', month: 'short', ...yearOf(at, now) });
    const passed = Math.max(0, now - at);
    const [unit, length] = UNITS.find(([, ms]) => passed >= ms) ?? ['second', Infinity];
    return this.relative.format(-(unit === 'day' ? days : Math.floor(passed / length)), unit);
  }

  full(at) {
    return this.#date(at, { dateStyle: 'full', timeStyle: 'short' });
  }

  // A heading: 'Today', 'Yesterday', or the date.
  day(at, now) {
    const days = Math.max(0, this.#days(at, now));
    if (!this.relative || days > 1) return this.#date(at, { weekday: 'long', day: 'numeric', month: 'long', ...yearOf(at, now) });
    const text = this.relative.format(-days, 'day');
    return text.charAt(0).toLocaleUpperCase(this.lang) + text.slice(1);
  }

  #date(at, options) {
    return new Intl.DateTimeFormat(this.lang, options).format(at);
  }

  // Between the dates, not between the times: at noon, 11 p.m. of the evening before is yesterday.
  #days(at, now) {
    return Math.round((midnight(now) - midnight(at)) / 86_400_000);
  }
}

const midnight = (at) => new Date(at).setHours(0, 0, 0, 0);
const yearOf = (at, now) => (new Date(at).getFullYear() === new Date(now).getFullYear() ? {} : { year: 'numeric' });
