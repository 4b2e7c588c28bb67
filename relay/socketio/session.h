/* SPDX-License-Identifier: MIT */
/* session.h - the session of a socket.io page: its life and login, and how what the relay says
 * becomes its events. What a packet means is decided in protocol/eio_session.h; the connections are
 * those of polling.h and page_socket.h. */
#ifndef DOORBELL_RELAY_SOCKETIO_SESSION_H
#define DOORBELL_RELAY_SOCKETIO_SESSION_H

#include "relay/engine/engine.h"
#include "relay/socketio/eio_session.h"
#include "relay/transport/http_server.h"

enum { PAGE_ID_LEN = 24 /* of 6 random bits each */ };

/* What a session has beside itself when it is socket.io's. */
struct page {
    struct engine *engine;
    struct session *session;
    struct session *trial;  /* a WebSocket that wants to take over; NULL: none */
    struct http_conn *poll; /* the GET that waits; NULL: none */
    uint64_t log_position;  /* up to where it has been told */
    struct eio_session eio;
    char sid[PAGE_ID_LEN + 1];
};

struct pages *pages_new(struct engine *engine); /* NULL: out of memory */

/* Ends those that are left; none of them has a WebSocket any more. */
void pages_free(struct pages *pages);

/* --- life --- */

/* A session from engine->arrival, with a page that this handshake opens; the hub does not know it
 * yet. NULL: out of memory. */
struct session *page_new_session(struct engine *engine, const struct eio_query *handshake);

struct page *page_find(const struct engine *engine, struct span sid); /* NULL: there is none */

/* The session has its connection: it is the hub's from now on, and perhaps a user's, by the cookie
 * of engine->admission. */
void page_open(struct session *s);

/* Logs in by the token of engine->admission, if there is one and it is good. */
void page_log_in_by_cookie(struct page *page);

/* Frees page and session. The hub knows it no more. */
void page_end(struct session *s);

/* Lets go of a WebSocket that is on trial. */
void page_drop_trial(struct page *page);

/* --- from the client --- */

/* Does what a packet that was heard asks for. */
void page_on_event(struct page *page, const struct eio_event *event);

/* --- to the client --- */

/* Writes what waits, as far as it is taken, and ends what the page has ended. Every change of
 * page->eio is followed by it. */
void page_flush(struct page *page);

/* The answer to a poll that is owed one. */
void page_take_answer(struct page *page, struct http_response *res);

/* Writes one packet to a WebSocket, the page's own or the one on trial. */
enum send_result page_write(struct page *page, struct session *to, struct span packet);

/* Queues what a page is told of this message, if it is told anything. */
void page_put(struct session *s, const struct event *m);

/* Whether what is put for it reaches it: to a page that has not connected yet nothing is told. */
bool page_is_connected(const struct session *s);

/* Tells what the broadcasts under way say, and this page has not been told. */
void page_tell_bulletin(struct session *s);

/* The last words to a closing session. */
void page_farewell(struct session *s);

/* What time does to it, about once a second. */
void page_check(struct session *s);

#endif
