/* SPDX-License-Identifier: MIT */
/* handshake.h - every check that can be made before a request of the client port becomes a
 * session's connection, and what it decided: an upgrade, a value that is handed to the code that
 * opens the connection. Pure. */
#ifndef DOORBELL_RELAY_ACCESS_HANDSHAKE_H
#define DOORBELL_RELAY_ACCESS_HANDSHAKE_H

#include "common/config/config.h"
#include "common/security/token.h"
#include "relay/access/authenticator.h"
#include "relay/http/http.h"
#include "relay/session/protocol.h"

enum transport_kind { TRANSPORT_WEBSOCKET, TRANSPORT_SSE };

/* A request that may become a connection; the spans borrow from it. */
struct upgrade {
    const struct protocol *protocol;
    enum transport_kind transport;
    struct ip peer;
    struct span token;      /* of the cookie, at most TOKEN_MAX bytes; {NULL, 0}: none came along */
    struct verdict verdict; /* on that token */
    struct span query;      /* of the request */
    struct span websocket_key; /* checked */
    const char *subprotocol;   /* to be agreed to; NULL: none was asked for */
};

/* Where a request comes from, by what its browser says. */
enum handshake_origin {
    ORIGIN_NOT_SAID,
    ORIGIN_OURS,
    ORIGIN_OF_PROGRAM, /* not a page's: a token lets it in, a cookie is no proof */
    ORIGIN_FOREIGN,    /* said twice, or not said of a page of another site */
};
enum handshake_origin handshake_origin(const struct http_request *req, const struct config *config);

/* Whether a page of our own asks, so that a cookie is a proof: others' pages send it along too. */
bool handshake_is_vouched_for(const struct http_request *req, const struct config *config,
                              enum handshake_origin origin);

/* Lets pages of our own origins read the response, whatever it is. */
void handshake_share(const struct http_request *req, enum handshake_origin origin,
                     struct http_response *res);

/* The token in the cookie; empty if there is none. */
struct span handshake_token(const struct http_request *req);

/* All return 0 and fill *out, or return the status of a refusal, with the reason in *why and, where
 * the status needs some, header lines in *headers (static texts). */

/* The upgrade to WebSocket alone, at whatever path and from wherever. */
int handshake_upgrade(const struct http_request *req, struct upgrade *out, const char **why,
                      const char **headers);

/* The whole of a WebSocket of doorbell.v1, and of an event stream. */
int handshake_websocket(const struct http_request *req, const struct config *config,
                        struct upgrade *out, const char **why, const char **headers);
int handshake_events(const struct http_request *req, const struct config *config,
                     struct upgrade *out, const char **why);

/* Makes it the answer of a refusal. */
void handshake_refuse(struct http_response *res, int status, const char *why);

enum { HANDSHAKE_HEAD_MAX = 256 };

/* A WebSocket request made anew of what was checked, for the library to read. Returns its length.
 */
size_t handshake_compose_head(const struct upgrade *upgrade, char out[HANDSHAKE_HEAD_MAX]);

#endif
