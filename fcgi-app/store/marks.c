/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/marks.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

/* All of them return the user's new state. None is run again after a lost connection: the second
 * run would find nothing to change, and say so. */
#define COUNTS "SELECT num, version, seq, changed FROM doorbell."

#define MARK(store, id, out, ...) run_mark(store, &(id), VALUES(id, __VA_ARGS__), out)

static enum err run_mark(struct store *s, const struct statement *statement,
                         const char *const *values, struct counts *out)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, statement, values, &result);

    if (e)
        return e;
    out->num = value_read_int(result, 0, 0, 0);
    out->version = value_read_int(result, 0, 1, 0);
    out->seq = value_read_int(result, 0, 2, 0);
    out->changed = value_read_int(result, 0, 3, 0);
    return ERR_NONE;
}

STATEMENT(mark_read, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "mark_read($1, $2::bigint)");
STATEMENT(mark_unread, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "mark_unread($1, $2::bigint)");
STATEMENT(archive, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "archive($1, $2::bigint)");
STATEMENT(acknowledge, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "acknowledge($1, $2::bigint)");
STATEMENT(remove_one, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "remove($1, $2::bigint)");

enum err marks_set(struct store *s, enum mark mark, const char *user, int64_t id,
                   struct counts *out)
{
    static const struct statement *const statements[] = {
        [MARK_READ] = &mark_read,     [MARK_UNREAD] = &mark_unread,
        [MARK_ARCHIVED] = &archive,   [MARK_ACKNOWLEDGED] = &acknowledge,
        [MARK_REMOVED] = &remove_one,
    };
    struct digits digits;

    return run_mark(s, statements[mark], VALUES(mark_read, user, value_int(&digits, id)), out);
}

STATEMENT(mark_read_ids, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "mark_read_ids($1, $2::bigint[])");

enum err marks_read_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return MARK(s, mark_read_ids, out, user, ids);
}

STATEMENT(mark_unread_ids, AS_USER, 2, 4, SHAPE_ROW, ONCE,
          COUNTS "mark_unread_ids($1, $2::bigint[])");

enum err marks_unread_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return MARK(s, mark_unread_ids, out, user, ids);
}

STATEMENT(mark_read_upto, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "mark_read_upto($1, $2)");

enum err marks_read_upto(struct store *s, const char *user, const char *position,
                         struct counts *out)
{
    return MARK(s, mark_read_upto, out, user, position);
}

STATEMENT(mark_read_subject, AS_USER, 3, 4, SHAPE_ROW, ONCE,
          COUNTS "mark_read_subject($1, $2, $3)");

enum err marks_read_subject(struct store *s, const char *user, const char *type, const char *id,
                            struct counts *out)
{
    return MARK(s, mark_read_subject, out, user, type, id);
}

STATEMENT(mark_read_oldest, AS_USER, 2, 4, SHAPE_ROW, ONCE,
          COUNTS "mark_read_oldest($1, $2::integer)");

enum err marks_read_oldest(struct store *s, const char *user, int64_t count, struct counts *out)
{
    struct digits digits;

    return MARK(s, mark_read_oldest, out, user, value_int(&digits, count));
}

STATEMENT(mark_read_all, AS_USER, 1, 4, SHAPE_ROW, ONCE, COUNTS "mark_read_all($1)");

enum err marks_read_all(struct store *s, const char *user, struct counts *out)
{
    return MARK(s, mark_read_all, out, user);
}

STATEMENT(mark_unread_all, AS_USER, 1, 4, SHAPE_ROW, ONCE, COUNTS "mark_unread_all($1)");

enum err marks_unread_all(struct store *s, const char *user, struct counts *out)
{
    return MARK(s, mark_unread_all, out, user);
}

STATEMENT(mark_seen, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "mark_seen($1, $2)");

enum err marks_seen(struct store *s, const char *user, const char *position, struct counts *out)
{
    return MARK(s, mark_seen, out, user, position);
}

STATEMENT(mute, AS_USER, 2, 4, SHAPE_ROW, ONCE, COUNTS "mute($1, $2::text[])");

enum err marks_mute(struct store *s, const char *user, const char *categories, struct counts *out)
{
    return MARK(s, mute, out, user, categories);
}

STATEMENT(preferences, AS_USER, 1, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.preferences($1)");

enum err marks_preferences(struct store *s, const char *user, struct span *json)
{
    return QUERY_JSON(s, preferences, json, user);
}

const struct statement *const marks_statements[] = {
    &mark_read,         &mark_unread,
    &archive,           &acknowledge,
    &remove_one,        &mark_read_ids,
    &mark_unread_ids,   &mark_read_upto,
    &mark_read_subject, &mark_read_oldest,
    &mark_read_all,     &mark_unread_all,
    &mark_seen,         &mute,
    &preferences,       NULL,
};
