/* SPDX-License-Identifier: MIT */
/* messages.h - what the site's back end sends, and what becomes of it. */
#ifndef DOORBELL_FCGI_APP_STORE_MESSAGES_H
#define DOORBELL_FCGI_APP_STORE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* A message to send. Texts are NUL-terminated, NULL where absent; exactly one of `to`, `group` and
 * `to_all`. */
struct draft {
    const char *to; /* users, as a PostgreSQL array */
    size_t to_count;
    const char *group;
    const char *groups; /* and these too are arrays */
    const char *except, *except_groups;
    bool to_all;
    const char *title, *body, *sender, *url, *category, *extra, *key;
    const char *subject_type, *subject_id, *group_key;
    int64_t expires_in_s; /* 0 if absent */
    int64_t send_at;      /* unix seconds; 0 if absent */
    int64_t known_before; /* the same */
    bool replace, ack, to_new_users;
};

struct sent {
    int64_t id;
    int64_t recipients; /* -1 if that is not counted */
    bool is_duplicate;
};

/* Without a key a send whose outcome is unknown is not repeated: ERR_UNAVAILABLE. */
MUST_USE enum err messages_send(struct store *s, const struct draft *d, struct sent *out);

/* Appends a draft to a batch, a buf that is empty at first. ERR_TOO_BIG. */
MUST_USE enum err messages_batch_add(struct buf *batch, const struct draft *d);

struct batch_terms {
    bool is_atomic;     /* one that is refused refuses all */
    bool is_repeatable; /* all have keys */
    size_t count, users;
};

/* What became of one message of a batch. */
struct batch_row {
    size_t place;     /* in the batch, from 0 */
    enum err refusal; /* ERR_NONE: `sent` is there, else `reason` */
    struct sent sent;
    struct span reason;
};

struct batch_taker {
    void *context;
    enum err (*take)(void *context, const struct batch_row *row);
};

/* Sends the batch in one transaction; the taker gets the rows in their order. An atomic one that is
 * refused is ERR_MALFORMED, ERR_CONFLICT or ERR_INVALID, and *refused the place of the message.
 * Otherwise as messages_send(). */
MUST_USE enum err messages_send_batch(struct store *s, struct buf *batch,
                                      const struct batch_terms *terms, struct batch_taker taker,
                                      size_t *refused);

/* What became of a message, as JSON. */
MUST_USE enum err messages_sent(struct store *s, int64_t id, struct span *json);

MUST_USE enum err messages_recall(struct store *s, int64_t id);

#endif
