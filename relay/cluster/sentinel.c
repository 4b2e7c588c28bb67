/* SPDX-License-Identifier: MIT */
#include "relay/cluster/sentinel.h"

#include <string.h>

#include "common/text/ip.h"

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

static bool is_host_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_name_character(s.p[i]))
            return false;
    return s.len > 0 && s.p[0] != '-' && s.p[0] != '.';
}

static bool is_host(struct span s)
{
    struct ip ip;

    return is_host_name(s) || !ip_parse(s, &ip);
}

enum err sentinel_parse_master(struct span host, struct span port, struct address *out)
{
    struct address a = {.type = ADDRESS_TCP, .fd = -1};
    int64_t n;

    if (host.len >= sizeof(a.host) || !is_host(host) || port.len > 5 || span_parse_int(port, &n) ||
        n < 1 || n > UINT16_MAX)
        return ERR_MALFORMED;
    memcpy(a.host, host.p, host.len);
    a.port = (uint16_t)n;
    *out = a;
    return ERR_NONE;
}
