/* SPDX-License-Identifier: MIT */
/* Whoever is let in: the head composed for the WebSocket library is small, well formed, and holds
 * nothing of the client's but a well-formed key. */
#include "relay/access/handshake.h"

#include <stdlib.h>
#include <string.h>

static void check_composed(const struct admission *a)
{
    struct http_request req;
    struct span key;

    if (a->head_len >= HANDSHAKE_HEAD_MAX || a->token_len > TOKEN_MAX ||
        http_decode_head((struct span){a->head, a->head_len}, &req) || req.head_len != a->head_len)
        abort();
    key = http_header(&req, SPAN("Sec-WebSocket-Key"));
    if (key.len != 24 || !span_equal(req.path, SPAN("/ws")) || req.header_count > 6 ||
        !span_equal(http_header(&req, SPAN("Upgrade")), SPAN("websocket")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char item[] = "https://a.example:*";
    static char *items[] = {item, NULL};
    static struct admission a;
    struct config_list listed = {items, 1}, own = {items, 0};
    struct http_request req;
    const char *why, *headers;

    if (http_decode_head((struct span){(const char *)data, size}, &req))
        return 0;
    if (handshake_request(&req, &listed, &a, &why, &headers) == 101)
        check_composed(&a);
    if (handshake_request(&req, &own, &a, &why, &headers) == 101)
        check_composed(&a);
    return 0;
}
