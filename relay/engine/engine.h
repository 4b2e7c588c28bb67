/* SPDX-License-Identifier: MIT */
/* engine.h - what the parts of the relay at work share: server.c bears it, door.c lets sessions in,
 * clients.c hears them, delivery.c writes to them, sweep.c looks after them. No loop is seen here:
 * what is to be done later goes through `walk_after`. */
#ifndef DOORBELL_RELAY_ENGINE_ENGINE_H
#define DOORBELL_RELAY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "relay/access/address_limit.h"
#include "relay/access/authenticator.h"
#include "relay/access/handshake.h"
#include "relay/access/token_bucket.h"
#include "relay/engine/pace.h"
#include "relay/metrics/metrics.h"
#include "relay/publish/api.h"
#include "relay/session/frame.h"
#include "relay/session/hub.h"
#include "relay/socketio/broadcast_log.h"
#include "relay/socketio/engineio.h"
#include "relay/transport/sse.h"
#include "relay/transport/websocket.h"

/* What a refusal for want of room says besides. */
#define ENGINE_RETRY_AFTER "Retry-After: 5\r\n"

enum { ENGINE_ORIGIN_MAX = 256, ENGINE_HEADERS_MAX = ENGINE_ORIGIN_MAX + 256 };

struct engine {
    const struct config *config;
    struct hub *hub;
    struct websockets *websockets;
    struct sse *sse;
    struct pages *pages;
    struct metrics metrics;
    struct api api; /* its `now` is that of the turn */
    struct authenticator authenticator;
    struct address_limit *address_limit;
    struct token_bucket accepts;
    char headers[ENGINE_HEADERS_MAX]; /* of the answer that is being written */
    struct admission admission;       /* of the connection that is being handed over */
    struct ip arrival;                /* where it comes from */
    struct page *upgrading;           /* whose WebSocket it will be; NULL: that of a new page, */
    struct eio_query handshake;       /* by this handshake */
    struct online online;             /* as it is told, anew once a second */
    struct pace pace;
    struct broadcast_log log;                /* of the broadcasts under way */
    struct frame broadcasts[PROTOCOL_COUNT]; /* the one under way, in each protocol */
    struct frame frame;                      /* for everything else */
    /* Asks for sender_walk(), once, in so many milliseconds; a negative number takes it back. */
    void (*walk_after)(struct engine *engine, int64_t ms);
    int64_t now_us;         /* monotonic, of this turn */
    int64_t tick_us;        /* when the last tick came; 0: none has */
    enum delay delay;       /* of the rings being written, unless personal, */
    int64_t delay_since_us; /* and since when they wait; 0: they are not timed */
    int64_t broadcast_us;   /* when the broadcast under way was last asked for */
    size_t rung_in_turn;    /* by publish calls; zeroed between two turns of the loop */
    int64_t drain_ends_ms;  /* 0: not draining */
    unsigned ticks;
    unsigned seed;
    uint32_t serial;
};

/* Sets up what needs no more than memory. *engine has been zeroed; engine_deinit() also after
 * failure.
 */
MUST_USE enum err engine_init(struct engine *engine);
void engine_deinit(struct engine *engine);

/* Goes on with this config and these secrets, which are borrowed. */
void engine_configure(struct engine *engine, const struct config *config,
                      const struct secrets *secrets);

/* Reads the clocks for this turn; every callback from outside begins with it. */
struct instant engine_now(struct engine *engine);

/* The same at a tick, which is due every `period_ms`; notes how late it comes. */
void engine_tick(struct engine *engine, int64_t period_ms);

/* Times the rings that are written from now on, as of this kind unless they are personal, from
 * `since_us`; 0: not any more. */
void engine_time_rings(struct engine *engine, enum delay delay, int64_t since_us);

/* A frame of `len` bytes was written. */
void engine_count_frame(struct engine *engine, const struct event *m, size_t len);

struct session_limits engine_limits(const struct engine *engine);

/* The status that refuses one more session, with the reason in *why (static text); 0: it may come.
 */
int engine_check_room(struct engine *engine, const char **why);

/* Tells the present numbers from now on. */
void engine_publish_online(struct engine *engine);

/* A session from engine->arrival, which the hub does not know yet; NULL: out of memory. */
struct session *engine_new_session(struct engine *engine, const struct protocol *protocol);

/* The connection of a session is no more: the hub forgets it. */
void engine_forget_session(struct engine *engine, struct session *s);

/* Frees a session that the hub does not know (any more). */
void engine_free_session(struct engine *engine, struct session *s);

/* The log's lines about a session name its serial number; the first one says where it is from. */
void engine_log(const struct session *s, const char *what);

/* Every way in which a session can fail ends here; `reason` is static text. */
void engine_close(struct engine *engine, struct session *s, uint16_t code, const char *reason);

#endif
