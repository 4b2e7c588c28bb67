/* SPDX-License-Identifier: MIT */
#include "fcgi-app/jobs/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes/invariant.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/endpoints/routes.h"

enum {
    ARENA_MAX = 2 * ROUTES_BODY_MAX,
    FREE_MAX = 64,
    RETRY_AFTER_MAX_S = 3,
};

static struct job *new_job(void)
{
    struct job *job = calloc(1, sizeof(*job));

    if (!job)
        return NULL;
    exchange_init(&job->exchange);
    arena_init(&job->arena, ARENA_MAX);
    response_init(&job->response);
    buf_init(&job->head, RESPONSE_HEAD_MAX);
    return job;
}

static void free_job(struct job *job)
{
    exchange_deinit(&job->exchange);
    arena_deinit(&job->arena);
    response_deinit(&job->response);
    buf_deinit(&job->head);
    free(job);
}

struct job *jobs_take(struct jobs *jobs, struct conn *conn)
{
    struct job *job = jobs->free;

    if (job) {
        jobs->free = job->next;
        jobs->free_count--;
    } else {
        job = new_job();
    }
    if (!job)
        return NULL;
    job->next = NULL;
    job->conn = conn;
    job->snapshot = snapshot_ref(jobs->snapshot);
    job->request = (struct request){.arena = &job->arena, .body = &job->body};
    job->ticket = (struct share_ticket){.state = SHARE_GONE};
    job->began_us = 0;
    return job;
}

static void forget_request(struct job *job)
{
    body_deinit(&job->body);
    job->body = (struct body){.root = NULL};
    arena_reset(&job->arena);
    job->body_bytes = NULL;
    job->body_len = 0;
    job->is_decoded = false;
}

void jobs_give_back(struct jobs *jobs, struct job *job)
{
    (void)INVARIANT(job->ticket.state == SHARE_GONE && jobs->bodies >= job->body_expected);
    jobs->bodies -= job->body_expected;
    job->body_expected = 0;
    forget_request(job);
    exchange_reset(&job->exchange);
    response_reset(&job->response);
    snapshot_unref(job->snapshot);
    job->snapshot = NULL;
    if (jobs->free_count == FREE_MAX) {
        free_job(job);
        return;
    }
    job->next = jobs->free;
    jobs->free = job;
    jobs->free_count++;
}

void jobs_deinit(struct jobs *jobs)
{
    while (jobs->free) {
        struct job *job = jobs->free;

        jobs->free = job->next;
        free_job(job);
    }
}

enum err jobs_make_room(struct jobs *jobs, struct job *job, size_t expected)
{
    if (jobs->bodies_max > 0 && expected > 0 && jobs->bodies + expected > jobs->bodies_max)
        return response_fail(&job->response, ERR_UNAVAILABLE,
                             "too many requests with big bodies at once; try again");
    job->body_bytes = arena_alloc(&job->arena, expected + 1);
    if (!job->body_bytes)
        return ERR_NO_MEMORY;
    job->body_expected = expected;
    jobs->bodies += expected;
    return ERR_NONE;
}

/* The most specific sentence wins: the endpoint's, then the body's, then the database's. */
static void set_error(struct job *job, enum err e, const char *message)
{
    char fault[RESPONSE_FAULT_SIZE];

    memcpy(fault, job->response.fault, sizeof(fault));
    if (job->body.fault[0])
        message = job->body.fault;
    if (fault[0])
        message = fault;
    response_set_error(&job->response, e, message);
}

void job_reply(struct job *job, enum err e, const char *message)
{
    struct response *res = &job->response;

    if (e)
        set_error(job, e, message);
    if (e == ERR_REVOKED)
        log_info("user=%s: refused, the token was issued before the user's tokens were revoked; "
                 "if it is newer, the clock of the web host is behind",
                 job->request.who.user);
    /* Spread, so that not all come back in the same second */
    if (res->http == 503 && res->retry_after_s == 0)
        res->retry_after_s = 1 + (int)(clock_chance() % RETRY_AFTER_MAX_S);
    buf_reset(&job->head);
    e = response_encode_head(res, &job->head);
    if (INVARIANT(e != ERR_TOO_BIG) && !e) { /* else the web server makes a 502 of it */
        exchange_write(&job->exchange, buf_span(&job->head));
        exchange_write(&job->exchange, response_body(res, job->request.is_head));
    }
    job->keeps_connection = exchange_end(&job->exchange) && !e;
    forget_request(job);
}

void job_dismiss(struct job *job)
{
    exchange_dismiss(&job->exchange);
    job->keeps_connection = false;
}

struct span job_reply_from(const struct job *job, size_t written)
{
    struct span reply = buf_span(&job->exchange.out);

    return (struct span){reply.p + written, reply.len - written};
}

struct job *job_of_ticket(struct share_ticket *ticket)
{
    return ticket ? (struct job *)((char *)ticket - offsetof(struct job, ticket)) : NULL;
}
