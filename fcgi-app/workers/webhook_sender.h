/* SPDX-License-Identifier: MIT */
/* webhook_sender.h - one thread that makes the calls of webhooks that are due, one after another,
 * on a database connection of its own: a site that is slow to answer delays no ring, and the
 * webhooks of other categories by one call now and then. */
#ifndef DOORBELL_FCGI_APP_WORKERS_WEBHOOK_SENDER_H
#define DOORBELL_FCGI_APP_WORKERS_WEBHOOK_SENDER_H

#include "common/bytes/err.h"
#include "fcgi-app/shared/snapshot.h"

struct metrics;
struct webhook_sender;

/* Does not connect yet. Takes a reference of `snapshot`, whose secrets have the key of webhooks;
 * borrows `metrics`. Caller owns *out. */
MUST_USE enum err webhook_sender_new(struct snapshot *snapshot, struct metrics *metrics,
                                     struct webhook_sender **out);
void webhook_sender_free(struct webhook_sender *w);

/* Works until stopped. */
void webhook_sender_run(struct webhook_sender *w);

/* For any thread: makes webhook_sender_run() return, after the call that is under way if that ends
 * within seconds. A call that is left is made again, by the next program. */
void webhook_sender_stop(struct webhook_sender *w);

/* Offers a new config and new keys. */
void webhook_sender_offer(struct webhook_sender *w, struct snapshot *snapshot);

#endif
