/* SPDX-License-Identifier: MIT */
/* shares.h - which request may run now, so that nobody pays for another. Each user has so many
 * reads and writes at a time, a short queue, and a rate; some database connections are never given
 * to writes; and of the calls that need the broadcast lock one runs at a time, since the others
 * would only wait for it with a connection in their hands. Pure but for malloc: time is an
 * argument, and the caller brings the lock. */
#ifndef DOORBELL_FCGI_APP_ADMISSION_SHARES_H
#define DOORBELL_FCGI_APP_ADMISSION_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum share_kind {
    SHARE_PUBLIC,      /* anybody's: one at a time */
    SHARE_TEXT,        /* the same, so that neither waits for the other */
    SHARE_CHECK,       /* a user's check: only its rate counts, and it is not queued here */
    SHARE_FIRST_CHECK, /* one whose user has to be registered, and whose rate has been counted */
    SHARE_READ,        /* a user's */
    SHARE_WRITE,       /* a user's */
    SHARE_SERVICE,     /* the site's back end's */
    SHARE_BROADCAST,   /* the same, with the broadcast lock */
    SHARE_KINDS
};

/* 0 is without limit, but for `user_burst`, which is at least 1, and `reserve`. */
struct share_limits {
    int64_t user_reads,
        user_writes;    /* of one user at a time; reads in half of the connections at most */
    int64_t user_queue; /* how many of a user's requests may wait */
    int64_t user_rate, user_burst; /* a user's requests: a second, and at once */
    int64_t reserve;               /* connections kept for reads; 0: half of them */
};

enum share_state {
    SHARE_GONE,
    SHARE_WAITING, /* for others of its user */
    SHARE_READY,   /* for a connection */
    SHARE_RUNNING,
};

struct share_user;

/* A request's place. Zeroed at first; the caller's, and in the shares until it leaves. */
struct share_ticket {
    enum share_kind kind;
    enum share_state state;
    int64_t since_ms;                   /* it has waited, while it is not running */
    struct share_user *user;            /* NULL for kinds that are nobody's */
    struct share_ticket *prev, *next;   /* in the list of its state */
    struct share_ticket *older, *newer; /* among all that are not running */
};

struct shares;

struct shares *shares_new(void); /* NULL: out of memory */

/* Frees it; tickets that are still inside are forgotten. */
void shares_free(struct shares *s);

void shares_set_limits(struct shares *s, const struct share_limits *limits);

/* How many connections are usable; 0 counts as one, which will say that it is not. */
void shares_set_connections(struct shares *s, size_t connections);

/* Lets a request in: it is then ready, or waiting. `user` counts for the kinds that are a user's.
 * ERR_TOO_MANY: it is not let in, and *retry_after_s says when to try again. ERR_NO_MEMORY. */
MUST_USE enum err shares_enter(struct shares *s, struct share_ticket *t, enum share_kind kind,
                               struct span user, int64_t now_ms, int *retry_after_s);

/* The next request to run, now running; NULL if none may. */
struct share_ticket *shares_next(struct shares *s);

/* A running request turns out to be of another kind: it is ready again, as one of that. */
void shares_change(struct shares *s, struct share_ticket *t, enum share_kind kind, int64_t now_ms);

/* A request leaves, in whatever state; one that is not in the shares, too. */
void shares_leave(struct shares *s, struct share_ticket *t, int64_t now_ms);

/* The request that has waited for longest, if that is since `before_ms` or earlier; else NULL. */
struct share_ticket *shares_overdue(const struct shares *s, int64_t before_ms);

size_t shares_waiting(const struct shares *s); /* and ready ones */
size_t shares_users(const struct shares *s);   /* that it has to remember */

#endif
