/* SPDX-License-Identifier: MIT */
#include "relay/server/protocols.h"

#include "relay/native/session.h"
#include "relay/socketio/session.h"

const struct protocol *const protocols[PROTOCOL_COUNT] = {
    [PROTOCOL_NATIVE] = &native_protocol,
    [PROTOCOL_SSE] = &sse_protocol,
    [PROTOCOL_SOCKETIO] = &socketio_protocol,
};
