/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/query.h"

#include <stddef.h>

/* All that a connection prepares: a typo in any of them stops the start. */
const struct statement *const *const query_statements[] = {
    inbox_statements,      broadcasts_statements,
    messages_statements,   sent_statements,
    marks_statements,      groups_statements,
    categories_statements, users_statements,
    tokens_statements,     outbox_statements,
    upkeep_statements,     standby_statements,
    webhooks_statements,   NULL,
};

const struct statement *const *const query_standby_statements[] = {
    inbox_standby_statements,
    marks_standby_statements,
    checks_standby_statements,
    NULL,
};

enum err query_json(struct store *s, const struct statement *statement, const char *const *values,
                    struct span *json)
{
    const struct pg_result *result;
    enum err e = connection_run(s->connection, statement, values, &result);

    if (!e)
        *json = value_read_text(result, 0, 0);
    return e;
}
