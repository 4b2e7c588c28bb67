/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/marks.h"

#include <stddef.h>
#include <string.h>

#include "fcgi-app/store/query.h"

/* Room for a position, which read_position() of sql/functions/inbox/marking.sql describes. */
enum { POSITION_SIZE = 256 };

/* All of them return the user's new state. None is run again after a lost connection: the second
 * run would find nothing to change, and say so. */
#define COUNTS "SELECT num, version, seq, changed, " EPOCH " FROM doorbell."

#define MARK(store, id, out, ...) run_mark(store, &(id), VALUES(id, __VA_ARGS__), out)

static void read_counts(const struct pg_result *result, struct counts *out)
{
    out->num = value_read_int(result, 0, 0, 0);
    out->version = value_read_int(result, 0, 1, 0);
    out->seq = value_read_int(result, 0, 2, 0);
    out->changed = value_read_int(result, 0, 3, 0);
    out->epoch = value_read_int(result, 0, 4, 0);
}

static enum err run_mark(struct store *s, const struct statement *statement,
                         const char *const *values, struct counts *out)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, statement, values, &result);

    if (!e)
        read_counts(result, out);
    return e;
}

STATEMENT(mark_read, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "mark_read($1, $2::bigint)");
STATEMENT(mark_unread, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "mark_unread($1, $2::bigint)");
STATEMENT(archive, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "archive($1, $2::bigint)");
STATEMENT(acknowledge, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "acknowledge($1, $2::bigint)");
STATEMENT(remove_one, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "remove($1, $2::bigint)");

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

STATEMENT(mark_read_ids, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "mark_read_ids($1, $2::bigint[])");

enum err marks_read_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return MARK(s, mark_read_ids, out, user, ids);
}

STATEMENT(mark_unread_ids, AS_USER, 2, 5, SHAPE_ROW, ONCE,
          COUNTS "mark_unread_ids($1, $2::bigint[])");

enum err marks_unread_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return MARK(s, mark_unread_ids, out, user, ids);
}

STATEMENT(archive_ids, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "archive_ids($1, $2::bigint[])");

enum err marks_archive_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return MARK(s, archive_ids, out, user, ids);
}

STATEMENT(remove_ids, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "remove_ids($1, $2::bigint[])");

enum err marks_remove_ids(struct store *s, const char *user, const char *ids, struct counts *out)
{
    return MARK(s, remove_ids, out, user, ids);
}

STATEMENT(mark_read_subject, AS_USER, 3, 5, SHAPE_ROW, ONCE,
          COUNTS "mark_read_subject($1, $2, $3)");

enum err marks_read_subject(struct store *s, const char *user, const char *type, const char *id,
                            struct counts *out)
{
    return MARK(s, mark_read_subject, out, user, type, id);
}

STATEMENT(mark_read_oldest, AS_USER, 2, 5, SHAPE_ROW, ONCE,
          COUNTS "mark_read_oldest($1, $2::integer)");

enum err marks_read_oldest(struct store *s, const char *user, int64_t count, struct counts *out)
{
    struct digits digits;

    return MARK(s, mark_read_oldest, out, user, value_int(&digits, count));
}

/* A long history is marked in parts, each a transaction of its own, so that the user's lock is free
 * in between. A part that fails leaves those before it done; the same call again does the rest. */
#define PART "SELECT num, version, seq, changed, " EPOCH ", next FROM doorbell."

STATEMENT(mark_read_part, AS_USER, 3, 6, SHAPE_ROW, ONCE,
          PART "mark_read_part($1, $2, group_key => $3)");
STATEMENT(mark_unread_part, AS_USER, 2, 6, SHAPE_ROW, ONCE, PART "mark_unread_part($1, $2)");
STATEMENT(archive_part, AS_USER, 5, 6, SHAPE_ROW, ONCE,
          PART "archive_part($1, $2, $3, $4::boolean, group_key => $5)");
STATEMENT(remove_part, AS_USER, 5, 6, SHAPE_ROW, ONCE,
          PART "remove_part($1, $2, $3, $4::boolean, group_key => $5)");

