/* SPDX-License-Identifier: MIT */
/* envelope.h - what relays say to each other over Redis: a line that says what it is and who says
 * it, and a body in the JSON of the publish port's calls. Pure. */
#ifndef DOORBELL_RELAY_CLUSTER_ENVELOPE_H
#define DOORBELL_RELAY_CLUSTER_ENVELOPE_H

#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum envelope_kind {
    ENVELOPE_HELLO,   /* I am here, with so many sessions */
    ENVELOPE_BYE,     /* I am going */
    ENVELOPE_RINGS,   /* of a publish call */
    ENVELOPE_TEXT,    /* of web-msg-sender's call */
    ENVELOPE_KICK,    /* a question as well: how many sessions were closed */
    ENVELOPE_REVOKED, /* tokens */
    ENVELOPE_ASK,     /* how many sessions these users have */
    ENVELOPE_LOGIN,   /* of a user: how old are their sessions */
    ENVELOPE_KEEP,    /* so many of a user's sessions, and close the oldest */
    ENVELOPE_ANSWER,
    ENVELOPE_KINDS
};

struct envelope {
    enum envelope_kind kind;
    int64_t from;      /* the relay's id */
    uint32_t question; /* that it asks or answers; 0: none */
    struct span body;
};

/* Appends it. */
MUST_USE enum err envelope_encode(const struct envelope *e, struct buf *out);

/* *out borrows. ERR_MALFORMED; ERR_UNSUPPORTED: of another version, or a kind that is not known. */
MUST_USE enum err envelope_decode(struct span in, struct envelope *out);

/* Who is here, as a hello tells. */
struct hello {
    int64_t life; /* another one for each time that the relay has linked */
    int64_t users, pages, sessions;
};

MUST_USE enum err hello_encode(const struct hello *h, struct buf *out);
MUST_USE enum err hello_decode(struct span body, struct hello *out);

#endif
