/* SPDX-License-Identifier: MIT */
/* queue.h - jobs between the front and the workers: which one runs next is what the shares say. For
 * any thread. */
#ifndef DOORBELL_FCGI_APP_JOBS_QUEUE_H
#define DOORBELL_FCGI_APP_JOBS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "fcgi-app/admission/shares.h"
#include "fcgi-app/jobs/job.h"

struct queue;

/* Caller owns *out. */
MUST_USE enum err queue_new(struct queue **out);
void queue_free(struct queue *q);

void queue_set_limits(struct queue *q, const struct share_limits *limits);

/* For the front. */

/* Lets a job in. ERR_TOO_MANY, ERR_NO_MEMORY: it is not in, and its reply is due. A check only
 * takes of its user's rate: it is not in after ERR_NONE either. */
MUST_USE enum err queue_put(struct queue *q, struct job *job, enum share_kind kind, int64_t now_ms);

/* Takes a job out that no worker has yet. False: one has it. */
bool queue_withdraw(struct queue *q, struct job *job, int64_t now_ms);

/* Takes out a job that has waited since `before_ms` or longer; NULL if there is none. */
struct job *queue_take_overdue(struct queue *q, int64_t before_ms, int64_t now_ms);

/* The jobs whose replies are encoded, linked by `next`. queue_event() is a descriptor that is
 * readable when there are some. */
struct job *queue_take_finished(struct queue *q);
int queue_event(const struct queue *q);

/* Makes every queue_next() return false. */
void queue_stop(struct queue *q);

/* For the workers. */

/* Waits for a job. One without a connection gets none while another has one, and is sent away
 * after wait_ms with *job NULL, to see to it. False: the queue was stopped. */
bool queue_next(struct queue *q, bool is_connected, int64_t wait_ms, struct job **job);

/* The job's reply is encoded. */
void queue_finish(struct queue *q, struct job *job, int64_t now_ms);

/* The job is of another kind than it seemed: it waits again, as one of that. */
void queue_change(struct queue *q, struct job *job, enum share_kind kind, int64_t now_ms);

/* How many workers have a connection: one more (1), or one less (-1). */
void queue_count_connected(struct queue *q, int change);

#endif
