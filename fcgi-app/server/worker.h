/* SPDX-License-Identifier: MIT */
/* worker.h - one of N equal threads that answer requests, each with a database connection and an
 * arena of its own; all they share is const, or the pool. */
#ifndef DOORBELL_FCGI_APP_SERVER_WORKER_H
#define DOORBELL_FCGI_APP_SERVER_WORKER_H

#include "common/bytes/arena.h"
#include "common/bytes/err.h"
#include "fcgi-app/http/response.h"
#include "fcgi-app/server/exchange.h"
#include "fcgi-app/shared/snapshot.h"
#include "fcgi-app/store/store.h"

struct pool;
struct metrics;
struct publisher;
struct request;

struct worker {
    struct snapshot *snapshot; /* what this request goes by */
    struct snapshot_inbox inbox;
    struct pool *pool;           /* borrowed, while it runs */
    struct publisher *publisher; /* borrowed */
    struct metrics *metrics;     /* borrowed */
    size_t number;               /* among the workers */
    struct store store;
    struct arena arena;
    struct response response;
    struct exchange exchange;
};

/* Where `count` workers count. Caller owns *out. */
MUST_USE enum err worker_new_metrics(size_t count, struct metrics **out);

/* Does not connect yet. Takes a reference of `snapshot`. The worker is to be deinited in any case.
 */
MUST_USE enum err worker_init(struct worker *w, size_t number, struct snapshot *snapshot,
                              struct publisher *publisher, struct metrics *metrics);
void worker_deinit(struct worker *w);

/* Serves what comes through `pool` until that is stopped. */
void worker_run(struct worker *w, struct pool *pool);

#endif
