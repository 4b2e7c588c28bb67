/* SPDX-License-Identifier: MIT */
/* conn.h - one connection of a web server: reads a request into a job, writes its reply, and never
 * waits. It decides nothing but what the bytes say; what happens between the two is the front's. */
#ifndef DOORBELL_FCGI_APP_FRONT_CONN_H
#define DOORBELL_FCGI_APP_FRONT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi-app/http/fcgi_parser.h"
#include "fcgi-app/jobs/job.h"

enum conn_state {
    CONN_IDLE,      /* between two requests, or before the first */
    CONN_READING,   /* the parameters, of a caller who has proved nothing yet */
    CONN_BODY,      /* the body, of one who has */
    CONN_WAITING,   /* the job is under way */
    CONN_WRITING,   /* the reply */
    CONN_LINGERING, /* unread bytes may come: closed at once, the peer might lose the reply */
    CONN_STATES
};

struct conn {
    int fd;
    enum conn_state state;
    int64_t since_ms;          /* it has been in that state, or last made progress */
    struct fcgi_parser parser; /* of the request */
    struct job *job;           /* from the first byte of a request to the last of its reply */
    size_t written;            /* bytes of the reply */
    size_t held;               /* bytes that it counts for among replies not taken */
    bool has_served;           /* a request before */
    bool has_excess;           /* more came than the request: it is not kept */
    bool has_news;            /* something came, or the peer has gone, while it was not looked at */
    bool is_full;             /* the socket takes no bytes now */
    struct conn *prev, *next; /* among those in its state */
};

/* What there is to do after a step. */
enum conn_step {
    CONN_MORE,    /* nothing until something comes, or can be written */
    CONN_REQUEST, /* the request is whole */
    CONN_REPLY,   /* it is refused: the job has the error to reply with in *e */
    CONN_DONE,    /* the reply is written, and the connection can be kept */
    CONN_LINGER,  /* the reply is written, and the connection is to be closed when nothing comes */
    CONN_END,     /* close it */
};

/* Reads what has come. */
enum conn_step conn_read(struct conn *c, struct jobs *jobs, enum err *e);

/* Writes what the socket takes of the reply. */
enum conn_step conn_write(struct conn *c);

/* Whether it cannot be kept: bytes are unread, or will come, that are no request to be answered. */
bool conn_is_spoilt(const struct conn *c);

/* Discards what has come: CONN_END once nothing more will. */
enum conn_step conn_discard(struct conn *c);

#endif
