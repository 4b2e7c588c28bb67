/* SPDX-License-Identifier: MIT */
/* core.h - what the parts of the relay at work share: server.c bears it, door.c lets sessions in,
 * clients.c hears them, delivery.c writes to them, sweep.c looks after them. No loop is seen here:
 * what is to be done later goes through `walk_after`. */
#ifndef DOORBELL_RELAY_CORE_H
#define DOORBELL_RELAY_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "relay/admit.h"
#include "relay/api.h"
#include "relay/bulletin.h"
#include "relay/crowd.h"
#include "relay/frame.h"
#include "relay/hub.h"
#include "relay/login.h"
#include "relay/pace.h"
#include "relay/protocol/engineio.h"
#include "relay/rate.h"
#include "relay/stats.h"
#include "relay/stream.h"
#include "relay/wire.h"

/* What a refusal for want of room says besides. */
#define CORE_RETRY_AFTER "Retry-After: 5\r\n"

enum { CORE_ORIGIN_MAX = 256, CORE_HEADERS_MAX = CORE_ORIGIN_MAX + 256 };

struct core {
    const struct config *config;
    struct hub *hub;
    struct wire *wire;
    struct streams *streams;
    struct pages *pages;
    struct stats stats;
    struct api api; /* its `now` is that of the turn */
    struct login_desk desk;
    struct crowd *crowd;
    struct rate accepts;
    char headers[CORE_HEADERS_MAX]; /* of the answer that is being written */
    struct admission admission;     /* of the connection that is being handed over */
    struct ip arrival;              /* where it comes from */
    struct page *upgrading;         /* whose WebSocket it will be; NULL: that of a new page, */
    struct eio_query handshake;     /* by this handshake */
    struct online online;           /* as it is told, anew once a second */
    struct pace pace;
    struct bulletin bulletin;                /* of the broadcasts under way */
    struct frame broadcasts[PROTOCOL_COUNT]; /* the one under way, in each protocol */
    struct frame frame;                      /* for everything else */
    /* Asks for delivery_walk(), once, in so many milliseconds; a negative number takes it back. */
    void (*walk_after)(struct core *core, int64_t ms);
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

/* Sets up what needs no more than memory. *core has been zeroed; core_deinit() also after failure.
 */
MUST_USE enum err core_init(struct core *core);
void core_deinit(struct core *core);

/* Goes on with this config and these secrets, which are borrowed. */
void core_configure(struct core *core, const struct config *config, const struct secrets *secrets);

/* Reads the clocks for this turn; every callback from outside begins with it. */
struct instant core_now(struct core *core);

/* The same at a tick, which is due every `period_ms`; notes how late it comes. */
void core_tick(struct core *core, int64_t period_ms);

/* Times the rings that are written from now on, as of this kind unless they are personal, from
 * `since_us`; 0: not any more. */
void core_time_rings(struct core *core, enum delay delay, int64_t since_us);

/* A frame of `len` bytes was written. */
void core_count_frame(struct core *core, const struct message *m, size_t len);

struct session_limits core_limits(const struct core *core);

/* The status that refuses one more session, with the reason in *why (static text); 0: it may come.
 */
int core_check_room(struct core *core, const char **why);

/* Tells the present numbers from now on. */
void core_publish_online(struct core *core);

/* A session from core->arrival, which the hub does not know yet; NULL: out of memory. */
struct session *core_new_session(struct core *core, const struct protocol *protocol);

/* The connection of a session is no more: the hub forgets it. */
void core_forget_session(struct core *core, struct session *s);

/* Frees a session that the hub does not know (any more). */
void core_free_session(struct core *core, struct session *s);

/* The log's lines about a session name its serial number; the first one says where it is from. */
void core_log(const struct session *s, const char *what);

/* Every way in which a session can fail ends here; `reason` is static text. */
void core_close(struct core *core, struct session *s, uint16_t code, const char *reason);

#endif
