/* SPDX-License-Identifier: MIT */
/* messages.h - what the site's back end sends, and what becomes of it. */
#ifndef DOORBELL_FCGI_APP_STORE_MESSAGES_H
#define DOORBELL_FCGI_APP_STORE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* A message to send. Texts are NUL-terminated, NULL where absent; exactly one of `to`, `group` and
 * `to_all`. */
struct draft {
    const char *to; /* users, as a PostgreSQL array */
    size_t to_count;
    const char *group;
    bool to_all;
    const char *title, *body, *sender, *url, *category, *extra, *key;
    const char *subject_type, *subject_id;
    int64_t expires_in_s; /* 0 if absent */
    int64_t send_at;      /* unix seconds; 0 if absent */
    bool replace, ack, to_new_users;
};

struct sent {
    int64_t id;
    int64_t recipients; /* -1 if that is not counted */
    bool is_duplicate;
};

/* Without a key a send whose outcome is unknown is not repeated: ERR_UNAVAILABLE. */
MUST_USE enum err messages_send(struct store *s, const struct draft *d, struct sent *out);

/* What became of a message, as JSON. */
MUST_USE enum err messages_sent(struct store *s, int64_t id, struct span *json);

MUST_USE enum err messages_recall(struct store *s, int64_t id);

#endif
