/* SPDX-License-Identifier: MIT */
#include "common/security/origin.h"

struct origin {
    struct span scheme;
    struct span host; /* an IPv6 address with its brackets */
    struct span port; /* as digits, or "*" in the list */
};

/* The port that is meant by none. */
static struct span default_port(struct span scheme)
{
    return span_equal_nocase(scheme, SPAN("https")) ? SPAN("443") : SPAN("80");
}

/* host[:port]; an IPv6 address is in brackets */
static bool split_authority(struct span authority, struct origin *out)
{
    size_t end = authority.len;

    for (size_t i = authority.len; i > 0 && authority.p[i - 1] != ']'; i--)
        if (authority.p[i - 1] == ':')
            end = i - 1;
    out->host = (struct span){authority.p, end};
    out->port = default_port(out->scheme);
    if (end < authority.len)
        out->port = (struct span){authority.p + end + 1, authority.len - end - 1};
    return out->host.len > 0 && out->port.len > 0;
}

static bool split(struct span text, struct origin *out)
{
    out->scheme = span_cut(&text, ':');
    if (!text.p || !span_starts_with(text, SPAN("//")))
        return false;
    return split_authority((struct span){text.p + 2, text.len - 2}, out);
}

static bool is_same_host(const struct origin *a, const struct origin *b)
{
    return span_equal_nocase(a->scheme, b->scheme) && span_equal_nocase(a->host, b->host);
}

static bool is_listed(const struct config_list *list, const struct origin *asked)
{
    struct origin item;

    for (size_t i = 0; i < list->count; i++) {
        if (split(span_of(list->items[i]), &item) && is_same_host(&item, asked) &&
            (span_equal(item.port, SPAN("*")) || span_equal(item.port, asked->port)))
            return true;
    }
    return false;
}

static bool is_own(const struct origin *asked, struct span scheme, struct span host)
{
    struct origin own = {.scheme = scheme.len > 0 ? scheme : asked->scheme};

    if (!span_equal_nocase(own.scheme, SPAN("http")) &&
        !span_equal_nocase(own.scheme, SPAN("https")))
        return false;
    return split_authority(host, &own) && is_same_host(&own, asked) &&
           span_equal(own.port, asked->port);
}

bool origin_is_allowed(const struct config_list *list, struct span origin, struct span scheme,
                       struct span host)
{
    struct origin asked;

    if (!split(origin, &asked))
        return false;
    return list->count > 0 ? is_listed(list, &asked) : is_own(&asked, scheme, host);
}
