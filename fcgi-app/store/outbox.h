/* SPDX-License-Identifier: MIT */
/* outbox.h - the rings that wait for the relay. Rows are leased, their rings are computed in a new
 * snapshot, and they are deleted when the relay has them. Arrays of ids are in PostgreSQL's form.
 */
#ifndef DOORBELL_FCGI_APP_STORE_OUTBOX_H
#define DOORBELL_FCGI_APP_STORE_OUTBOX_H

#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* What goes to whom. */
struct ring_terms {
    int64_t hit_window_s, group_ring_max;
};

/* Which rows are taken. */
struct lease {
    int64_t rows_max, lease_s, age_max_s;
};

/* Who is given the JSON of each ring; the first failure ends it. Must not ask the store. */
struct ring_taker {
    enum err (*take)(void *context, struct span ring);
    void *context;
};

/* Leases rows and gives their rings to `taker`. Rows that ring the same users make one ring
 * together. `ids` stays empty while nothing is leased, else it has the array of all ids, `*count`
 * of them, before the first ring is taken. ERR_END if nothing waits. */
MUST_USE enum err outbox_take(struct store *s, const struct lease *lease,
                              const struct ring_terms *terms, struct ring_taker taker,
                              struct buf *ids, int64_t *count);

/* The rings of rows that are leased. */
MUST_USE enum err outbox_rings(struct store *s, const char *ids, const struct ring_terms *terms,
                               struct ring_taker taker);

/* Deletes rows; and ends their lease. */
MUST_USE enum err outbox_done(struct store *s, const char *ids);
MUST_USE enum err outbox_retry(struct store *s, const char *ids);

#endif
