// SPDX-License-Identifier: MIT
// app.mjs - what doorbell-app answers to pages: the same SQL functions in the same replies, without its threads, its
// memory of checks and its HTTP.

const EPOCH = '(SELECT epoch::text FROM doorbell.current_epoch)';
const HIT_WINDOW_S = 300;

const json = (status, value, headers = {}) => ({ status, headers, body: value === null ? null : JSON.stringify(value) });

export class App {
  constructor(world) {
    this.world = world;
  }

  // {status, headers, body}; null: the connection breaks.
  async handle({ user, method, url, headers, body }) {
    const { database } = this.world;
    const { pathname, searchParams } = new URL(url);
    const path = pathname.replace('/doorbell', '');
    if (database.isDown) return json(503, { error: { code: 'unavailable', message: '' } }, { 'Retry-After': '1' });
    if (path === '/unread') return this.#unread(user, headers['If-None-Match']);
    if (path === '/messages') return this.#list(user, searchParams);
    if (path === '/seen') return this.#hearReport(user, body);
    if (path === '/messages/read') return this.#markUpTo(user, JSON.parse(body).upto);
    return this.#mark(user, Number(path.split('/')[2]));
  }

  // `epoch` is absent where nobody has named it yet.
  #close(answer, epoch, user) {
    return { ...answer, ...(epoch && { epoch }), user };
  }

  async #unread(user, known) {
    const [[num, hit, latest, version, seq, scope, groups, muted, epoch]] = await this.world.database.run('unread',
      `SELECT num, hit::bigint, latest, version, seq, scope, groups::bigint, muted, ${EPOCH} FROM doorbell.unread($1, NULL, $2::integer)`,
      [user, HIT_WINDOW_S]);
    const answer = json(200, this.#close({ num, hit, latest, version, seq, scope, groups, muted: JSON.parse(muted) }, epoch, user));
    const etag = `"${answer.body}"`.replaceAll(/[^!-~]/g, '');
    return known === etag ? json(304, null, { ETag: etag }) : { ...answer, headers: { ETag: etag } };
  }

  // A page was wrong, which none ever is.
  #hearReport(user, body) {
    this.world.reports.push(`a page of ${user} reports ${body}`);
    return json(422, { error: { code: 'invalid', message: '' } });
  }

  async #list(user, query) {
    const [[page, epoch]] = await this.world.database.run('list',
      `SELECT doorbell.list($1, 'all', NULL, NULL, $2::integer), ${EPOCH}`, [user, Number(query.get('limit') ?? 50)]);
    return json(200, this.#close(JSON.parse(page), epoch, user));
  }

  async #mark(user, id) {
    return this.#change(user, 'mark_read', `SELECT num, version, seq, changed::bigint, ${EPOCH} FROM doorbell.mark_read($1, $2::bigint)`, id);
  }

  async #markUpTo(user, position) {
    return this.#change(user, 'mark_read_part', `SELECT num, version, seq, changed::bigint, ${EPOCH} FROM doorbell.mark_read_part($1, $2)`, position);
  }

  // What the database refuses is refused: a message that is gone, a position of another epoch.
  async #change(user, name, text, value) {
    try {
      const [[num, version, seq, changed, epoch]] = await this.world.database.run(name, text, [user, value]);
      if (changed > 0) this.world.wakeOne();
      return json(200, this.#close({ num, version, seq, changed }, epoch, user));
    } catch (error) {
      if (!error.code?.startsWith('DB')) throw error;
      return json(Number(error.code.slice(2)), { error: { code: 'refused', message: error.message } });
    }
  }
}
