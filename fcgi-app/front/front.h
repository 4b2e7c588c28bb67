/* SPDX-License-Identifier: MIT */
/* front.h - the thread that has the listener and all connections of web servers. It reads and
 * writes them without waiting, refuses what can be refused, and gives the queue only whole requests
 * of proven callers. */
#ifndef DOORBELL_FCGI_APP_FRONT_FRONT_H
#define DOORBELL_FCGI_APP_FRONT_FRONT_H

#include "common/bytes/err.h"
#include "fcgi-app/shared/snapshot.h"

struct checker;
struct front;
struct metrics;
struct queue;

/* `listener` is non-blocking; it, queue, checker and metrics stay the caller's. Takes a reference
 * of `snapshot`. Caller owns *out. */
MUST_USE enum err front_new(int listener, struct snapshot *snapshot, struct queue *queue,
                            struct checker *checker, struct metrics *metrics, struct front **out);

/* Closes the connections; no job may be under way. */
void front_free(struct front *f);

/* Serves until it was stopped and has replied to all that had arrived before. */
void front_run(struct front *f);

/* For any thread. */
void front_offer(struct front *f, struct snapshot *snapshot);
void front_stop(struct front *f);

#endif
