/* SPDX-License-Identifier: MIT */
/* checker.h - the thread that answers checks, by far the most frequent requests. It has a
 * connection of its own, and asks for all checks that wait in one statement: whether the answers it
 * remembers still hold. What comes meanwhile goes into the next one; nothing waits on purpose. */
#ifndef DOORBELL_FCGI_APP_WORKERS_CHECKER_H
#define DOORBELL_FCGI_APP_WORKERS_CHECKER_H

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "fcgi-app/jobs/job.h"

struct check_standby;
struct checker;
struct metrics;
struct queue;

/* Does not connect yet. `standby` computes what it can; NULL: nobody does. All must outlive *out,
 * which the caller owns. */
MUST_USE enum err checker_new(const struct config_database *config, struct queue *queue,
                              struct metrics *metrics, struct check_standby *standby,
                              struct checker **out);

/* No job may be inside. */
void checker_free(struct checker *c);

/* Answers checks until it is stopped, and all that came before has been; then stops the standby's
 * thread. */
void checker_run(struct checker *c);

/* For any thread. The job comes back by queue_take_finished(). */
void checker_put(struct checker *c, struct job *job);
void checker_stop(struct checker *c);

#endif
