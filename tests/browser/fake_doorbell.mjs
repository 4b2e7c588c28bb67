// SPDX-License-Identifier: MIT
// fake_doorbell.mjs - a Doorbell that plays the server, for the store in node and for the elements in a page.

export function message(id, fields) {
  return {
    id, title: `Message ${id}`, body: '', url: null, sender: null, extra: null, created_at: 1_780_000_000 + id, category: null, seen: true,
    read: false, archived: false, ack: null, group_key: null, ...fields,
  };
}

// An id, a list of them, or {group_key}.
const isMeant = (one, id) => (id.group_key ? one.group_key === id.group_key : [id].flat().includes(one.id));

// As doorbell-app lists them: of each group the newest.
function inGroups(all) {
  return all.filter(({ group_key: key }, i) => !key || all.findIndex((one) => one.group_key === key) === i).map((message) => {
    const members = all.filter((one) => one.group_key === message.group_key);
    const senders = [...new Set(members.map(({ sender }) => sender).filter(Boolean))];
    const unread = members.filter(({ read }) => !read).length;
    const group = { key: message.group_key, count: members.length, unread, senders: senders.slice(0, 3), others: Math.max(0, senders.length - 3) };
    return message.group_key ? { ...message, group } : message;
  });
}

export class FakeDoorbell extends EventTarget {
  epoch = 'e1';
  state = 'live';
  soundOn = false;
  muted = [];
  asked = [];
  gate = null; // a promise that replies to lists wait for
  refusal = null;

  // `messages`, or how many of them.
  constructor(messages, fields = () => ({})) {
    super();
    const made = (count) => Array.from({ length: count }, (_, i) => message(count - i, fields(count - i)));
    this.messages = Array.isArray(messages) ? messages : made(messages);
  }

  get num() {
    return this.state === 'logged-out' ? null : this.messages.filter(({ read }) => !read).length;
  }

  async list({ state, category, limit, before, grouped }) {
    this.asked.push(['list', limit, before]);
    const wanted = (one) => (category === null || one.category === category) && one.archived === (state === 'archived') && !(state === 'unread' && one.read);
    const all = grouped ? inGroups(this.messages.filter(wanted)) : this.messages.filter(wanted);
    const from = before === undefined ? 0 : Number(before);
    const page = all.slice(from, from + limit);
    const next = from + limit < all.length ? String(from + limit) : null;
    const { epoch, refusal } = this;
    await this.gate;
    if (refusal) throw refusal;
    return { messages: page, next, position: `p${this.messages[0]?.id}`, num: this.num, epoch };
  }

  async counts() {
    const categories = {};
    for (const { category, read } of this.messages) if (category && !read) categories[category] = (categories[category] ?? 0) + 1;
    return { num: this.num, categories };
  }

  preferences = async () => ({ muted: this.muted });
  setPreferences = async ({ muted }) => (this.muted = muted);
  seen = (position) => this.#mark('seen', position, {});
  markRead = (id) => this.#mark('markRead', id, { read: true });
  markUnread = (id) => this.#mark('markUnread', id, { read: false, archived: false });
  archive = (id) => this.#mark('archive', id, { read: true, archived: true });
  acknowledge = (id) => this.#mark('acknowledge', id, { read: true, ack: true });
  markAllRead = () => this.#mark('markAllRead', this.messages.filter(({ ack }) => ack !== false).map(({ id }) => id), { read: true });

  async remove(id) {
    await this.#mark('remove', id, {});
    this.messages = this.messages.filter((one) => !isMeant(one, id));
  }

  async #mark(call, id, fields) {
    this.asked.push([call, id]);
    await null;
    if (this.refusal) throw this.refusal;
    this.messages = this.messages.map((one) => (isMeant(one, id) ? { ...one, ...fields } : one));
    this.ring();
  }

  tell(type, detail) {
    this.dispatchEvent(Object.assign(new Event(type), { detail }));
  }

  ring(num = this.num) {
    this.tell('change', { num });
  }

  // A new message arrives.
  add(fields) {
    const added = message(1 + Math.max(0, ...this.messages.map(({ id }) => id)), fields);
    this.messages = [added, ...this.messages];
    this.ring();
    this.tell('message', { ...added, num: this.num });
  }
}
