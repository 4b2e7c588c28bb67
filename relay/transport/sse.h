/* SPDX-License-Identifier: MIT */
/* sse.h - connections by an answer of HTTP that does not end, for Server-Sent Events, on the loop
 * of the caller. What the client sends is not read but thrown away: only its end counts. */
#ifndef DOORBELL_RELAY_TRANSPORT_SSE_H
#define DOORBELL_RELAY_TRANSPORT_SSE_H

#include "relay/session/conn.h"

struct ev_loop;
struct sse;

/* NULL: out of memory. */
struct sse *sse_new(struct ev_loop *loop, const struct conn_events *events, void *ctx);

/* Ends all of them, by on_gone(). */
void sse_free(struct sse *host);

/* Takes fd in any case, and writes the head of the answer. NULL: there is no connection. */
struct conn *sse_open(struct sse *host, int fd);

#endif
