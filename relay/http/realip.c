/* SPDX-License-Identifier: MIT */
#include "relay/http/realip.h"

#include <string.h>

static bool is_trusted(const struct ip *ip, const struct config_list *trusted)
{
    struct ip_network network;

    for (size_t i = 0; i < trusted->count; i++) {
        struct span item = span_of(trusted->items[i]);

        if (ip_is_none(ip) ? span_equal(item, SPAN("unix"))
                           : !ip_network_parse(item, &network) && ip_is_within(ip, &network))
            return true;
    }
    return false;
}

/* Cuts the last item off a comma-separated list. */
static struct span cut_last(struct span *list)
{
    size_t i = list->len;
    struct span last;

    while (i > 0 && list->p[i - 1] != ',')
        i--;
    last = (struct span){list->p + i, list->len - i};
    list->len = i > 0 ? i - 1 : 0;
    return span_trim(last);
}

/* Goes on along one header. False: the way ends here. */
static bool follow(struct span list, const struct config_list *trusted, struct ip *peer)
{
    while (list.len > 0) {
        if (!is_trusted(peer, trusted) || ip_parse(cut_last(&list), peer))
            return false;
    }
    return true;
}

struct ip realip_of_request(const struct http_request *req, const struct config_list *trusted)
{
    struct ip peer = req->peer;

    /* Of several headers the last one is the nearest proxy's. */
    for (size_t i = req->header_count; i > 0; i--) {
        const struct http_header *h = &req->headers[i - 1];

        if (span_equal_nocase(h->name, SPAN("X-Forwarded-For")) &&
            !follow(h->value, trusted, &peer))
            break;
    }
    return peer;
}

bool realip_is_hidden(const struct http_request *req, const struct config_list *trusted)
{
    struct span ignored;

    return http_find_header(req, SPAN("X-Forwarded-For"), &ignored) != ERR_NOT_FOUND &&
           !is_trusted(&req->peer, trusted);
}
