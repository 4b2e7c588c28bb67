/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/sent.h"

#include <stddef.h>

#include "fcgi-app/store/query.h"

STATEMENT(explain, AS_SERVICE, 2, 1, SHAPE_ROW, REPEATABLE,
          "SELECT doorbell.explain($1, $2::bigint)");

enum err sent_explain(struct store *s, const char *user, int64_t id, struct span *json)
{
    struct digits digits;

    return QUERY_JSON(s, explain, json, user, value_int(&digits, id));
}

STATEMENT(recall_matching, AS_SERVICE, 7, 2, SHAPE_ROW, ONCE,
          "SELECT recalled, next FROM doorbell.recall_matching(subject_type => $1, "
          "subject_id => $2, sender => $3, category => $4, since => to_timestamp($5::bigint), "
          "before => $6, max_rows => $7::integer)");

enum err sent_recall(struct store *s, const struct recall *which, struct recalled *out)
{
    struct digits since, limit;
    const struct pg_result *result;
    enum err e =
        QUERY(s, recall_matching, &result, which->subject_type, which->subject_id, which->sender,
              which->category, which->since ? value_int(&since, which->since) : NULL, which->before,
              value_int(&limit, which->limit));

    if (e)
        return e;
    *out = (struct recalled){
        .count = value_read_int(result, 0, 0, 0),
        .next = value_read_text(result, 0, 1),
        .is_last = value_is_null(result, 0, 1),
    };
    return ERR_NONE;
}

const struct statement *const sent_statements[] = {&explain, &recall_matching, NULL};
