/* SPDX-License-Identifier: MIT */
/* sent.h - what a back end asks about messages that were sent, and does to many of them. */
#ifndef DOORBELL_FCGI_APP_STORE_SENT_H
#define DOORBELL_FCGI_APP_STORE_SENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* Why the user sees the message or does not, as JSON. */
MUST_USE enum err sent_explain(struct store *s, const char *user, int64_t id, struct span *json);

/* Which messages to recall: all that is not NULL has to be so. */
struct recall {
    const char *subject_type, *subject_id, *sender, *category;
    int64_t since;      /* unix seconds; 0 if absent */
    const char *before; /* `next` of the part before, or NULL */
    int64_t limit;
};

struct recalled {
    int64_t count;
    struct span next; /* where the next part begins; borrowed until the next statement */
    bool is_last;
};

/* Recalls a part of them. */
MUST_USE enum err sent_recall(struct store *s, const struct recall *which, struct recalled *out);

#endif
