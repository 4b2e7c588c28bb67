/* SPDX-License-Identifier: MIT */
/* outbox.h - the rings that wait for the relay. Rows are looked at, leased if somebody is to hear
 * them, their rings are computed in a new snapshot, and they are deleted when the relay has them.
 */
#ifndef DOORBELL_FCGI_APP_STORE_OUTBOX_H
#define DOORBELL_FCGI_APP_STORE_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

enum { OUTBOX_ROWS_MAX = 500 };

struct outbox_ids {
    int64_t ids[OUTBOX_ROWS_MAX];
    size_t count;
};

struct outbox_row {
    int64_t id;
    struct span user; /* {NULL, 0} unless the ring is for one user */
};

/* What goes to whom. */
struct ring_terms {
    int64_t hit_window_s, group_ring_max;
};

/* What is called with each row, or the JSON of each ring; the first failure ends it. Must not ask
 * the store. */
struct row_taker {
    enum err (*take)(void *context, const struct outbox_row *row);
    void *context;
};
struct ring_taker {
    enum err (*take)(void *context, struct span ring);
    void *context;
};

/* Deletes `done`, which may then be forgotten, replaces rings older than `age_max_s` by a question
 * to all, and gives the rows that nobody has leased to `taker`, newest first. */
MUST_USE enum err outbox_look(struct store *s, const struct outbox_ids *done, int64_t age_max_s,
                              struct row_taker taker);

/* Leases those of `ids` that still wait, and gives their rings to `taker`. Rows that ring the same
 * users make one ring together; rows for a user who is not in `online` (an array in PostgreSQL's
 * form, NULL if nobody knows) are deleted instead. `taken` has all that were leased before the
 * first ring is taken, and is empty if none was. */
MUST_USE enum err outbox_take(struct store *s, const struct outbox_ids *ids, const char *online,
                              int64_t lease_s, const struct ring_terms *terms,
                              struct ring_taker taker, struct outbox_ids *taken);

/* The rings of a row that is leased. */
MUST_USE enum err outbox_rings(struct store *s, int64_t id, const struct ring_terms *terms,
                               struct ring_taker taker);

/* Deletes rows; and ends their lease. */
MUST_USE enum err outbox_done(struct store *s, const struct outbox_ids *ids);
MUST_USE enum err outbox_retry(struct store *s, const struct outbox_ids *ids);

/* A leased row that the relay does not take, alone: a question to all takes its place, and is given
 * back. */
MUST_USE enum err outbox_refused(struct store *s, int64_t id);

/* The body of a call that rings nobody and tells the relay where the database is. Makes a new epoch
 * if the history may have been broken. */
MUST_USE enum err outbox_pulse(struct store *s, struct span *body);

#endif
