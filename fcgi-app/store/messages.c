/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/messages.h"

#include <time.h>

#include "common/text/json.h"
#include "fcgi-app/postgres/sqlstate.h"
#include "fcgi-app/store/query.h"

enum {
    /* How fast a list is surely written: 100,000 users may take 20 s more than other statements, */
    SENT_PER_MS = 5,
    /* and 1,000 messages 2 s. */
    MESSAGE_MS = 2,
};

STATEMENT(send, AS_SERVICE, 23, 3, SHAPE_ROW, ONCE,
          "SELECT id, recipients, duplicate::integer FROM doorbell.send("
          "to_users => $1::text[], to_group => $2, to_all => $3::boolean, title => $4, "
          "body => $5, sender => $6, url => $7, category => $8, extra => $9::jsonb, "
          "expires_in => $10::integer, send_at => to_timestamp($11::bigint), key => $12, "
          "subject_type => $13, subject_id => $14, replace => $15::boolean, "
          "ack => $16::boolean, to_new_users => $17::boolean, later => $18::boolean, "
          "to_groups => $19::text[], except_users => $20::text[], except_groups => $21::text[], "
          "known_before => to_timestamp($22::bigint), group_key => $23)");

static void read_sent(const struct pg_result *result, int row, int column, struct sent *out)
{
    out->id = value_read_int(result, row, column, 0);
    out->recipients = value_read_int(result, row, column + 1, -1);
    out->is_duplicate = value_read_int(result, row, column + 2, 0) != 0;
}

enum err messages_send(struct store *s, const struct draft *d, struct sent *out)
{
    struct digits expires_in, send_at, known_before;
    const struct run_terms terms = {.is_repeatable = d->key != NULL,
                                    .more_ms = (int64_t)d->to_count / SENT_PER_MS};
    const char *const *values = VALUES(
        send, d->to, d->group, value_bool(d->to_all), d->title, d->body, d->sender, d->url,
        d->category, d->extra, d->expires_in_s ? value_int(&expires_in, d->expires_in_s) : NULL,
        d->send_at ? value_int(&send_at, d->send_at) : NULL, d->key, d->subject_type, d->subject_id,
        value_bool(d->replace), value_bool(d->ack), value_bool(d->to_new_users), "false", d->groups,
        d->except, d->except_groups,
        d->known_before ? value_int(&known_before, d->known_before) : NULL, d->group_key);
    const struct pg_result *result;
    enum err e = connection_run_with(s->connection, &send, values, &terms, &result);

    if (e)
        return e;
    read_sent(result, 0, 0, out);
    return ERR_NONE;
}

static enum err add_text(struct buf *batch, const char *name, const char *text)
{
    enum err e;

    if (!text)
        return ERR_NONE;
    e = buf_printf(batch, "\"%s\":", name);
    if (!e)
        e = json_append_text(batch, span_of(text));
    return e ? e : buf_append_char(batch, ',');
}

static enum err add_texts(struct buf *batch, const struct draft *d)
{
    const struct {
        const char *name, *text;
    } texts[] = {
        {"to_users", d->to},
        {"to_group", d->group},
        {"to_groups", d->groups},
        {"except_users", d->except},
        {"except_groups", d->except_groups},
        {"body", d->body},
        {"sender", d->sender},
        {"url", d->url},
        {"category", d->category},
        {"key", d->key},
        {"subject_type", d->subject_type},
        {"subject_id", d->subject_id},
        {"group_key", d->group_key},
        {"title", d->title},
    };
    enum err e = ERR_NONE;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !e; i++)
        e = add_text(batch, texts[i].name, texts[i].text);
    return e;
}

static enum err add_time(struct buf *batch, const char *name, int64_t unix_s)
{
    const time_t at = (time_t)unix_s;
    char text[32];
    struct tm tm;

    if (!unix_s)
        return ERR_NONE;
    if (!gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        return ERR_INVALID;
    return add_text(batch, name, text);
}

static enum err add_options(struct buf *batch, const struct draft *d)
{
    enum err e = ERR_NONE;

    if (d->expires_in_s)
        e = buf_printf(batch, "\"expires_in\":%lld,", (long long)d->expires_in_s);
    if (!e)
        e = add_time(batch, "send_at", d->send_at);
    if (!e)
        e = add_time(batch, "known_before", d->known_before);
    if (!e && d->extra)
        e = buf_printf(batch, "\"extra\":%s,", d->extra);
    return e ? e
             : buf_printf(batch, "\"to_all\":%s,\"replace\":%s,\"ack\":%s,\"to_new_users\":%s}",
                          value_bool(d->to_all), value_bool(d->replace), value_bool(d->ack),
                          value_bool(d->to_new_users));
}

enum err messages_batch_add(struct buf *batch, const struct draft *d)
{
    enum err e = buf_append_char(batch, batch->len == 0 ? '[' : ',');

    if (!e)
        e = buf_append_char(batch, '{');
    if (!e)
        e = add_texts(batch, d);
    return e ? e : add_options(batch, d);
}

STATEMENT(send_batch, AS_SERVICE, 2, 6, SHAPE_ROWS, ONCE,
          "SELECT n - 1, id, recipients, duplicate::integer, code, reason "
          "FROM doorbell.send_batch($1::jsonb, $2::boolean) ORDER BY n");

static enum err take_batch(const struct pg_result *result, struct batch_taker taker)
{
    enum err e = ERR_NONE;

    for (int i = 0; i < value_count_rows(result) && !e; i++) {
        struct batch_row row = {.place = (size_t)value_read_int(result, i, 0, 0)};

        if (value_is_null(result, i, 4)) {
            read_sent(result, i, 1, &row.sent);
        } else {
            row.refusal = sqlstate_err(value_read_text(result, i, 4).p);
            row.reason = value_read_text(result, i, 5);
        }
        e = taker.take(taker.context, &row);
    }
    return e;
}

enum err messages_send_batch(struct store *s, struct buf *batch, const struct batch_terms *terms,
                             struct batch_taker taker, size_t *refused)
{
    const struct run_terms run = {
        .is_repeatable = terms->is_repeatable,
        .more_ms = (int64_t)(terms->users / SENT_PER_MS + terms->count * MESSAGE_MS),
    };
    const struct pg_result *result;
    const char *detail;
    int64_t place = 0;
    enum err e = buf_append(batch, (struct span){"]", 2}); /* and the NUL */

    if (!e)
        e = connection_run_with(s->connection, &send_batch,
                                VALUES(send_batch, batch->data, value_bool(terms->is_atomic)), &run,
                                &result);
    if (!e)
        return take_batch(result, taker);
    detail = connection_fault_detail(s->connection);
    if (detail && span_parse_int(span_of(detail), &place) == ERR_NONE)
        *refused = (size_t)place;
    return e;
}

STATEMENT(sent, AS_SERVICE, 1, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.sent($1::bigint)");

enum err messages_sent(struct store *s, int64_t id, struct span *json)
{
    struct digits digits;

    return QUERY_JSON(s, sent, json, value_int(&digits, id));
}

STATEMENT(recall, AS_SERVICE, 1, 1, SHAPE_ROW, ONCE, "SELECT doorbell.recall($1::bigint)::integer");

enum err messages_recall(struct store *s, int64_t id)
{
    struct digits digits;
    const struct pg_result *result;

    return QUERY(s, recall, &result, value_int(&digits, id));
}

const struct statement *const messages_statements[] = {&send, &send_batch, &sent, &recall, NULL};
