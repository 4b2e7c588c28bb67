/* SPDX-License-Identifier: MIT */
/* protocol.h - what a client protocol is to the rest of the relay: a name, what it can do, and its
 * codec. */
#ifndef DOORBELL_RELAY_SESSION_PROTOCOL_H
#define DOORBELL_RELAY_SESSION_PROTOCOL_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/security/token.h"
#include "relay/session/event.h"

enum client_frame_type {
    CLIENT_LOGIN,
    CLIENT_PONG,
    CLIENT_UNKNOWN, /* well formed, of a type that is not spoken here */
};

struct client_frame {
    enum client_frame_type type;
    bool has_token;
    bool has_online; /* `online` below was said */
    bool online;
    size_t token_len;
    char token[TOKEN_MAX];
};

enum protocol_id { PROTOCOL_NATIVE, PROTOCOL_SSE, PROTOCOL_SOCKETIO, PROTOCOL_COUNT };

struct protocol {
    enum protocol_id id;
    const char *name;  /* in metrics and lists */
    bool is_one_way;   /* its clients cannot answer: silence says nothing */
    bool tells_close;  /* an error message says why a session ends */
    bool has_own_beat; /* pings and silence are its own matter */

    /* Appends one message, framed by the transport's caller. NULL: its messages are page.h's. */
    enum err (*encode)(const struct event *m, struct buf *out);

    /* Decodes one frame; *out is written only on success. ERR_MALFORMED, ERR_NO_MEMORY. NULL if
     * the protocol is one-way. */
    enum err (*decode)(struct span in, struct client_frame *out);
};

extern const struct protocol native_protocol; /* doorbell.v1 */
extern const struct protocol sse_protocol;    /* the same messages as Server-Sent Events */
extern const struct protocol socketio_protocol;

#endif
