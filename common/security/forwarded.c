/* SPDX-License-Identifier: MIT */
/* forwarded.c - the lists are cut from their ends, an item of each for each proxy: it adds one when
 * it passes a request on, or sets a field anew, which is then a list of one. Where the items of
 * X-Forwarded-... end, those of Forwarded go on, of a proxy further away that speaks only that. */
#include "common/security/forwarded.h"

#include <string.h>

/* What one proxy says. */
struct hop {
    struct span peer, scheme, host;
};

void forwarded_add(struct forwarded *f, enum forwarded_field field, struct span value)
{
    struct span *lines = f->fields[field].lines;
    size_t *count = &f->fields[field].count;

    if (*count == FORWARDED_LINES_MAX) {
        memmove(lines, lines + 1, sizeof(*lines) * (FORWARDED_LINES_MAX - 1));
        --*count;
    }
    lines[(*count)++] = value;
}

enum forwarded_field forwarded_field_of(struct span name)
{
    static const char *const names[FORWARDED_FIELD_COUNT] = {
        [FORWARDED_FOR] = "X-Forwarded-For",
        [FORWARDED_PROTO] = "X-Forwarded-Proto",
        [FORWARDED_HOST] = "X-Forwarded-Host",
        [FORWARDED_STANDARD] = "Forwarded",
    };
    enum forwarded_field field = FORWARDED_FOR;

    while (field < FORWARDED_FIELD_COUNT && !span_equal_nocase(name, span_of(names[field])))
        field++;
    return field;
}

/* Cuts the last item off a list. */
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

/* Cuts the last item off a field's lists; empty where there is none. */
static struct span take_item(struct forwarded *f, enum forwarded_field field)
{
    struct span *lines = f->fields[field].lines;
    size_t *count = &f->fields[field].count;
    struct span item;

    if (*count == 0)
        return SPAN("");
    item = cut_last(&lines[*count - 1]);
    if (lines[*count - 1].len == 0)
        --*count;
    return item;
}

static struct span unquote(struct span s)
{
    if (s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"')
        return (struct span){s.p + 1, s.len - 2};
    return s;
}

/* RFC 7239 4: for=...;proto=...;host=... */
static void read_standard(struct span element, struct hop *hop)
{
    while (element.p) {
        struct span value = span_cut(&element, ';');
        struct span name = span_trim(span_cut(&value, '='));

        value = unquote(span_trim(value));
        if (span_equal_nocase(name, SPAN("for")))
            hop->peer = value;
        else if (span_equal_nocase(name, SPAN("proto")))
            hop->scheme = value;
        else if (span_equal_nocase(name, SPAN("host")))
            hop->host = value;
    }
}

/* False: nobody has said more. */
static bool take_hop(struct forwarded *f, struct hop *hop)
{
    struct span element;

    hop->peer = take_item(f, FORWARDED_FOR);
    hop->scheme = take_item(f, FORWARDED_PROTO);
    hop->host = take_item(f, FORWARDED_HOST);
    if (hop->peer.len > 0 || hop->scheme.len > 0 || hop->host.len > 0)
        return true;
    element = take_item(f, FORWARDED_STANDARD);
    read_standard(element, hop);
    return element.len > 0;
}

bool forwarded_is_trusted(const struct ip *ip, const struct config_list *trusted)
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

/* An address, perhaps with a port, which an IPv6 address needs brackets for. */
static enum err parse_peer(struct span text, struct ip *out)
{
    struct span rest = text, address;

    if (text.len > 0 && text.p[0] == '[') {
        address = span_cut(&rest, ']');
        address = (struct span){address.p + 1, address.len - 1};
        return rest.p && (rest.len == 0 || rest.p[0] == ':') ? ip_parse(address, out)
                                                             : ERR_MALFORMED;
    }
    address = span_cut(&rest, ':');
    return ip_parse(rest.p && !memchr(rest.p, ':', rest.len) ? address : text, out);
}

static void take_scheme(struct span said, struct forwarded_source *source)
{
    if (span_equal_nocase(said, SPAN("https")) || span_equal_nocase(said, SPAN("wss")))
        source->scheme = SPAN("https");
    else if (span_equal_nocase(said, SPAN("http")) || span_equal_nocase(said, SPAN("ws")))
        source->scheme = SPAN("http");
}

void forwarded_follow(struct forwarded *f, const struct config_list *trusted,
                      struct forwarded_source *source)
{
    struct hop hop;

    while (forwarded_is_trusted(&source->peer, trusted) && take_hop(f, &hop)) {
        take_scheme(hop.scheme, source);
        if (hop.host.len > 0)
            source->host = hop.host;
        if (hop.peer.len > 0 && parse_peer(hop.peer, &source->peer))
            return;
    }
}
