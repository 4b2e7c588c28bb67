/* SPDX-License-Identifier: MIT */
/* epoch.h - what the relay knows of the database, by what publish calls tell: which history its
 * numbers belong to (the epoch), and the newest of them. Numbers of two epochs say nothing about
 * each other. Pure. */
#ifndef DOORBELL_RELAY_SESSION_EPOCH_H
#define DOORBELL_RELAY_SESSION_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { EPOCH_NAME_MAX = 64 };

struct epoch_name {
    uint8_t len; /* 0: not told */
    char text[EPOCH_NAME_MAX];
};

struct epoch {
    struct epoch_name name;
    uint32_t serial; /* how often another one came */
    int64_t seq;     /* the newest number told; 0: none */

    /* The same, less what pages are only about to be rung for. */
    struct epoch_name ping_name;
    int64_t ping_seq;
};

/* ERR_INVALID: not 1 to 64 printable ASCII characters. */
MUST_USE enum err epoch_name_set(struct epoch_name *name, struct span text);
struct span epoch_name_span(const struct epoch_name *name);

/* Takes what a call tells: a name of length 0 or a `seq` of 0 is not told. True: this is another
 * epoch than was known, and the numbers of that one are forgotten. */
bool epoch_learn(struct epoch *e, const struct epoch_name *name, int64_t seq);

/* Every page has been rung for what was told until now. */
void epoch_settle(struct epoch *e);

#endif
