/* SPDX-License-Identifier: MIT */
/* session.h - one client connection of any protocol: what is known of it, and what is due. The
 * placeholder of its transport is the server's; the links are the hub's. Pure: time is an argument.
 */
#ifndef DOORBELL_RELAY_SESSION_SESSION_H
#define DOORBELL_RELAY_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/text/ip.h"
#include "relay/session/slot.h"

enum {
    CLOSE_NORMAL = 1000,
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
    SESSION_CLOSING, /* out of the hub; its transport is on its way out */
};

struct hub_user;
struct page;
struct protocol;
struct transport;

/* Both clocks, read once a turn of the loop. */
struct instant {
    int64_t ms; /* monotonic */
    int64_t s;  /* unix time */
};

struct session {
    struct session *prev, *next;                   /* of all sessions, or of the closing ones */
    struct session *user_prev, *user_next;         /* of the same user, newest first */
    struct session *deferred_prev, *deferred_next; /* of the deferred ones, in their order */
    struct hub_user *user;                         /* NULL before login */
    const struct protocol *protocol;
    const struct transport *transport;
    void *carrier;            /* the transport's own */
    struct page *page;        /* of socket.io; else NULL */
    struct buf *partial;      /* owned: a frame that has not wholly arrived; else NULL */
    const char *close_reason; /* static text */
    int64_t opened_ms;
    int64_t heard_ms;
    int64_t pinged_ms;
    int64_t blocked_ms;       /* since when the peer takes no bytes; 0: it takes them */
    int64_t deferred_us;      /* since when it is_deferred */
    int64_t deadline_ms;      /* of login, of a drain, of the close; 0: none */
    int64_t token_expires_at; /* unix time */
    struct slot slot;
    struct ip peer;
    uint32_t serial;           /* for the log */
    uint32_t round;            /* the hub's broadcast that it has had */
    struct online online_seen; /* as it was last told */
    uint16_t close_code;
    uint8_t state;
    bool wants_online;
    bool is_transport_closing;
    bool is_deferred; /* its slot waits for our next turn, and not for its reader */
};

struct session_limits {
    int64_t ping_interval_ms;
    int64_t login_timeout_ms;
};

enum { TOKEN_GRACE_S = 30, SILENCE_MAX_MS = 55 * 1000 };

/* A peer that was silent for so long, and was asked, is gone. */
int64_t session_silence_ms(const struct session_limits *limits);

void session_init(struct session *s, const struct protocol *protocol,
                  const struct session_limits *limits, struct instant now);

/* The peer sent something, whatever it was. */
void session_heard(struct session *s, struct instant now);

enum session_due { DUE_NOTHING, DUE_PING, DUE_CLOSE };

/* What the sweep has to do with it; for DUE_CLOSE also how. */
enum session_due session_check(const struct session *s, const struct session_limits *limits,
                               struct instant now, uint16_t *code, const char **reason);

/* Why it was closed, as an error message names it. */
enum event_fault session_close_fault(const struct session *s);

/* Takes a piece of a frame of at most frame_max bytes. ERR_NONE: it was the last one, and *whole is
 * the frame, valid until session_drop_partial(). ERR_INCOMPLETE, ERR_TOO_BIG, ERR_NO_MEMORY. */
MUST_USE enum err session_collect(struct session *s, struct span piece, bool is_last,
                                  size_t frame_max, struct span *whole);
void session_drop_partial(struct session *s);

#endif
