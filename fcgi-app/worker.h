/* SPDX-License-Identifier: MIT */
/* worker.h - one of N equal threads that answer requests, each with a database connection and an
 * arena of its own; all they share is const, or the gate. */
#ifndef DOORBELL_FCGI_APP_WORKER_H
#define DOORBELL_FCGI_APP_WORKER_H

#include "common/bytes/arena.h"
#include "common/bytes/err.h"
#include "fcgi-app/live.h"
#include "fcgi-app/response.h"
#include "fcgi-app/server/exchange.h"
#include "fcgi-app/store.h"

struct gate;
struct metrics;
struct publisher;
struct request;

struct worker {
    struct live *live; /* what this request goes by */
    struct live_inbox inbox;
    struct gate *gate;           /* borrowed, while it runs */
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

/* Does not connect yet. Takes a reference of `live`. The worker is to be deinited in any case. */
MUST_USE enum err worker_init(struct worker *w, size_t number, struct live *live,
                              struct publisher *publisher, struct metrics *metrics);
void worker_deinit(struct worker *w);

/* Serves what comes through `gate` until that is stopped. */
void worker_run(struct worker *w, struct gate *gate);

#endif
