/* SPDX-License-Identifier: MIT */
#include "relay/access/handshake.h"

#include <stdio.h>
#include <string.h>

#include "common/http/cookie.h"
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

static bool is_subprotocol_ours(const struct http_request *req, bool *is_named)
{
    struct span name = SPAN("Sec-WebSocket-Protocol");

    *is_named = http_header_count(req, name) > 0;
    if (!*is_named)
        return true;
    return http_list_has(http_header(req, name), span_of(subprotocol));
}

/* The Origin header, if any, must be on the list; a token in a cookie needs one, since cookies come
 * along with what other sites' pages do. */
static bool is_origin_fine(const struct http_request *req, const struct config_list *origins,
                           bool has_cookie)
{
    size_t count = http_header_count(req, SPAN("Origin"));

    if (count == 0)
        return !has_cookie;
    return origin_is_allowed(origins, http_header(req, SPAN("Origin")), SPAN(""),
                             http_header(req, SPAN("Host")));
}

static int check_upgrade(const struct http_request *req, const char **why, const char **headers)
{
    struct span upgrade = http_header(req, SPAN("Upgrade"));

    if (http_header_count(req, SPAN("Upgrade")) == 0) {
        *headers = "Upgrade: websocket\r\n";
        *why = "this is a WebSocket endpoint";
        return 426;
    }
    *why = "not a WebSocket upgrade";
    if (!span_equal_nocase(upgrade, SPAN("websocket")) ||
        !http_list_has(http_header(req, SPAN("Connection")), SPAN("upgrade")) || req->is_http_1_0)
        return 400;
    if (!span_equal(http_header(req, SPAN("Sec-WebSocket-Version")), SPAN("13"))) {
        *headers = "Sec-WebSocket-Version: 13\r\n";
        *why = "WebSocket version 13 is spoken here";
        return 426;
    }
    *why = "bad Sec-WebSocket-Key";
    return is_websocket_key(http_header(req, SPAN("Sec-WebSocket-Key"))) ? 0 : 400;
}

static void compose_head(const struct http_request *req, bool with_subprotocol,
                         struct admission *out)
{
    struct span key = http_header(req, SPAN("Sec-WebSocket-Key"));
    int n = snprintf(out->head, sizeof(out->head),
                     "GET /ws HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: %.*s\r\n%s%s%s\r\n",
                     SPAN_ARGS(key), with_subprotocol ? "Sec-WebSocket-Protocol: " : "",
                     with_subprotocol ? subprotocol : "", with_subprotocol ? "\r\n" : "");

    out->head_len = (size_t)n;
}

int handshake_upgrade(const struct http_request *req, struct admission *out, const char **why,
                      const char **headers)
{
    int status = check_upgrade(req, why, headers);

    if (status)
        return status;
    compose_head(req, false, out);
    return 101;
}

static bool take_token(struct span token, struct admission *out, const char **why)
{
    *why = "token too long";
    out->token_len = 0;
    if (token.len > TOKEN_MAX)
        return false;
    if (token.len > 0)
        memcpy(out->token, token.p, token.len);
    out->token_len = token.len;
    return true;
}

static int admit_websocket(const struct http_request *req, const struct config_list *origins,
                           struct admission *out, const char **why, const char **headers)
{
    struct span token = http_cookie(req, COOKIE_TOKEN);
    bool is_subprotocol_named;
    int status = check_upgrade(req, why, headers);

    if (status)
        return status;
    *why = "unknown subprotocol";
    if (!is_subprotocol_ours(req, &is_subprotocol_named))
        return 400;
    *why = "origin not allowed";
    if (!is_origin_fine(req, origins, token.len > 0))
        return 403;
    if (!take_token(token, out, why))
        return 400;
    compose_head(req, is_subprotocol_named, out);
    out->protocol = &native_protocol;
    out->wants_online = false;
    return 101;
}

/* EventSource sends no Origin to its own site, and what it sends instead no page can make up. */
static bool is_own_fetch(const struct http_request *req)
{
    struct span site = http_header(req, SPAN("Sec-Fetch-Site"));

    return http_header_count(req, SPAN("Origin")) == 0 &&
           (span_equal(site, SPAN("same-origin")) || span_equal(site, SPAN("none")));
}

/* A cookie comes along with what other sites' pages do: who asks must be a page of our own. */
static bool is_vouched_for(const struct http_request *req, const struct config_list *origins)
{
    return is_own_fetch(req) || is_origin_fine(req, origins, true);
}

static bool has_parameter(struct span query, struct span parameter)
{
    while (query.p)
        if (span_equal(span_cut(&query, '&'), parameter))
            return true;
    return false;
}

void handshake_cookie(const struct http_request *req, const struct config_list *origins,
                      struct admission *out)
{
    const char *why;

    out->token_len = 0;
    if (is_vouched_for(req, origins))
        (void)take_token(http_cookie(req, COOKIE_TOKEN), out, &why);
}

static int admit_events(const struct http_request *req, const struct config_list *origins,
                        struct admission *out, const char **why, const char **headers)
{
    struct span token = http_cookie(req, COOKIE_TOKEN);

    (void)headers;
    *why = "origin not allowed";
    if (!is_vouched_for(req, origins))
        return 403;
    *why = "no token in the cookie";
    if (token.len == 0)
        return 401;
    if (!take_token(token, out, why))
        return 400;
    out->protocol = &sse_protocol;
    out->wants_online = has_parameter(req->query, SPAN("online=1"));
    out->head_len = 0;
    return 200;
}

int handshake_request(const struct http_request *req, const struct config_list *origins,
                      struct admission *out, const char **why, const char **headers)
{
    bool is_websocket = span_equal(req->path, SPAN("/ws"));

    *headers = "";
    *why = "no such path";
    if (!is_websocket && !span_equal(req->path, SPAN("/events")))
        return 404;
    if (req->method != HTTP_GET) {
        *why = "GET only";
        *headers = "Allow: GET\r\n";
        return 405;
    }
    return is_websocket ? admit_websocket(req, origins, out, why, headers)
                        : admit_events(req, origins, out, why, headers);
}
