/* SPDX-License-Identifier: MIT */
#include "fcgi-app/front/conn.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/bytes/invariant.h"
#include "common/os/log.h"
#include "fcgi-app/jobs/dispatch.h"

enum { READ_SIZE = 16 * 1024 };

/* The bytes are no request. Where the parameters are known, and so can be replied to, they are. */
static enum conn_step refuse_bytes(struct conn *c, enum err *e)
{
    log_warn("a request was refused: %s", c->parser.fault);
    if (c->state == CONN_BODY)
        return CONN_REPLY;
    if (*e != ERR_TOO_BIG || exchange_begin_unseen(&c->job->exchange, c->parser.request_id))
        return CONN_END;
    *e = dispatch_refuse(c->job);
    return CONN_REPLY;
}

/* Takes the parameters as soon as they are there, and what there is of the body. */
static enum conn_step take_request(struct conn *c, struct jobs *jobs, bool is_whole, enum err *e)
{
    struct job *job = c->job;

    *e = ERR_NONE;
    if (!fcgi_parser_has_params(&c->parser))
        return CONN_MORE;
    if (c->state == CONN_READING) {
        if (exchange_begin(&job->exchange))
            return CONN_END;
        c->state = CONN_BODY;
        *e = dispatch_params(jobs, job);
    }
    if (!*e)
        *e = dispatch_body(job, c->parser.body_len);
    if (*e)
        return CONN_REPLY;
    return is_whole ? CONN_REQUEST : CONN_MORE;
}

static enum conn_step take_bytes(struct conn *c, struct jobs *jobs, struct span bytes, enum err *e)
{
    size_t used;

    if (c->state == CONN_IDLE) {
        c->job = jobs_take(jobs, c);
        if (!c->job)
            return CONN_END;
        c->state = CONN_READING;
        fcgi_parser_init(&c->parser);
    }
    *e = fcgi_parser_feed(&c->parser, bytes, &used);
    c->has_excess = !*e && used < bytes.len;
    if (*e && *e != ERR_INCOMPLETE)
        return refuse_bytes(c, e);
    bytes.len = used;
    if (exchange_add(&c->job->exchange, bytes))
        return CONN_END;
    return take_request(c, jobs, !*e, e);
}

enum conn_step conn_read(struct conn *c, struct jobs *jobs, enum err *e)
{
    char bytes[READ_SIZE];
    enum conn_step step = CONN_MORE;

    c->has_news = false;
    while (step == CONN_MORE) {
        ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return CONN_MORE;
        if (n <= 0)
            return CONN_END; /* half a request is nobody's any more */
        step = take_bytes(c, jobs, (struct span){bytes, (size_t)n}, e);
    }
    return step;
}

bool conn_is_spoilt(const struct conn *c)
{
    return c->has_excess || c->parser.part != FCGI_PART_NONE || c->parser.failure;
}

static enum conn_step end_reply(struct conn *c)
{
    if (c->has_excess)
        log_warn("a connection was closed: it sent a request before the last one was answered");
    if (conn_is_spoilt(c))
        return CONN_LINGER;
    return c->job->keeps_connection ? CONN_DONE : CONN_END;
}

enum conn_step conn_write(struct conn *c)
{
    struct span left = job_reply_from(c->job, c->written);

    while (left.len > 0) {
        ssize_t n = send(c->fd, left.p, left.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        c->is_full = n < 0 && errno == EAGAIN;
        if (c->is_full)
            return CONN_MORE;
        if (n < 0)
            return CONN_END;
        c->written += (size_t)n;
        left = job_reply_from(c->job, c->written);
    }
    (void)INVARIANT(c->written == c->job->exchange.out.len);
    return end_reply(c);
}

enum conn_step conn_discard(struct conn *c)
{
    char bytes[READ_SIZE];
    ssize_t n;

    do
        n = recv(c->fd, bytes, sizeof(bytes), 0);
    while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 && errno == EAGAIN ? CONN_MORE : CONN_END;
}
