/* SPDX-License-Identifier: MIT */
/* sse.h - sessions over an answer of HTTP that does not end, for Server-Sent Events, on the loop
 * of the caller. What the client sends is not read but thrown away: only its end counts. */
#ifndef DOORBELL_RELAY_TRANSPORT_SSE_H
#define DOORBELL_RELAY_TRANSPORT_SSE_H

#include <stdbool.h>

#include "relay/session/session.h"
#include "relay/session/transport.h"

struct ev_loop;
struct sse;

/* NULL: out of memory. */
struct sse *sse_new(struct ev_loop *loop, const struct transport_events *events, void *ctx);

/* Ends all of them, by on_gone(). */
void sse_free(struct sse *host);

/* Takes fd in any case, writes the head of the answer, and calls on_open(). False: it did not
 * become a session, s is the caller's still. */
bool sse_adopt(struct sse *host, int fd, struct session *s);

extern const struct transport sse_transport;

#endif
