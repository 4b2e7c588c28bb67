/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/tokens.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(token_generation, AS_SERVICE, 1, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.token_generation($1)");

enum err tokens_generation(struct store *s, const char *user, int64_t *out)
{
    const struct pg_result *result;
    enum err e = QUERY(s, token_generation, &result, user);

    if (!e)
        *out = value_read_int(result, 0, 0, 0);
    return e;
}

STATEMENT(revoke, AS_SERVICE, 1, 1, SHAPE_ROW, REPEATABLE, "SELECT doorbell.revoke($1)");

enum err tokens_revoke(struct store *s, const char *user)
{
    const struct pg_result *result;

    return QUERY(s, revoke, &result, user);
}

STATEMENT(check_token, AS_USER, 2, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.check_token($1, $2::bigint)");

void tokens_guard(struct store *s, const char *user, int64_t generation)
{
    s->guard_values[0] = user;
    s->guard_values[1] = value_int(&s->guard_generation, generation);
    connection_guard(s->connection, &check_token, s->guard_values);
}

void tokens_end_guard(struct store *s)
{
    connection_guard(s->connection, NULL, NULL);
}

STATEMENT(revoked, AS_SELF, 3, 2, SHAPE_ROWS, REPEATABLE,
          "SELECT seq, revocation FROM doorbell.revocations("
          "$1::bigint, $2::integer, $3::integer)");

enum err tokens_revoked(struct store *s, int64_t after, int64_t age_max_s, int64_t rows,
                        struct revocation_taker taker)
{
    struct digits d[3];
    const struct pg_result *result;
    enum err e = QUERY(s, revoked, &result, value_int(&d[0], after), value_int(&d[1], age_max_s),
                       value_int(&d[2], rows));

    for (int i = 0; !e && i < value_count_rows(result); i++)
        e = taker.take(taker.context, value_read_int(result, i, 0, 0),
                       value_read_text(result, i, 1));
    return e;
}

const struct statement *const tokens_statements[] = {
    &token_generation, &revoke, &check_token, &revoked, NULL,
};
