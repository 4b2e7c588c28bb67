/* SPDX-License-Identifier: MIT */
/* handshake.c - the checks, in the order in which they are cheap, and what they are for: only a
 * well-formed upgrade to WebSocket version 13 gets anywhere, a foreign page gets nothing, and a
 * cookie is a proof only from a page of our own. */
#include "relay/access/handshake.h"

#include <stdio.h>
#include <string.h>

#include "common/http/cookie.h"
#include "common/http/error.h"
#include "common/http/status.h"
#include "common/security/origin.h"

enum { WEBSOCKET_KEY_LEN = 24 /* 16 bytes in base64: RFC 6455 4.1 */ };

static const char subprotocol[] = "doorbell.v1";

static bool is_websocket_key(struct span key)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    if (key.len != WEBSOCKET_KEY_LEN || memcmp(key.p + key.len - 2, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < key.len - 2; i++)
        if (key.p[i] == '\0' || !strchr(alphabet, key.p[i]))
            return false;
    return true;
}

/* Says in *out which one is to be agreed to. */
static bool is_subprotocol_ours(const struct http_request *req, struct upgrade *out)
{
    struct span name = SPAN("Sec-WebSocket-Protocol"), ignored;

    if (http_find_header(req, name, &ignored) == ERR_NOT_FOUND)
        return true;
    out->subprotocol = subprotocol;
    return http_list_has(req, name, span_of(subprotocol));
}

enum handshake_origin handshake_origin(const struct http_request *req,
                                       const struct config_list *origins)
{
    struct span site = http_header(req, SPAN("Sec-Fetch-Site"));
    struct span origin;

    switch (http_find_header(req, SPAN("Origin"), &origin)) {
    case ERR_NONE:
        return origin_is_allowed(origins, origin, req->scheme, req->host) ? ORIGIN_OURS
                                                                          : ORIGIN_FOREIGN;
    case ERR_NOT_FOUND:
        /* A <script> of a foreign page sends no Origin. */
        return span_equal(site, SPAN("cross-site")) ? ORIGIN_FOREIGN : ORIGIN_NOT_SAID;
    default:
        return ORIGIN_FOREIGN;
    }
}

bool handshake_is_vouched_for(const struct http_request *req, enum handshake_origin origin)
{
    struct span site = http_header(req, SPAN("Sec-Fetch-Site"));

    /* EventSource sends no Origin to its own site, and what it sends instead no page can make up.
     */
    return origin == ORIGIN_OURS ||
           (origin == ORIGIN_NOT_SAID &&
            (span_equal(site, SPAN("same-origin")) || span_equal(site, SPAN("none"))));
}

struct span handshake_token(const struct http_request *req)
{
    return http_cookie(req, COOKIE_TOKEN);
}

static int check_upgrade(const struct http_request *req, const char **why, const char **headers)
{
    struct span upgrade;
    enum err e = http_find_header(req, SPAN("Upgrade"), &upgrade);

    if (e == ERR_NOT_FOUND) {
        *headers = "Upgrade: websocket\r\n";
        *why = "this is a WebSocket endpoint";
        return 426;
    }
    *why = "not a WebSocket upgrade";
    if (e || !span_equal_nocase(upgrade, SPAN("websocket")) ||
        !http_list_has(req, SPAN("Connection"), SPAN("upgrade")) || req->is_http_1_0)
        return 400;
    if (!span_equal(http_header(req, SPAN("Sec-WebSocket-Version")), SPAN("13"))) {
        *headers = "Sec-WebSocket-Version: 13\r\n";
        *why = "WebSocket version 13 is spoken here";
        return 426;
    }
    *why = "bad Sec-WebSocket-Key";
    return is_websocket_key(http_header(req, SPAN("Sec-WebSocket-Key"))) ? 0 : 400;
}

int handshake_upgrade(const struct http_request *req, struct upgrade *out, const char **why,
                      const char **headers)
{
    int status = check_upgrade(req, why, headers);

    if (status)
        return status;
    out->transport = TRANSPORT_WEBSOCKET;
    out->websocket_key = http_header(req, SPAN("Sec-WebSocket-Key"));
    out->subprotocol = NULL;
    out->query = req->query;
    return 0;
}

static bool take_token(struct span token, struct upgrade *out, const char **why)
{
    *why = "token too long";
    out->token = token;
    return token.len <= TOKEN_MAX;
}

int handshake_websocket(const struct http_request *req, const struct config_list *origins,
                        struct upgrade *out, const char **why, const char **headers)
{
    struct span token = handshake_token(req);
    enum handshake_origin origin = handshake_origin(req, origins);
    int status = handshake_upgrade(req, out, why, headers);

    if (status)
        return status;
    *why = "unknown subprotocol";
    if (!is_subprotocol_ours(req, out))
        return 400;
    *why = "origin not allowed";
    if (origin == ORIGIN_FOREIGN || (origin == ORIGIN_NOT_SAID && token.len > 0))
        return 403;
    return take_token(token, out, why) ? 0 : 400;
}

int handshake_events(const struct http_request *req, const struct config_list *origins,
                     struct upgrade *out, const char **why)
{
    struct span token = handshake_token(req);

    *why = "origin not allowed";
    if (!handshake_is_vouched_for(req, handshake_origin(req, origins)))
        return 403;
    *why = "no token in the cookie";
    if (token.len == 0)
        return 401;
    out->transport = TRANSPORT_SSE;
    out->query = req->query;
    return take_token(token, out, why) ? 0 : 400;
}

void handshake_refuse(struct http_response *res, int status, const char *why)
{
    res->status = status;
    res->content_type = "application/json";
    error_encode(&res->body, status_code(status), why);
}

size_t handshake_compose_head(const struct upgrade *upgrade, char out[HANDSHAKE_HEAD_MAX])
{
    const char *named = upgrade->subprotocol;
    int n = snprintf(out, HANDSHAKE_HEAD_MAX,
                     "GET /ws HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: %.*s\r\n%s%s%s\r\n",
                     SPAN_ARGS(upgrade->websocket_key), named ? "Sec-WebSocket-Protocol: " : "",
                     named ? named : "", named ? "\r\n" : "");

    return (size_t)n;
}
