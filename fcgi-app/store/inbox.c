/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/inbox.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(contact, AS_USER, 3, 1, SHAPE_NONE, REPEATABLE,
          "SELECT doorbell.register($1, to_timestamp($2::bigint), $3::integer)");

static enum err register_reader(struct store *s, const struct reader *reader)
{
    struct digits since, backlog_days;
    const struct pg_result *result;

    return QUERY(s, contact, &result, reader->user,
                 reader->since >= 0 ? value_int(&since, reader->since) : NULL,
                 value_int(&backlog_days, reader->backlog_days));
}

/* Asks. Where the database does not know the user yet, which it says by no row or NULL, registers
 * them and asks again. */
static enum err ask_for(struct store *s, const struct reader *reader,
                        const struct statement *statement, const char *const *values,
                        const struct pg_result **result)
{
    enum err e = connection_run(s->connection, statement, values, result);

    if (e && e != ERR_END)
        return e;
    if (!e && !value_is_null(*result, 0, 0))
        return ERR_NONE;
    e = register_reader(s, reader);
    if (!e)
        e = connection_run(s->connection, statement, values, result);
    if (e)
        return e;
    return value_is_null(*result, 0, 0) ? ERR_END : ERR_NONE;
}

/* The same, of a standby if one is new enough. Both statements have the same values. */
static enum err ask_any_for(struct store *s, const struct reader *reader,
                            const struct statement *statement, const struct statement *at_standby,
                            const char *const *values, const struct pg_result **result)
{
    enum err e = standby_read(s, reader->user, at_standby, values, result);

    return e == ERR_END ? ask_for(s, reader, statement, values, result) : e;
}

static enum err ask_for_json(struct store *s, const struct reader *reader,
                             const struct statement *statement, const struct statement *at_standby,
                             const char *const *values, struct inbox_json *out)
{
    const struct pg_result *result;
    enum err e = ask_any_for(s, reader, statement, at_standby, values, &result);

    if (!e)
        *out = (struct inbox_json){value_read_text(result, 0, 0), value_read_int(result, 0, 1, 0)};
    return e;
}

STATEMENT(unread, AS_USER, 3, 11, SHAPE_ROW_OR_NONE, REPEATABLE,
          "SELECT num, hit, latest, version, seq, " EPOCH
          ", scope, groups, coalesce(muted, 'null'), quiet[1], quiet[2]"
          " FROM doorbell.unread($1, $2, $3::integer)");

enum err inbox_unread(struct store *s, const struct reader *reader, const char *category,
                      int64_t hit_window_s, struct unread *out)
{
    struct digits hit_window;
    const char *const *values =
        VALUES(unread, reader->user, category, value_int(&hit_window, hit_window_s));
    const struct pg_result *result;
    enum err e = ask_for(s, reader, &unread, values, &result);

    if (e)
        return e;
    out->num = value_read_int(result, 0, 0, 0);
    out->hit = value_read_int(result, 0, 1, 0);
    out->latest = value_read_int(result, 0, 2, 0);
    out->version = value_read_int(result, 0, 3, 0);
    out->seq = value_read_int(result, 0, 4, 0);
    out->epoch = value_read_int(result, 0, 5, 0);
    out->terms =
        (struct unread_terms){value_read_int(result, 0, 6, 0), value_read_int(result, 0, 7, 0),
                              value_read_text(result, 0, 8), value_read_int(result, 0, 9, 0),
                              value_read_int(result, 0, 10, 0)};
    return ERR_NONE;
}

STATEMENT(unread_by_category, AS_USER, 2, 2, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.unread_by_category($1, $2::integer), " EPOCH);
STATEMENT(unread_by_category_at_standby, AS_USER, 2, AT_STANDBY_COLUMNS, SHAPE_ROW_OR_NONE,
          REPEATABLE, AT_STANDBY("doorbell.unread_by_category($1, $2::integer)"));

enum err inbox_unread_by_category(struct store *s, const struct reader *reader,
                                  int64_t hit_window_s, struct inbox_json *out)
{
    struct digits hit_window;

    return ask_for_json(
        s, reader, &unread_by_category, &unread_by_category_at_standby,
        VALUES(unread_by_category, reader->user, value_int(&hit_window, hit_window_s)), out);
}

STATEMENT(list, AS_USER, 9, 2, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.list($1, $2, $3, $4, $5::integer, $6, $7::text[], $8, $9), " EPOCH);
STATEMENT(list_at_standby, AS_USER, 9, AT_STANDBY_COLUMNS, SHAPE_ROW_OR_NONE, REPEATABLE,
          AT_STANDBY("doorbell.list($1, $2, $3, $4, $5::integer, $6, $7::text[], $8, $9)"));

enum err inbox_list(struct store *s, const struct reader *reader, const struct inbox_filter *filter,
                    const struct reading *reading, struct inbox_json *out)
{
    struct digits limit;

    return ask_for_json(s, reader, &list, &list_at_standby,
                        VALUES(list, reader->user, filter->state, filter->category, filter->before,
                               value_int(&limit, filter->limit), reading->language,
                               reading->accepted, value_bool(filter->is_grouped),
                               filter->group_key),
                        out);
}

STATEMENT(list_after, AS_USER, 7, 2, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.list_after($1, $2, $3, $4, $5::integer, $6, $7::text[]), " EPOCH);
STATEMENT(list_after_at_standby, AS_USER, 7, AT_STANDBY_COLUMNS, SHAPE_ROW_OR_NONE, REPEATABLE,
          AT_STANDBY("doorbell.list_after($1, $2, $3, $4, $5::integer, $6, $7::text[])"));

enum err inbox_list_after(struct store *s, const struct reader *reader,
                          const struct inbox_filter *filter, const struct reading *reading,
                          struct inbox_json *out)
{
    struct digits limit;

    return ask_for_json(s, reader, &list_after, &list_after_at_standby,
                        VALUES(list_after, reader->user, filter->after, filter->state,
                               filter->category, value_int(&limit, filter->limit),
                               reading->language, reading->accepted),
                        out);
}

STATEMENT(message, AS_USER, 4, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.message($1, $2::bigint, $3, $4::text[])");
STATEMENT(message_at_standby, AS_USER, 4, AT_STANDBY_COLUMNS, SHAPE_ROW_OR_NONE, REPEATABLE,
          AT_STANDBY("doorbell.message($1, $2::bigint, $3, $4::text[])"));

enum err inbox_message(struct store *s, const struct reader *reader, int64_t id,
                       const struct reading *reading, struct span *json)
{
    struct digits digits;
    const char *const *values =
        VALUES(message, reader->user, value_int(&digits, id), reading->language, reading->accepted);
    const struct pg_result *result;
    enum err e = ask_any_for(s, reader, &message, &message_at_standby, values, &result);

    if (!e)
        *json = value_read_text(result, 0, 0);
    return e;
}

const struct statement *const inbox_statements[] = {
    &contact, &unread, &unread_by_category, &list, &list_after, &message, NULL,
};

const struct statement *const inbox_standby_statements[] = {
    &unread_by_category_at_standby,
    &list_at_standby,
    &list_after_at_standby,
    &message_at_standby,
    NULL,
};
