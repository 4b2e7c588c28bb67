/* SPDX-License-Identifier: MIT */
/* handshake.h - who may come in at the client port: every check that can be made before a request
 * becomes a session, and the head that the WebSocket library then gets to see. Pure. */
#ifndef DOORBELL_RELAY_ACCESS_HANDSHAKE_H
#define DOORBELL_RELAY_ACCESS_HANDSHAKE_H

#include "common/config/config.h"
#include "common/security/token.h"
#include "relay/http/http.h"
#include "relay/session/protocol.h"

enum { HANDSHAKE_HEAD_MAX = 256 };

struct admission {
    const struct protocol *protocol;
    bool wants_online;             /* was said in the request: sse */
    char head[HANDSHAKE_HEAD_MAX]; /* of WebSocket: a request made anew of what was checked */
    size_t head_len;
    size_t token_len; /* 0: none came along */
    char token[TOKEN_MAX];
};

/* Returns 101 (WebSocket) or 200 (Server-Sent Events) and fills *out, or the status of a refusal,
 * with the reason in *why (static text) and header lines in *headers (static text). */
int handshake_request(const struct http_request *req, const struct config_list *origins,
                      struct admission *out, const char **why, const char **headers);

/* Takes the token in the cookie into *out, if the request is from a page of our own. */
void handshake_cookie(const struct http_request *req, const struct config_list *origins,
                      struct admission *out);

/* The same for the upgrade to WebSocket alone, at whatever path and from wherever: fills out->head.
 */
int handshake_upgrade(const struct http_request *req, struct admission *out, const char **why,
                      const char **headers);

#endif
