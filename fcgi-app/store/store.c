/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/store.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi-app/postgres/array.h"
#include "fcgi-app/store/db.h"

/* How fast a list is surely written: 100,000 users may take 20 s more than a statement else. */
enum { SENT_PER_MS = 5 };

/* A number as a parameter. */
struct digits {
    char text[24];
};

static const char *write_int(struct digits *d, int64_t n)
{
    (void)snprintf(d->text, sizeof(d->text), "%" PRId64, n);
    return d->text;
}

static const char *write_bool(bool b)
{
    return b ? "true" : "false";
}

/* The columns are integers by the statement's text, so their form is PostgreSQL's promise. */
static int64_t read_int(const PGresult *result, int row, int column, int64_t if_null)
{
    if (PQgetisnull(result, row, column))
        return if_null;
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static struct span read_text(const PGresult *result, int row, int column)
{
    return (struct span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

enum err store_init(struct store *s, const struct config_database *config)
{
    return db_new(config, &s->db);
}

void store_deinit(struct store *s)
{
    db_free(s->db);
    s->db = NULL;
}

enum err store_connect(struct store *s)
{
    return db_connect(s->db);
}

bool store_is_connected(const struct store *s)
{
    return db_is_connected(s->db);
}

const char *store_fault(const struct store *s)
{
    return db_fault(s->db);
}

void store_forget(struct store *s)
{
    db_forget(s->db);
}

enum err store_send(struct store *s, const struct draft *d, struct sent *out)
{
    struct digits expires_in, send_at;
    const char *const values[] = {d->to,
                                  d->group,
                                  write_bool(d->to_all),
                                  d->title,
                                  d->body,
                                  d->sender,
                                  d->url,
                                  d->category,
                                  d->extra,
                                  d->expires_in_s ? write_int(&expires_in, d->expires_in_s) : NULL,
                                  d->send_at ? write_int(&send_at, d->send_at) : NULL,
                                  d->key,
                                  d->subject_type,
                                  d->subject_id,
                                  write_bool(d->replace),
                                  write_bool(d->ack),
                                  write_bool(d->to_new_users),
                                  "false"};
    const PGresult *result;
    enum err e;

    db_allow_more(s->db, (int64_t)d->to_count / SENT_PER_MS);
    e = db_run(s->db, STMT_SEND, values, d->key != NULL, &result);
    if (e)
        return e;
    out->id = read_int(result, 0, 0, 0);
    out->recipients = read_int(result, 0, 1, -1);
    out->is_duplicate = read_int(result, 0, 2, 0) != 0;
    return ERR_NONE;
}

static enum err contact(struct store *s, const struct reader *reader)
{
    struct digits since, backlog_days;
    const char *const values[] = {reader->user,
                                  reader->since >= 0 ? write_int(&since, reader->since) : NULL,
                                  write_int(&backlog_days, reader->backlog_days)};
    const PGresult *result;

    return db_run(s->db, STMT_CONTACT, values, true, &result);
}

/* Asks; where the answer is that the user is not known yet (no row, or NULL), makes him known and
 * asks again. */
static enum err ask(struct store *s, enum statement statement, const struct reader *reader,
                    const char *const *values, const PGresult **result)
{
    enum err e = db_run(s->db, statement, values, true, result);

    if (e && e != ERR_END)
        return e;
    if (!e && !PQgetisnull(*result, 0, 0))
        return ERR_NONE;
    e = contact(s, reader);
    if (!e)
        e = db_run(s->db, statement, values, true, result);
    if (e)
        return e;
    return PQgetisnull(*result, 0, 0) ? ERR_END : ERR_NONE;
}

static enum err ask_json(struct store *s, enum statement statement, const struct reader *reader,
                         const char *const *values, struct span *json)
{
    const PGresult *result;
    enum err e = ask(s, statement, reader, values, &result);

    if (!e)
        *json = read_text(result, 0, 0);
    return e;
}

enum err store_unread(struct store *s, const struct reader *reader, const char *category,
                      int64_t hit_window_s, struct unread *out)
{
    struct digits hit_window;
    const char *const values[] = {reader->user, category, write_int(&hit_window, hit_window_s)};
    const PGresult *result;
    enum err e = ask(s, STMT_UNREAD, reader, values, &result);

    if (e)
        return e;
    out->num = read_int(result, 0, 0, 0);
    out->hit = read_int(result, 0, 1, 0);
    out->latest = read_int(result, 0, 2, 0);
    out->version = read_int(result, 0, 3, 0);
    out->seq = read_int(result, 0, 4, 0);
    return ERR_NONE;
}

enum err store_unread_by_category(struct store *s, const struct reader *reader,
                                  int64_t hit_window_s, struct span *json)
{
    struct digits hit_window;
    const char *const values[] = {reader->user, write_int(&hit_window, hit_window_s)};

    return ask_json(s, STMT_UNREAD_BY_CATEGORY, reader, values, json);
}

enum err store_list(struct store *s, const struct reader *reader, const char *state,
                    const char *category, const char *before, int64_t limit, struct span *json)
{
    struct digits rows;
    const char *const values[] = {reader->user, state, category, before, write_int(&rows, limit)};

    return ask_json(s, STMT_LIST, reader, values, json);
}

enum err store_message(struct store *s, const struct reader *reader, int64_t id, struct span *json)
{
    struct digits digits;
    const char *const values[] = {reader->user, write_int(&digits, id)};

    return ask_json(s, STMT_MESSAGE, reader, values, json);
}

/* Marks are not run again after a lost connection: what they changed could then not be told. */
static enum err run_mark(struct store *s, enum statement statement, const char *const *values,
                         struct counts *out)
{
    const PGresult *result;
    enum err e = db_run(s->db, statement, values, false, &result);

    if (e)
        return e;
    out->num = read_int(result, 0, 0, 0);
    out->version = read_int(result, 0, 1, 0);
    out->seq = read_int(result, 0, 2, 0);
    out->changed = read_int(result, 0, 3, 0);
    return ERR_NONE;
}

enum err store_mark(struct store *s, enum mark mark, const char *user, int64_t id,
                    struct counts *out)
{
    static const enum statement statements[] = {
        [MARK_READ] = STMT_MARK_READ,   [MARK_UNREAD] = STMT_MARK_UNREAD,
        [MARK_ARCHIVED] = STMT_ARCHIVE, [MARK_ACKNOWLEDGED] = STMT_ACKNOWLEDGE,
        [MARK_REMOVED] = STMT_REMOVE,
    };
    struct digits digits;
    const char *const values[] = {user, write_int(&digits, id)};

    return run_mark(s, statements[mark], values, out);
}

enum err store_mark_read_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return run_mark(s, STMT_MARK_READ_IDS, (const char *const[]){user, ids}, out);
}

enum err store_mark_unread_ids(struct store *s, const char *user, const char *ids,
                               struct counts *out)
{
    return run_mark(s, STMT_MARK_UNREAD_IDS, (const char *const[]){user, ids}, out);
}

enum err store_mark_read_upto(struct store *s, const char *user, const char *position,
                              struct counts *out)
{
    return run_mark(s, STMT_MARK_READ_UPTO, (const char *const[]){user, position}, out);
}

enum err store_mark_read_subject(struct store *s, const char *user, const char *type,
                                 const char *id, struct counts *out)
{
    return run_mark(s, STMT_MARK_READ_SUBJECT, (const char *const[]){user, type, id}, out);
}

enum err store_mark_read_oldest(struct store *s, const char *user, int64_t count,
                                struct counts *out)
{
    struct digits digits;
    const char *const values[] = {user, write_int(&digits, count)};

    return run_mark(s, STMT_MARK_READ_OLDEST, values, out);
}

enum err store_mark_read_all(struct store *s, const char *user, struct counts *out)
{
    return run_mark(s, STMT_MARK_READ_ALL, (const char *const[]){user}, out);
}

enum err store_mark_unread_all(struct store *s, const char *user, struct counts *out)
{
    return run_mark(s, STMT_MARK_UNREAD_ALL, (const char *const[]){user}, out);
}

enum err store_mark_seen(struct store *s, const char *user, const char *position,
                         struct counts *out)
{
    return run_mark(s, STMT_MARK_SEEN, (const char *const[]){user, position}, out);
}

enum err store_mute(struct store *s, const char *user, const char *categories, struct counts *out)
{
    return run_mark(s, STMT_MUTE, (const char *const[]){user, categories}, out);
}

/* One value of JSON, whoever asks. */
static enum err run_json(struct store *s, enum statement statement, const char *const *values,
                         struct span *json)
{
    const PGresult *result;
    enum err e = db_run(s->db, statement, values, false, &result);

    if (!e)
        *json = read_text(result, 0, 0);
    return e;
}

enum err store_preferences(struct store *s, const char *user, struct span *json)
{
    return run_json(s, STMT_PREFERENCES, (const char *const[]){user}, json);
}

enum err store_sent(struct store *s, int64_t id, struct span *json)
{
    struct digits digits;

    return run_json(s, STMT_SENT, (const char *const[]){write_int(&digits, id)}, json);
}

enum err store_recall(struct store *s, int64_t id)
{
    struct digits digits;
    const PGresult *result;

    return db_run(s->db, STMT_RECALL, (const char *const[]){write_int(&digits, id)}, false,
                  &result);
}

enum err store_group_change(struct store *s, const char *group, const char *add, const char *remove,
                            int64_t max_groups, struct span *json)
{
    struct digits digits;
    const char *const values[] = {group, add, remove, write_int(&digits, max_groups)};

    return run_json(s, STMT_GROUP_CHANGE, values, json);
}

enum err store_group_members(struct store *s, const char *group, const char *after, int64_t limit,
                             struct span *json)
{
    struct digits digits;
    const char *const values[] = {group, after, write_int(&digits, limit)};

    return run_json(s, STMT_GROUP_MEMBERS, values, json);
}

enum err store_categories(struct store *s, struct span *json)
{
    return run_json(s, STMT_CATEGORIES, NULL, json);
}

enum err store_category_set(struct store *s, const char *name, bool is_critical)
{
    const PGresult *result;

    return db_run(s->db, STMT_CATEGORY_SET, (const char *const[]){name, write_bool(is_critical)},
                  true, &result);
}

enum err store_category_remove(struct store *s, const char *name)
{
    const PGresult *result;

    return db_run(s->db, STMT_CATEGORY_REMOVE, (const char *const[]){name}, false, &result);
}

enum err store_export(struct store *s, const char *user, struct span *json)
{
    return run_json(s, STMT_EXPORT, (const char *const[]){user}, json);
}

enum err store_erase(struct store *s, const char *user, bool *was_known)
{
    const PGresult *result;
    enum err e = db_run(s->db, STMT_ERASE, (const char *const[]){user}, false, &result);

    if (!e)
        *was_known = read_int(result, 0, 0, 0) != 0;
    return e;
}

enum err store_health(struct store *s, struct span *json)
{
    return run_json(s, STMT_HEALTH, NULL, json);
}

static enum err write_ids(const PGresult *result, struct buf *ids)
{
    enum err e = array_open(ids);

    for (int i = 0; i < PQntuples(result) && !e; i++)
        e = array_append_int(ids, read_int(result, i, 0, 0));
    return e ? e : array_close(ids);
}

static enum err take_each(const PGresult *result, enum err (*take)(void *context, struct span ring),
                          void *context)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < PQntuples(result) && !e; i++)
        if (!PQgetisnull(result, i, 1))
            e = take(context, read_text(result, i, 1));
    return e;
}

