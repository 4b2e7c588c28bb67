/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/messages.h"

#include "fcgi-app/store/query.h"

/* How fast a list is surely written: 100,000 users may take 20 s more than other statements. */
enum { SENT_PER_MS = 5 };

STATEMENT(send, AS_SERVICE, 18, 3, SHAPE_ROW, ONCE,
          "SELECT id, recipients, duplicate::integer FROM doorbell.send("
          "to_users => $1::text[], to_group => $2, to_all => $3::boolean, title => $4, "
          "body => $5, sender => $6, url => $7, category => $8, extra => $9::jsonb, "
          "expires_in => $10::integer, send_at => to_timestamp($11::bigint), key => $12, "
          "subject_type => $13, subject_id => $14, replace => $15::boolean, "
          "ack => $16::boolean, to_new_users => $17::boolean, later => $18::boolean)");

enum err messages_send(struct store *s, const struct draft *d, struct sent *out)
{
    struct digits expires_in, send_at;
    const struct run_terms terms = {.is_repeatable = d->key != NULL,
                                    .more_ms = (int64_t)d->to_count / SENT_PER_MS};
    const char *const *values = VALUES(
        send, d->to, d->group, value_bool(d->to_all), d->title, d->body, d->sender, d->url,
        d->category, d->extra, d->expires_in_s ? value_int(&expires_in, d->expires_in_s) : NULL,
        d->send_at ? value_int(&send_at, d->send_at) : NULL, d->key, d->subject_type, d->subject_id,
        value_bool(d->replace), value_bool(d->ack), value_bool(d->to_new_users), "false");
    const struct pg_result *result;
    enum err e = connection_run_with(s->connection, &send, values, &terms, &result);

    if (e)
        return e;
    out->id = value_read_int(result, 0, 0, 0);
    out->recipients = value_read_int(result, 0, 1, -1);
    out->is_duplicate = value_read_int(result, 0, 2, 0) != 0;
    return ERR_NONE;
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

const struct statement *const messages_statements[] = {&send, &sent, &recall, NULL};
