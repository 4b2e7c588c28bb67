/* SPDX-License-Identifier: MIT */
/* sse_codec.c - the events of doorbell.v1 as Server-Sent Events (HTML Living Standard, 9.2): one
 * event each, of one line, since JSON as it is encoded here has no line breaks. */
#include "relay/native/codec.h"

enum err sse_encode(const struct event *m, struct span epoch, struct buf *out)
{
    enum err e;

    if ((e = buf_append(out, SPAN("data: "))) || (e = native_encode(m, epoch, out)))
        return e;
    return buf_append(out, SPAN("\n\n"));
}
