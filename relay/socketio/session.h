/* SPDX-License-Identifier: MIT */
/* session.h - the session of a socket.io client: its life and login, and how events of the relay
 * become its own. What a packet means is decided in eio_session.h; requests come by polling.h,
 * frames of its WebSocket, or of one that wants to take over, by input(). Pure. */
#ifndef DOORBELL_RELAY_SOCKETIO_SESSION_H
#define DOORBELL_RELAY_SOCKETIO_SESSION_H

#include "relay/engine/engine.h"
#include "relay/http/http.h"
#include "relay/session/protocol.h"
#include "relay/socketio/eio_session.h"

extern const struct protocol socketio_protocol;

/* What a cookie is known by again. */
struct socketio_seal {
    char end[16];
};

struct socketio_session {
    struct session base;
    struct engine *engine;
    struct conn *probing;      /* a WebSocket that wants to take over; NULL: none */
    struct http_conn *poll;    /* the GET that waits; NULL: none */
    uint64_t log_position;     /* up to where it has been told the texts of broadcasts */
    struct online online_seen; /* as it was last told */
    bool is_by_cookie;         /* a cookie has logged it in, that of the seal */
    struct socketio_seal seal;
    struct eio_session eio;
};

/* Begins a session by this handshake, of the peer and the user of `upgrade`; `c` is its WebSocket,
 * NULL by polling. NULL: out of memory. */
struct socketio_session *socketio_session_open(struct engine *e, const struct eio_query *handshake,
                                               const struct upgrade *upgrade, struct conn *c);

/* NULL: there is none, or it is over. */
struct socketio_session *socketio_session_find(const struct engine *e, struct span sid);

/* Whether a request that names its id may be its client's. What has logged it in binds: its cookie,
 * or another one of its user, wherever that now comes from; without a cookie, its address. */
bool socketio_session_is_of(struct socketio_session *ss, struct span token, const struct ip *peer);

/* Logs in by a token of the cookie, if it is a good one. */
void socketio_session_log_in(struct socketio_session *ss, struct span token);

/* Does what a packet that was heard asks for. */
void socketio_session_on_event(struct socketio_session *ss, const struct eio_event *event);

/* The answer to a poll that is owed one. */
void socketio_session_take_answer(struct socketio_session *ss, struct http_response *res);

#endif
