/* SPDX-License-Identifier: MIT */
#include "common/config/address.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What struct sockaddr_un takes, on Linux; common/os/listen.c checks it. */
enum { UNIX_PATH_MAX = 107 };

static enum err copy_host(struct span text, size_t max, struct address *a)
{
    if (text.len == 0 || span_has_control(text))
        return ERR_MALFORMED;
    if (text.len > max)
        return ERR_TOO_BIG;
    memcpy(a->host, text.p, text.len);
    a->host[text.len] = '\0';
    return ERR_NONE;
}

static enum err parse_unix(struct span path, struct address *a)
{
    a->type = ADDRESS_UNIX;
    if (!span_starts_with(path, SPAN("/")))
        return ERR_MALFORMED;
    return copy_host(path, UNIX_PATH_MAX, a);
}

static enum err parse_inherited(struct span number, struct address *a)
{
    int64_t fd;

    a->type = ADDRESS_INHERITED;
    if (span_parse_int(number, &fd) || fd < 0 || fd > 65535)
        return ERR_MALFORMED;
    a->fd = (int)fd;
    return ERR_NONE;
}

/* The port follows the last colon; a host that contains colons is in brackets. */
static enum err parse_tcp(struct span text, struct address *a)
{
    struct span host = text;
    bool has_colon;
    int64_t port;

    a->type = ADDRESS_TCP;
    while (host.len > 0 && host.p[host.len - 1] != ':')
        host.len--;
    if (host.len == 0)
        return ERR_MALFORMED;
    if (span_parse_int((struct span){text.p + host.len, text.len - host.len}, &port) ||
        text.p[host.len] == '-' || port > 65535)
        return ERR_MALFORMED;
    a->port = (uint16_t)port;
    host.len--;
    has_colon = host.len > 0 && memchr(host.p, ':', host.len);
    if (has_colon != (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']'))
        return ERR_MALFORMED;
    if (has_colon)
        host = (struct span){host.p + 1, host.len - 2};
    for (size_t i = 0; i < host.len; i++) {
        if (strchr("[] \t/@", host.p[i]))
            return ERR_MALFORMED;
    }
    return copy_host(host, sizeof(a->host) - 1, a);
}

enum err address_parse(struct span text, struct address *out)
{
    struct address a = {.fd = -1};
    struct span rest = text;
    struct span scheme = span_cut(&rest, ':');
    enum err e;

    if (span_equal(scheme, SPAN("unix")))
        e = parse_unix(rest, &a);
    else if (span_equal(scheme, SPAN("fd")))
        e = parse_inherited(rest, &a);
    else
        e = parse_tcp(text, &a);
    if (!e)
        *out = a;
    return e;
}

void address_format(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
    if (a->type == ADDRESS_UNIX)
        (void)snprintf(out, ADDRESS_TEXT_MAX, "unix:%s", a->host);
    else if (a->type == ADDRESS_INHERITED)
        (void)snprintf(out, ADDRESS_TEXT_MAX, "fd:%d", a->fd);
    else
        (void)snprintf(out, ADDRESS_TEXT_MAX, strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host,
                       (unsigned)a->port);
}

bool address_equal(const struct address *a, const struct address *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == ADDRESS_INHERITED)
        return a->fd == b->fd;
    return strcmp(a->host, b->host) == 0 && (a->type == ADDRESS_UNIX || a->port == b->port);
}
