/* SPDX-License-Identifier: MIT */
/* sse.c - the messages of doorbell.v1 as Server-Sent Events (HTML Living Standard, 9.2): one event
 * each, of one line, since JSON as it is encoded here has no line breaks. */
#include "relay/session/protocol.h"

static enum err encode(const struct event *m, struct buf *out)
{
    enum err e;

    if ((e = buf_append(out, SPAN("data: "))) || (e = native_protocol.encode(m, out)))
        return e;
    return buf_append(out, SPAN("\n\n"));
}

const struct protocol sse_protocol = {
    .id = PROTOCOL_SSE,
    .name = "sse",
    .is_one_way = true,
    .tells_close = true,
    .encode = encode,
};
