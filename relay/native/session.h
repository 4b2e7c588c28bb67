/* SPDX-License-Identifier: MIT */
/* session.h - sessions of doorbell.v1, over WebSocket or as an event stream: one slot that merges,
 * and a codec. Pure. */
#ifndef DOORBELL_RELAY_NATIVE_SESSION_H
#define DOORBELL_RELAY_NATIVE_SESSION_H

#include "relay/session/protocol.h"
#include "relay/session/session.h"
#include "relay/session/slot.h"

extern const struct protocol native_protocol; /* /ws */
extern const struct protocol sse_protocol;    /* /events: its clients cannot answer */

struct native_session {
    struct session base;
    struct slot *slot; /* owned: what waits; NULL: nothing does */
    int64_t heard_ms;
    int64_t pinged_ms;
    struct online online_seen; /* as it was last told; of UINT32_MAX users: it is not to be told */
};

enum native_due { NATIVE_DUE_NOTHING, NATIVE_DUE_PING, NATIVE_DUE_CLOSE };

/* What time has brought; for NATIVE_DUE_CLOSE also how to end. */
enum native_due native_session_due(const struct native_session *s, int64_t ping_interval_ms,
                                   struct instant now, struct session_end *end);

/* A client that was silent for so long, and was asked, is gone. */
int64_t native_session_silence_ms(int64_t ping_interval_ms);

#endif
