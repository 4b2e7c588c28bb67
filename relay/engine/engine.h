/* SPDX-License-Identifier: MIT */
/* engine.h - the relay without its loop: who is here, what is under way, and what time it is. The
 * loop (server/) sets `now`, reports each event, and calls engine_turn() at the end of each turn;
 * nothing here reads a clock, a socket or randomness except through `ops`. Protocols act through
 * these functions only. */
#ifndef DOORBELL_RELAY_ENGINE_ENGINE_H
#define DOORBELL_RELAY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "common/security/secrets.h"
#include "relay/access/admission.h"
#include "relay/access/authenticator.h"
#include "relay/engine/broadcaster.h"
#include "relay/metrics/metrics.h"
#include "relay/session/conn.h"
#include "relay/session/epoch.h"
#include "relay/session/frame.h"
#include "relay/session/hub.h"

struct http_conn;
struct http_response;

/* What a refusal for want of room says besides. */
#define ENGINE_RETRY_AFTER "Retry-After: 5\r\n"

/* What only the loop can do. */
struct engine_ops {
    void (*log)(const struct session *s, const char *what);
    void (*answer)(struct http_conn *parked, struct http_response *res);
    enum err (*random)(void *out, size_t len);
    int64_t (*clock_us)(void); /* as now.us, but of this moment: for what takes time in a turn */
};

struct engine_protocol {
    const struct protocol *protocol;
    void *state; /* its own, from start() */
};

struct engine {
    const struct config *config;
    const struct engine_ops *ops;
    struct engine_protocol protocols[PROTOCOL_COUNT];
    struct hub *hub;
    struct authenticator authenticator;
    struct admission admission;
    struct metrics metrics;
    struct broadcaster broadcaster;
    struct frames frames;    /* for all but broadcasts and pings */
    struct frames pings;     /* of this tick of the sweep */
    struct epoch epoch;      /* of the database */
    struct online online;    /* as it is told, anew once a second */
    struct online elsewhere; /* who is at other relays */
    struct instant now;
    size_t rung_in_turn; /* by publish calls; zeroed between two turns of the loop */
    unsigned ticks;
    uint32_t serial; /* of the last session */
};

/* *e has been zeroed but for `now`; engine_deinit() also after failure. `protocols` has
 * PROTOCOL_COUNT rows, by their id. Borrows all. */
MUST_USE enum err engine_init(struct engine *e, const struct engine_ops *ops,
                              const struct protocol *const protocols[], const struct config *config,
                              const struct secrets *secrets);

/* Ends the sessions that are left; none of them has a connection any more. */
void engine_end_sessions(struct engine *e);
void engine_deinit(struct engine *e);

/* Goes on with this config and these secrets, which are borrowed. */
void engine_configure(struct engine *e, const struct config *config, const struct secrets *secrets);

/* --- called by the loop --- */

void engine_on_piece(struct engine *e, struct conn *c, const struct piece *piece);
void engine_on_writable(struct engine *e, struct conn *c);
void engine_on_gone(struct engine *e, struct conn *c);

/* The end of a turn: writes what became due in it, and starts the close of sessions. */
void engine_turn(struct engine *e);

/* Whether draining has come to its end. */
bool engine_is_drained(const struct engine *e);

/* Takes no more clients, and tells each that is here after what time, within the drain window, to
 * come back. They are closed at that time; with a successor, which has the listener already, now.
 */
void engine_drain(struct engine *e, bool has_successor);

/* --- called by protocols --- */

/* The status that refuses one more session, with the reason in *why (static text); 0: it may
 * come. */
int engine_check_room(struct engine *e, const struct newcomer *who, const char **why);

/* Takes a new session in, whose struct session has been initialised, and gives it its connection,
 * if it has one, and login_timeout to log in. ERR_NO_MEMORY: it is the caller's still. */
MUST_USE enum err engine_add(struct engine *e, struct session *s, const struct ip *peer,
                             struct conn *c);

/* A session has become a user's. */
void engine_note_login(struct engine *e, struct session *s);

/* Forgets a session, and frees it by its protocol's free(). */
void engine_forget(struct engine *e, struct session *s);

/* Every way in which a session can fail ends here; `reason` is static text. */
void engine_close(struct engine *e, struct session *s, uint16_t code, const char *reason);

/* The session has something to send: flush() follows at the end of this turn. */
void engine_mark_dirty(struct engine *e, struct session *s);

/* The sessions of a user who is no longer held, from this one on, are told what has waited. */
void engine_release(struct engine *e, struct session *newest);

/* Tells a session one event. */
void engine_tell(struct engine *e, struct session *s, const struct event *event);

/* The same with one that has been begun. False: it is not told of that. */
bool engine_deliver(struct engine *e, struct session *s, struct frames *frames);

/* Its client takes no bytes, or takes them again. */
void engine_note_blocked(struct engine *e, struct session *s, bool is_blocked);

/* A frame of `len` bytes was written. */
void engine_count_frame(struct engine *e, size_t len);

/* Whether the numbers of those online are others than these. */
bool engine_has_news(const struct engine *e, const struct online *seen);

/* The present numbers are told from now on. */
void engine_publish_online(struct engine *e);

#endif
