/* SPDX-License-Identifier: MIT */
/* What a header claims decides nothing unless the peer is trusted; and whatever address comes of it
 * is one, which reads back from its text as the same. */
#include "relay/http/realip.h"

#include <stdlib.h>
#include <string.h>

static void check_address(const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    struct ip again;

    ip_format(ip, text);
    if (ip_is_none(ip) || ip_parse(span_of(text), &again) || memcmp(ip, &again, sizeof(again)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char loopback[] = "127.0.0.0/8", network[] = "2001:db8::/32";
    static char *items[] = {loopback, network, NULL};
    struct config_list trusted = {items, 2};
    struct http_request req;
    struct ip ip;

    if (http_decode_head((struct span){(const char *)data, size}, HTTP_LINE_MAX, &req))
        return 0;
    if (ip_parse(SPAN("192.0.2.1"), &req.peer))
        abort();
    ip = req.peer;
    realip_resolve(&req, &trusted);
    if (memcmp(&ip, &req.peer, sizeof(ip)) != 0 || req.scheme.len > 0)
        abort();
    if (ip_parse(SPAN("127.0.0.1"), &req.peer))
        abort();
    realip_resolve(&req, &trusted);
    check_address(&req.peer);
    return 0;
}
