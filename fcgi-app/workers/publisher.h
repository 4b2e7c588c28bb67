/* SPDX-License-Identifier: MIT */
/* publisher.h - one thread that brings the rings of the outbox to the relay, delivers scheduled
 * messages when they are due, and expires old ones. The rings are hints: what the relay does not
 * get in time is dropped, and so is what nobody online would hear. */
#ifndef DOORBELL_FCGI_APP_WORKERS_PUBLISHER_H
#define DOORBELL_FCGI_APP_WORKERS_PUBLISHER_H

#include "common/bytes/err.h"
#include "fcgi-app/shared/snapshot.h"

struct metrics;
struct publisher;

/* Does not connect yet. Takes a reference of `snapshot`, borrows `metrics`. Caller owns *out. */
MUST_USE enum err publisher_new(struct snapshot *snapshot, struct metrics *metrics,
                                struct publisher **out);
void publisher_free(struct publisher *p);

/* Works until stopped; before it returns it tries to bring out what is left. */
void publisher_run(struct publisher *p);

/* For any thread: there is something in the outbox. */
void publisher_wake(struct publisher *p);

/* For any thread: makes publisher_run() return, soon. */
void publisher_stop(struct publisher *p);

/* Offers a new config and new keys. */
void publisher_offer(struct publisher *p, struct snapshot *snapshot);

#endif
