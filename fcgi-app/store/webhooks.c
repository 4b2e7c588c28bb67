/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/webhooks.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(webhook_take, AS_SELF, 2, 3, SHAPE_ROW_OR_NONE, ONCE,
          "SELECT id, url, call FROM doorbell.webhook_take($1::integer, $2)");

enum err webhooks_take(struct store *s, int64_t lease_s, const char *language,
                       struct webhook_call *out)
{
    struct digits lease;
    const struct pg_result *result;
    enum err e = QUERY(s, webhook_take, &result, value_int(&lease, lease_s), language);

    if (!e)
        *out = (struct webhook_call){value_read_int(result, 0, 0, 0), value_read_text(result, 0, 1),
                                     value_read_text(result, 0, 2)};
    return e;
}

STATEMENT(webhook_done, AS_SELF, 1, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.webhook_done($1::bigint)");

enum err webhooks_done(struct store *s, int64_t id)
{
    struct digits digits;
    const struct pg_result *result;

    return QUERY(s, webhook_done, &result, value_int(&digits, id));
}

STATEMENT(webhook_failed, AS_SELF, 4, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.webhook_failed($1::bigint, $2, $3::boolean, $4::boolean)::integer");

enum err webhooks_failed(struct store *s, int64_t id, const char *fault, bool is_final,
                         bool is_silent, bool *is_given_up)
{
    struct digits digits;
    const struct pg_result *result;
    enum err e = QUERY(s, webhook_failed, &result, value_int(&digits, id), fault,
                       value_bool(is_final), value_bool(is_silent));

    *is_given_up = !e && value_read_int(result, 0, 0, 0) != 0;
    return e;
}

STATEMENT(webhook_calls, AS_SERVICE, 2, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.webhook_calls($1::bigint, $2::integer)");

enum err webhooks_list(struct store *s, int64_t after, int64_t limit, struct span *json)
{
    struct digits after_text, limit_text;

    return QUERY_JSON(s, webhook_calls, json, value_int(&after_text, after),
                      value_int(&limit_text, limit));
}

STATEMENT(webhook_retry, AS_SERVICE, 1, 1, SHAPE_ROW, ONCE,
          "SELECT doorbell.webhook_retry($1::bigint)");

enum err webhooks_retry(struct store *s, int64_t id)
{
    struct digits digits;
    const struct pg_result *result;

    return QUERY(s, webhook_retry, &result, value_int(&digits, id));
}

const struct statement *const webhooks_statements[] = {
    &webhook_take, &webhook_done, &webhook_failed, &webhook_calls, &webhook_retry, NULL,
};
