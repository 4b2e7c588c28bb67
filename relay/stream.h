/* SPDX-License-Identifier: MIT */
/* stream.h - sessions over an answer of HTTP that does not end, for Server-Sent Events, on the loop
 * of the caller. What the client sends is not read but thrown away: only its end counts. */
#ifndef DOORBELL_RELAY_STREAM_H
#define DOORBELL_RELAY_STREAM_H

#include <stdbool.h>

#include "relay/session.h"
#include "relay/transport.h"

struct ev_loop;
struct streams;

/* NULL: out of memory. */
struct streams *streams_new(struct ev_loop *loop, const struct transport_events *events, void *ctx);

/* Ends all of them, by on_gone(). */
void streams_free(struct streams *host);

/* Takes fd in any case, writes the head of the answer, and calls on_open(). False: it did not
 * become a session, s is the caller's still. */
bool streams_adopt(struct streams *host, int fd, struct session *s);

extern const struct transport stream_transport;

#endif
