/* SPDX-License-Identifier: MIT */
/* protocol.h - what a client protocol is to the rest of the relay: a name and what it does when
 * something happens. A new one is these functions in a folder of their own, and a row in
 * server/protocols.c. All of them are pure: they get bytes and find the time in the engine. */
#ifndef DOORBELL_RELAY_SESSION_PROTOCOL_H
#define DOORBELL_RELAY_SESSION_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct config;
struct conn;
struct engine;
struct event;
struct frames;
struct http_request;
struct http_response;
struct piece;
struct session;
struct upgrade;

enum protocol_id { PROTOCOL_NATIVE, PROTOCOL_SSE, PROTOCOL_SOCKETIO, PROTOCOL_COUNT };

enum request_outcome {
    REQUEST_ANSWERED, /* write the response */
    REQUEST_PARKED,   /* the answer comes later; req->waiter is set */
    REQUEST_UPGRADES, /* hand the connection over: *upgrade is filled in, and the protocol opens it
                       */
};

/* What a protocol does with the requests of the client port. */
struct protocol_requests {
    bool (*owns)(const struct config *config, struct span path);
    size_t (*body_max)(struct engine *e, const struct http_request *req);
    enum request_outcome (*answer)(struct engine *e, struct http_request *req,
                                   struct http_response *res, struct upgrade *upgrade);
    /* A request was refused for its head alone, by this status. NULL: that changes nothing. */
    void (*on_refusal)(struct engine *e, const struct http_request *req, int status);
};

struct protocol {
    enum protocol_id id;
    const char *name; /* in metrics and lists */
    bool takes_steps; /* its clients may compute their number from a step: such a ring asks few */
    struct protocol_requests requests;

    /* Birth and end of what its sessions share, which the engine keeps as its state. */
    enum err (*start)(struct engine *e, void **state);
    void (*stop)(struct engine *e, void *state);

    /* A connection was handed over: begins a session with it, or makes it one of a session that is
     * there. ERR_NO_MEMORY, ERR_CONFLICT: the connection is nobody's. */
    enum err (*open)(struct engine *e, struct conn *c, const struct upgrade *upgrade);

    /* A connection of a session of this protocol has read something; or is no more. */
    void (*input)(struct engine *e, struct conn *c, const struct piece *piece);
    void (*lost)(struct engine *e, struct conn *c);

    /* Appends the event in this protocol's bytes; nothing, if its clients are not told of it.
     * ERR_TOO_BIG: its text is longer than a client can be told. */
    enum err (*encode)(const struct engine *e, const struct event *event, struct buf *out);

    /* A broadcast begins, of this event: keeps what of it does not merge with those under way.
     * ERR_TOO_MANY: too much of that is kept already; then nothing is changed. */
    enum err (*announce)(struct engine *e, struct frames *frames);

    /* Tells a session that is not closing, at once or in flush(). False: it is not told of that. */
    bool (*deliver)(struct engine *e, struct session *s, struct frames *frames);

    /* Writes what waits, as far as it is taken. */
    void (*flush)(struct engine *e, struct session *s);

    /* What time does to a session that is not closing, about once a second. True: it was some work.
     */
    bool (*check)(struct engine *e, struct session *s);

    /* Says the last words to a session that is closing (s->end), sets s->is_end_told and closes its
     * connections. */
    void (*end)(struct engine *e, struct session *s);

    /* Frees it; the hub knows it no more. */
    void (*free)(struct engine *e, struct session *s);
};

#endif
