/* SPDX-License-Identifier: MIT */
/* session.h - a client's conversation with the relay, in any protocol and over one connection or
 * several: what is known of it whatever it speaks. A protocol's own struct begins with this one.
 * The links are the hub's. Pure: time is an argument. */
#ifndef DOORBELL_RELAY_SESSION_SESSION_H
#define DOORBELL_RELAY_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text/ip.h"
#include "relay/session/event.h"

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_POLICY = 1008,
    CLOSE_TOO_BIG = 1009,
    CLOSE_RESTART = 1012,
    CLOSE_LATER = 1013,
    CLOSE_TOKEN = 4401,
    CLOSE_KICKED = 4403,
    CLOSE_NO_LOGIN = 4408,
    CLOSE_TOO_MANY = 4429,
};

enum session_state {
    SESSION_NEW,     /* has not logged in */
    SESSION_OPEN,    /* is a user's */
    SESSION_CLOSING, /* out of the hub; to be told why, or waiting for its client to leave */
};

struct conn;
struct hub_user;
struct protocol;
struct session;

/* All clocks, read once for each event of the loop. */
struct instant {
    int64_t ms; /* monotonic */
    int64_t s;  /* unix time */
    int64_t us; /* monotonic */
    int64_t unix_us;
};

struct session_link {
    struct session *prev, *next;
};

/* Where it is from, and what the log calls it. */
struct session_origin {
    struct ip peer;
    uint32_t serial;
};

/* Why it is closing. */
struct session_end {
    const char *reason; /* static text */
    uint16_t code;
};

/* First what a ring looks at, in one line of the cache. */
struct session {
    struct session_link all; /* of all sessions, or of the closing ones */
    union {
        struct session_link of_user; /* until it is closing; */
        struct session_end end;      /* and from then on */
    };
    const struct protocol *protocol;
    struct conn *conn;        /* NULL: none at present */
    int64_t blocked_ms;       /* since when its client takes no bytes; 0: it takes them */
    uint32_t round;           /* the hub's broadcast that it has had */
    uint8_t state;            /* enum session_state */
    uint8_t pending_on;       /* enum hub_list */
    bool is_proven;           /* has been a user's */
    bool is_end_told;         /* its protocol has said its last words, and closes the connection */
    int64_t deadline_ms;      /* of login, of a drain, of the close; 0: none */
    int64_t token_expires_at; /* unix time */
    int64_t token_generation; /* of the newest token it has shown: see token_is_revoked() */
    struct session_link pending; /* of those that have something to send */
    struct hub_user *user;       /* NULL before login */
    struct session_origin origin;
    uint8_t logins;    /* that its protocol counts, to end one that tries too often */
    int64_t opened_ms; /* monotonic */
};

enum { TOKEN_GRACE_S = 30 };

void session_init(struct session *s, const struct protocol *protocol, struct instant now);

/* Whether it has to end, whatever it speaks: its deadline or its token's time is over. `*end` then
 * says how; `late` is what a deadline means for it. */
bool session_is_over(const struct session *s, struct instant now, const struct session_end *late,
                     struct session_end *end);

/* Why it was closed, as an error event names it. */
enum event_fault session_close_fault(const struct session *s);

#endif
