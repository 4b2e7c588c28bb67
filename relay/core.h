/* SPDX-License-Identifier: MIT */
/* core.h - what the parts of the relay at work share: server.c bears it, door.c lets sessions in,
 * clients.c hears them, delivery.c writes to them, sweep.c looks after them. No loop is seen here:
 * what is to be done later goes through `walk_after`. */
#ifndef DOORBELL_RELAY_CORE_H
#define DOORBELL_RELAY_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "relay/admit.h"
#include "relay/api.h"
#include "relay/crowd.h"
#include "relay/frame.h"
#include "relay/hub.h"
#include "relay/login.h"
#include "relay/pace.h"
#include "relay/rate.h"
#include "relay/stats.h"
#include "relay/stream.h"
#include "relay/wire.h"

struct core {
    const struct config *config;
    struct hub *hub;
    struct wire *wire;
    struct streams *streams;
    struct stats stats;
    struct api api; /* its `now` is that of the turn */
    struct login_desk desk;
    struct crowd *crowd;
    struct rate accepts;
    struct admission admission; /* of the connection that is being handed over */
    struct ip arrival;          /* where it comes from */
    struct pace pace;
    struct frame broadcasts[PROTOCOL_COUNT]; /* the one under way, in each protocol */
    struct frame frame;                      /* for everything else */
    /* Asks for delivery_walk(), once, in so many milliseconds; a negative number takes it back. */
    void (*walk_after)(struct core *core, int64_t ms);
    size_t rung_in_turn;   /* by publish calls; zeroed between two turns of the loop */
    int64_t drain_ends_ms; /* 0: not draining */
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

struct session_limits core_limits(const struct core *core);

/* A session from core->arrival, which the hub does not know yet; NULL: out of memory. */
struct session *core_new_session(struct core *core, const struct protocol *protocol);

/* Frees a session that the hub does not know any more. */
void core_free_session(struct core *core, struct session *s);

/* The log's lines about a session name its serial number; the first one says where it is from. */
void core_log(const struct session *s, const char *what);

/* Every way in which a session can fail ends here; `reason` is static text. */
void core_close(struct core *core, struct session *s, uint16_t code, const char *reason);

#endif
