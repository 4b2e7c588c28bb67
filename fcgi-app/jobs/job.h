/* SPDX-License-Identifier: MIT */
/* job.h - one request on its way through the program: its bytes, what is decoded of them, its place
 * among the others, its reply. One thread at a time has it: the front, then a worker, then the
 * front. */
#ifndef DOORBELL_FCGI_APP_JOBS_JOB_H
#define DOORBELL_FCGI_APP_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/arena.h"
#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "fcgi-app/admission/shares.h"
#include "fcgi-app/http/body.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/http/response.h"
#include "fcgi-app/jobs/exchange.h"
#include "fcgi-app/shared/snapshot.h"

struct conn;

struct job {
    struct exchange exchange;
    struct snapshot *snapshot; /* what it goes by */
    struct arena arena;
    struct request request;
    struct body body;
    char *body_bytes;     /* the arena's; room for one more than body_expected */
    size_t body_len;      /* of which have come */
    size_t body_expected; /* or at most */
    bool is_decoded;      /* body_bytes have become `body` */
    struct response response;
    struct buf head;       /* of the response */
    bool keeps_connection; /* once the reply is written; known when it is encoded */
    struct share_ticket ticket;
    int64_t began_us;  /* when it was complete; 0 before */
    struct conn *conn; /* the front's; NULL when the web server has gone */
    struct job *next;
};

/* The jobs of the front: those that are done with serve again, and what all of them hold together
 * has a ceiling. */
struct jobs {
    struct job *free;
    size_t free_count;
    struct snapshot *snapshot; /* for the next ones; the caller's */
    size_t bodies, bodies_max; /* bytes; 0: no ceiling */
    int64_t next_line_ms;      /* when the log may tell of tokens again */
};

/* NULL: out of memory. */
struct job *jobs_take(struct jobs *jobs, struct conn *conn);
void jobs_give_back(struct jobs *jobs, struct job *job);
void jobs_deinit(struct jobs *jobs);

/* Makes room for the body that the request is going to have. ERR_UNAVAILABLE: all of them together
 * have become too big. */
MUST_USE enum err jobs_make_room(struct jobs *jobs, struct job *job, size_t expected);

/* Encodes the reply. `e` makes it an error, with `message` or the most specific sentence there is
 * (NULL: none). The job then holds the reply as FastCGI and nothing else. */
void job_reply(struct job *job, enum err e, const char *message);

/* The connection is closed after the reply, in a way that the web server knows of. */
void job_dismiss(struct job *job);

/* What of the reply is to be written to the web server, from byte `written` on. */
struct span job_reply_from(const struct job *job, size_t written);

/* The job that a ticket is of. */
struct job *job_of_ticket(struct share_ticket *ticket);

#endif
