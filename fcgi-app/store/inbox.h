/* SPDX-License-Identifier: MIT */
/* inbox.h - what a user reads: the check, the list, one message. */
#ifndef DOORBELL_FCGI_APP_STORE_INBOX_H
#define DOORBELL_FCGI_APP_STORE_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/checks/unread.h"
#include "fcgi-app/store/store.h"

/* In the replies about a user's state `epoch` is 0 while the database has none. */

/* A user, and what the database needs to register one that it meets for the first time. */
struct reader {
    const char *user;
    int64_t since; /* unix seconds; -1 if unknown */
    int64_t backlog_days;
};

/* Without a category: of all together. */
MUST_USE enum err inbox_unread(struct store *s, const struct reader *reader, const char *category,
                               int64_t hit_window_s, struct unread *out);

/* A whole reply, as JSON. */
struct inbox_json {
    struct span json;
    int64_t epoch;
};

MUST_USE enum err inbox_unread_by_category(struct store *s, const struct reader *reader,
                                           int64_t hit_window_s, struct inbox_json *out);

/* What a page of the list shows. */
struct inbox_filter {
    const char *state;
    const char *category, *before; /* NULL: any, the newest */
    const char *after;             /* the position of an earlier page; NULL: not asked */
    const char *group_key;         /* NULL: whatever they have */
    bool is_grouped;
    int64_t limit;
};

/* In which language a user reads what comes from templates. */
struct reading {
    const char *language; /* theirs; NULL: that of their preferences */
    const char *accepted; /* where no template has that: a PostgreSQL array, the best first */
};

MUST_USE enum err inbox_list(struct store *s, const struct reader *reader,
                             const struct inbox_filter *filter, const struct reading *reading,
                             struct inbox_json *out);

/* What changed after the filter's position, for a reader who keeps the list. */
MUST_USE enum err inbox_list_after(struct store *s, const struct reader *reader,
                                   const struct inbox_filter *filter, const struct reading *reading,
                                   struct inbox_json *out);
MUST_USE enum err inbox_message(struct store *s, const struct reader *reader, int64_t id,
                                const struct reading *reading, struct span *json);

#endif
