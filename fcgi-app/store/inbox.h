/* SPDX-License-Identifier: MIT */
/* inbox.h - what a user reads: the check, the list, one message. */
#ifndef DOORBELL_FCGI_APP_STORE_INBOX_H
#define DOORBELL_FCGI_APP_STORE_INBOX_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* A user, and what the database needs to register one that it meets for the first time. */
struct reader {
    const char *user;
    int64_t since; /* unix seconds; -1 if unknown */
    int64_t backlog_days;
};

struct unread {
    int64_t num, hit, latest, version, seq;
};

/* Without a category: of all together. */
MUST_USE enum err inbox_unread(struct store *s, const struct reader *reader, const char *category,
                               int64_t hit_window_s, struct unread *out);

/* Whole replies, as JSON. */
MUST_USE enum err inbox_unread_by_category(struct store *s, const struct reader *reader,
                                           int64_t hit_window_s, struct span *json);

/* What a page of the list shows. */
struct inbox_filter {
    const char *state;
    const char *category, *before; /* NULL: any, the newest */
    int64_t limit;
};

MUST_USE enum err inbox_list(struct store *s, const struct reader *reader,
                             const struct inbox_filter *filter, struct span *json);
MUST_USE enum err inbox_message(struct store *s, const struct reader *reader, int64_t id,
                                struct span *json);

#endif
