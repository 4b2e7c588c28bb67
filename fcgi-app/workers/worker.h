/* SPDX-License-Identifier: MIT */
/* worker.h - one of N equal threads that run jobs, each with a database connection of its own; all
 * they share is const, or the queue. */
#ifndef DOORBELL_FCGI_APP_WORKERS_WORKER_H
#define DOORBELL_FCGI_APP_WORKERS_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "fcgi-app/store/store.h"

struct health_cache;
struct metrics;
struct publisher;
struct queue;

struct worker {
    struct queue *queue; /* these four are borrowed */
    struct publisher *publisher;
    struct metrics *metrics;
    struct health_cache *health;
    size_t number; /* among the workers */
    struct store store;
    bool is_connected; /* as the queue has been told */
};

/* Does not connect yet. `config` must outlive the worker, which is to be deinited in any case. */
MUST_USE enum err worker_init(struct worker *w, size_t number, const struct config_database *config,
                              struct queue *queue, struct publisher *publisher,
                              struct metrics *metrics, struct health_cache *health);
void worker_deinit(struct worker *w);

/* Runs the jobs of the queue until that is stopped. */
void worker_run(struct worker *w);

#endif