/* The reply goes when the next statement is sent, so the position is copied. */
static enum err copy_position(struct span position, char out[POSITION_SIZE])
{
    if (position.len >= POSITION_SIZE)
        return ERR_UNAVAILABLE; /* not a position of ours */
    memcpy(out, position.p, position.len);
    out[position.len] = '\0';
    return ERR_NONE;
}

/* The second of the values is the position. */
static enum err mark_in_parts(struct store *s, const struct statement *part, const char **values,
                              struct counts *out)
{
    char next[POSITION_SIZE];
    const struct pg_result *result;
    int64_t changed = 0;
    enum err e;

    do {
        e = connection_run(s->connection, part, values, &result);
        if (e)
            return e;
        read_counts(result, out);
        changed += out->changed;
        values[1] = value_is_null(result, 0, 5) ? NULL : next;
        if (values[1])
            e = copy_position(value_read_text(result, 0, 5), next);
    } while (!e && values[1]);
    out->changed = changed;
    return e;
}

enum err marks_read_group(struct store *s, const char *user, const char *position,
                          const char *group_key, struct counts *out)
{
    const char *values[mark_read_part_params] = {user, position, group_key};

    return mark_in_parts(s, &mark_read_part, values, out);
}

enum err marks_read_upto(struct store *s, const char *user, const char *position,
                         struct counts *out)
{
    return marks_read_group(s, user, position, NULL, out);
}

enum err marks_read_all(struct store *s, const char *user, struct counts *out)
{
    return marks_read_upto(s, user, NULL, out);
}

enum err marks_unread_all(struct store *s, const char *user, struct counts *out)
{
    const char *values[mark_unread_part_params] = {user, NULL};

    return mark_in_parts(s, &mark_unread_part, values, out);
}

enum err marks_archive_all(struct store *s, const char *user, const struct mark_choice *which,
                           struct counts *out)
{
    const char *values[archive_part_params] = {user, which->position, which->category,
                                               value_bool(which->is_read), which->group_key};

    return mark_in_parts(s, &archive_part, values, out);
}

enum err marks_remove_all(struct store *s, const char *user, const struct mark_choice *which,
                          struct counts *out)
{
    const char *values[remove_part_params] = {user, which->position, which->category,
                                              value_bool(which->is_read), which->group_key};

    return mark_in_parts(s, &remove_part, values, out);
}

STATEMENT(mark_seen, AS_USER, 2, 5, SHAPE_ROW, ONCE, COUNTS "mark_seen($1, $2)");

enum err marks_seen(struct store *s, const char *user, const char *position, struct counts *out)
{
    return MARK(s, mark_seen, out, user, position);
}

STATEMENT(prefer, AS_USER, 4, 5, SHAPE_ROW, ONCE,
          COUNTS "set_preferences($1, $2::text[], $3, $4::jsonb)");

enum err marks_prefer(struct store *s, const char *user, const struct preferences *wanted,
                      struct counts *out)
{
    return MARK(s, prefer, out, user, wanted->muted, wanted->language, wanted->quiet_hours);
}

STATEMENT(preferences, AS_USER, 1, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.preferences($1)");
STATEMENT(preferences_at_standby, AS_USER, 1, AT_STANDBY_COLUMNS, SHAPE_ROW_OR_NONE, REPEATABLE,
          AT_STANDBY("doorbell.preferences($1)"));

enum err marks_preferences(struct store *s, const char *user, struct span *json)
{
    const char *const *values = VALUES(preferences, user);
    const struct pg_result *result;
    enum err e = standby_read(s, user, &preferences_at_standby, values, &result);

    if (e == ERR_END)
        e = connection_run(s->connection, &preferences, values, &result);
    if (!e)
        *json = value_read_text(result, 0, 0);
    return e;
}

const struct statement *const marks_statements[] = {
    &mark_read,
    &mark_unread,
    &archive,
    &acknowledge,
    &remove_one,
    &mark_read_ids,
    &mark_unread_ids,
    &mark_read_part,
    &mark_unread_part,
    &mark_read_subject,
    &archive_ids,
    &remove_ids,
    &archive_part,
    &remove_part,
    &mark_read_oldest,
    &mark_seen,
    &prefer,
    &preferences,
    NULL,
};

const struct statement *const marks_standby_statements[] = {&preferences_at_standby, NULL};
