// SPDX-License-Identifier: MIT
// words.js - texts and numbers in the language of a page. Plurals are the browser's own, by Intl. English is always
// here, as far as it is needed; the others are files that are loaded when a page is in their language.

import en from './en.js';

const english = { ...en };
const languages = { en: {} }; // whose texts are here, and those of the page's own
const files = { ar: () => import('./ar.js'), 'zh-CN': () => import('./zh-CN.js'), 'zh-TW': () => import('./zh-TW.js') };

// A page's own language, or its own wording of one: addWords('de', {inbox: 'Nachrichten', …}).
export function addWords(lang, texts) {
  languages[lang] = { ...languages[lang], ...texts };
}

// The English of what is loaded later.
export function addEnglish(texts) {
  Object.assign(english, texts);
}

// Loads the texts for `lang` where they are in a file that is not here yet; the promise tells whether it did.
export async function loadWords(lang) {
  const name = languageOf(lang);
  const load = files[name];
  if (!load) return false;
  const { default: texts } = await load();
  languages[name] = { ...texts, ...languages[name] };
  delete files[name];
  return true;
}

// The language that is nearest to `lang`, a tag as in <html lang>.
export function languageOf(lang) {
  const wanted = lang.toLowerCase();
  const names = Object.keys({ ...languages, ...files });
  const exact = names.find((name) => name.toLowerCase() === wanted);
  if (exact) return exact;
  if (/^zh\b/.test(wanted)) return /hant|^zh-(tw|hk|mo)/.test(wanted) ? 'zh-TW' : 'zh-CN';
  const [base] = wanted.split('-');
  return names.find((name) => name.toLowerCase().split('-')[0] === base) ?? 'en';
}

export class Words {
  constructor(lang = '') {
    const near = languageOf(lang || 'en');
    const name = languages[near] ? near : 'en';
    this.lang = name === near && isTag(lang) ? lang : name; // for dates: en-GB and en-US have the same words
    this.texts = languages[name];
    this.plural = new Intl.PluralRules(name);
    this.isRtl = /^(ar|fa|he|ur)\b/.test(name);
  }

  // A text with its {names} filled in; `n` chooses the form, and `zero` is for 0 in every language.
  say(key, values = {}) {
    let text = this.texts[key] ?? english[key];
    if (typeof text === 'object') {
      const form = values.n === 0 && text.zero ? 'zero' : this.plural.select(values.n);
      text = text[form] ?? text.other;
    }
    return text.replace(/\{(\w+)\}/g, (all, name) => (name === 'n' ? this.number(values.n) : (values[name] ?? all)));
  }

  // The site's own name for a category, where it has given one: addWords('en', {categories: {news: 'News'}}).
  category(name) {
    const { categories = {} } = this.texts;
    return Object.keys(categories).includes(name) ? categories[name] : name;
  }

  number(n) {
    return n.toLocaleString(this.lang);
  }
}

function isTag(lang) {
  try {
    return Boolean(lang) && Intl.getCanonicalLocales(lang).length > 0;
  } catch {
    return false;
  }
}
