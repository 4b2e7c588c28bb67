/* SPDX-License-Identifier: MIT */
/* questions.h - publish calls that are waiting for other relays: what each asked, which relays have
 * answered, and when it times out. Pure but for malloc. */
#ifndef DOORBELL_RELAY_CLUSTER_QUESTIONS_H
#define DOORBELL_RELAY_CLUSTER_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "relay/cluster/peers.h"
#include "relay/cluster/surplus.h"

enum { QUESTIONS_MAX = 128, QUESTIONS_USERS_MAX = 1000, QUESTION_MS = 500 };

/* What the caller wants to know. */
enum question_kind {
    QUESTION_REPORT, /* who of these is offline */
    QUESTION_ONLINE, /* who of these is online */
    QUESTION_COUNTS, /* how many sessions each of these has */
    QUESTION_KICK,   /* how many sessions were closed */
    QUESTION_OLD,    /* web-msg-sender's: ok or offline */
    QUESTION_LIMIT,  /* of one user: whose sessions are too many; `users` is the id */
};

struct question {
    uint32_t id; /* 0: a free place; never UINT32_MAX */
    enum question_kind kind;
    int64_t ends_ms;
    void *caller; /* who waits; NULL: nobody any more */
    char *users;  /* owned: the items of a JSON list, see rings_next_user() */
    size_t users_len;
    uint32_t *counts; /* owned: of each of them, its sessions */
    size_t count;
    int64_t sessions;       /* in all */
    struct surplus surplus; /* of QUESTION_LIMIT */
    uint64_t answered;      /* the places of the relays that have answered */
    size_t answers;
    int64_t receivers; /* how many relays Redis has handed it to, this one too; -1: not known yet */
};

struct questions {
    struct question at[QUESTIONS_MAX];
    uint32_t last_id;
};

void questions_deinit(struct questions *q);

/* Begins one about `count` users, the items of a JSON list, whose counts are 0. ERR_TOO_MANY,
 * ERR_NO_MEMORY. */
MUST_USE enum err questions_begin(struct questions *q, enum question_kind kind, struct span users,
                                  size_t count, int64_t now_ms, struct question **out);

/* NULL: it is over. */
struct question *questions_find(struct questions *q, uint32_t id);

/* Any one that is to end now; NULL: none. */
struct question *questions_next_over(struct questions *q, int64_t now_ms);

/* Takes {"sessions":[1,0,2]}, or what surplus_take() does, from a relay; the place is PEERS_MAX for
 * one that is not known. ERR_MALFORMED: it has not answered. */
MUST_USE enum err question_take(struct question *one, size_t place, int64_t from, struct span body);

/* Whether all have answered that Redis has handed it to. */
bool question_is_answered(const struct question *one);

/* Whether a relay that is there has not answered. */
bool question_is_partial(const struct question *one, const struct peers *peers);

/* Frees its place. */
void question_end(struct question *one);

#endif