enum err store_take_rings(struct store *s, const struct lease *lease,
                          const struct ring_terms *terms, struct buf *ids, int64_t *count,
                          enum err (*take)(void *context, struct span ring), void *context)
{
    struct digits d[5];
    const char *const values[] = {
        write_int(&d[0], lease->rows_max),       write_int(&d[1], lease->lease_s),
        write_int(&d[2], lease->age_max_s),      write_int(&d[3], terms->hit_window_s),
        write_int(&d[4], terms->group_ring_max),
    };
    const PGresult *result;
    enum err e = db_run(s->db, STMT_OUTBOX_TAKE, values, false, &result);

    if (e)
        return e;
    *count = PQntuples(result);
    if (*count == 0)
        return ERR_END;
    e = write_ids(result, ids);
    return e ? e : take_each(result, take, context);
}

enum err store_rings(struct store *s, const char *ids, const struct ring_terms *terms,
                     enum err (*take)(void *context, struct span ring), void *context)
{
    struct digits d[2];
    const char *const values[] = {ids, write_int(&d[0], terms->hit_window_s),
                                  write_int(&d[1], terms->group_ring_max)};
    const PGresult *result;
    enum err e = db_run(s->db, STMT_OUTBOX_RINGS, values, true, &result);

    return e ? e : take_each(result, take, context);
}

enum err store_rings_done(struct store *s, const char *ids)
{
    const PGresult *result;

    return db_run(s->db, STMT_OUTBOX_DONE, (const char *const[]){ids}, true, &result);
}

enum err store_rings_retry(struct store *s, const char *ids)
{
    const PGresult *result;

    return db_run(s->db, STMT_OUTBOX_RETRY, (const char *const[]){ids}, false, &result);
}

static enum err run_chore(struct store *s, enum statement statement, int64_t rows, int64_t *count)
{
    struct digits digits;
    const PGresult *result;
    enum err e =
        db_run(s->db, statement, (const char *const[]){write_int(&digits, rows)}, false, &result);

    if (!e)
        *count = read_int(result, 0, 0, 0);
    return e;
}

enum err store_activate(struct store *s, int64_t rows, int64_t *count)
{
    return run_chore(s, STMT_ACTIVATE, rows, count);
}

enum err store_sweep(struct store *s, int64_t rows, int64_t *count)
{
    return run_chore(s, STMT_SWEEP, rows, count);
}
