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

enum {
    WEBSOCKET_KEY_LEN = 24, /* 16 bytes in base64: RFC 6455 4.1 */
    ORIGIN_MAX = 256,
};

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

/* Libraries of back ends say "*", which no page can, or the address that they connect to. The
 * latter is also a page's whose name was made to lead here, or an app's beside the relay, so it
 * counts only where nobody hears anything or becomes anyone without a token. */
static bool is_of_program(const struct http_request *req, const struct config *config,
                          struct span origin)
{
    static const struct config_list only_own = {NULL, 0};
    struct span ignored;

    if (http_find_header(req, SPAN("Sec-Fetch-Site"), &ignored) != ERR_NOT_FOUND)
        return false;
    if (span_equal(origin, SPAN("*")))
        return true;
    return !config->relay.legacy_login && !config->relay.legacy_anonymous &&
           origin_is_allowed(&only_own, origin, req->scheme, req->host);
}

enum handshake_origin handshake_origin(const struct http_request *req, const struct config *config)
{
    struct span site = http_header(req, SPAN("Sec-Fetch-Site"));
    struct span origin;

    switch (http_find_header(req, SPAN("Origin"), &origin)) {
    case ERR_NONE:
        if (origin.len > ORIGIN_MAX)
            return ORIGIN_FOREIGN;
        if (origin_is_allowed(&config->auth.origins, origin, req->scheme, req->host))
            return ORIGIN_OURS;
        return is_of_program(req, config, origin) ? ORIGIN_OF_PROGRAM : ORIGIN_FOREIGN;
    case ERR_NOT_FOUND:
        /* A <script> of a foreign page sends no Origin. */
        return span_equal(site, SPAN("cross-site")) ? ORIGIN_FOREIGN : ORIGIN_NOT_SAID;
    default:
        return ORIGIN_FOREIGN;
    }
}

/* Where the page is from: its address up to the path (RFC 9110 10.1.3). */
static bool is_referer_ours(const struct http_request *req, const struct config *config)
{
    struct span referer = http_header(req, SPAN("Referer")), rest = referer, scheme, origin;

    scheme = span_cut(&rest, '/');
    if (!rest.p || span_cut(&rest, '/').len > 0 || !rest.p)
        return false;
    origin = (struct span){referer.p, scheme.len + 2 + span_cut(&rest, '/').len};
    return origin.len <= ORIGIN_MAX &&
           origin_is_allowed(&config->auth.origins, origin, req->scheme, req->host);
}

bool handshake_is_vouched_for(const struct http_request *req, const struct config *config,
                              enum handshake_origin origin)
{
    struct span site;

    if (origin != ORIGIN_NOT_SAID)
        return origin == ORIGIN_OURS;
    /* A GET to its own site has no Origin. What browsers say instead no page can make up; on plain
     * http they say only where they come from. */
    if (http_find_header(req, SPAN("Sec-Fetch-Site"), &site) == ERR_NOT_FOUND)
        return is_referer_ours(req, config);
    return span_equal(site, SPAN("same-origin")) || span_equal(site, SPAN("none"));
}

void handshake_share(const struct http_request *req, enum handshake_origin origin,
                     struct http_response *res)
{
    if (origin == ORIGIN_OURS)
        http_add_lines(res,
                       "Access-Control-Allow-Origin: %.*s\r\n"
                       "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n",
                       SPAN_ARGS(http_header(req, SPAN("Origin"))));
}

struct span handshake_token(const struct http_request *req)
{
    return http_token(req);
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

int handshake_websocket(const struct http_request *req, const struct config *config,
                        struct upgrade *out, const char **why, const char **headers)
{
    struct span token = handshake_token(req);
    enum handshake_origin origin = handshake_origin(req, config);
    int status = handshake_upgrade(req, out, why, headers);

    if (status)
        return status;
    *why = "unknown subprotocol";
    if (!is_subprotocol_ours(req, out))
        return 400;
    *why = "origin not allowed";
    if (origin == ORIGIN_FOREIGN || (origin != ORIGIN_OURS && token.p))
        return 403;
    return take_token(token, out, why) ? 0 : 400;
}

int handshake_events(const struct http_request *req, const struct config *config,
                     struct upgrade *out, const char **why)
{
    struct span token = handshake_token(req);

    *why = "origin not allowed";
    if (!handshake_is_vouched_for(req, config, handshake_origin(req, config)))
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
    res->why = why;
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
