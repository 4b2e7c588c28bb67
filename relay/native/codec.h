/* SPDX-License-Identifier: MIT */
/* codec.h - doorbell.v1: JSON text frames; and the same events as Server-Sent Events. Pure. */
#ifndef DOORBELL_RELAY_NATIVE_CODEC_H
#define DOORBELL_RELAY_NATIVE_CODEC_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/security/token.h"
#include "relay/session/event.h"

enum native_frame_type {
    NATIVE_LOGIN,
    NATIVE_PONG,
    NATIVE_UNKNOWN, /* well formed, of a type that is not spoken here */
};

/* What a client says. */
struct native_frame {
    enum native_frame_type type;
    bool has_token;
    bool has_online; /* `online` below was said */
    bool online;
    size_t token_len;
    char token[TOKEN_MAX];
};

/* Appends one event; `epoch` is empty where it is not known. */
MUST_USE enum err native_encode(const struct event *event, struct span epoch, struct buf *out);

/* The same as an event of an event stream. */
MUST_USE enum err sse_encode(const struct event *event, struct span epoch, struct buf *out);

/* Decodes one frame; *out is of use only on success. ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err native_decode(struct span in, struct native_frame *out);

#endif
