/* SPDX-License-Identifier: MIT */
/* Whoever is let in: the head composed for the WebSocket library is small, well formed, and holds
 * nothing of the client's but a well-formed key. */
#include "relay/access/handshake.h"

#include <stdlib.h>
#include <string.h>

static void check_composed(const struct upgrade *upgrade)
{
    char head[HANDSHAKE_HEAD_MAX];
    size_t len = handshake_compose_head(upgrade, head);
    struct http_request req;
    struct span key;

    if (len >= HANDSHAKE_HEAD_MAX || upgrade->token.len > TOKEN_MAX ||
        http_decode_head((struct span){head, len}, HTTP_LINE_MAX, &req) || req.head_len != len)
        abort();
    key = http_header(&req, SPAN("Sec-WebSocket-Key"));
    if (key.len != 24 || !span_equal(req.path, SPAN("/ws")) || req.header_count > 6 ||
        !span_equal(http_header(&req, SPAN("Upgrade")), SPAN("websocket")))
        abort();
}

static void check(const struct http_request *req, const struct config *config)
{
    struct upgrade upgrade = {0};
    const char *why, *headers;

    if (handshake_websocket(req, config, &upgrade, &why, &headers) == 0)
        check_composed(&upgrade);
    if (handshake_events(req, config, &upgrade, &why) == 0 &&
        (upgrade.token.len == 0 || upgrade.token.len > TOKEN_MAX))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char item[] = "https://a.example:*";
    static char *items[] = {item, NULL};
    const struct config listed = {.auth.origins = {items, 1}}, own = {.auth.origins = {items, 0}};
    struct http_request req;

    if (http_decode_head((struct span){(const char *)data, size}, HTTP_LINE_MAX, &req))
        return 0;
    check(&req, &listed);
    check(&req, &own);
    return 0;
}
