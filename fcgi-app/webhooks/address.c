/* SPDX-License-Identifier: MIT */
#include "fcgi-app/webhooks/address.h"

#include <stddef.h>

/* The registries of RFC 6890: this host, private and shared networks, links, documentation,
 * benchmarks, multicast, what is reserved; and ways to write an IPv4 address in an IPv6 one. */
static const char *const special[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "64:ff9b::/96",  "64:ff9b:1::/48",  "100::/64",       "2001::/23",      "2001:db8::/32",
    "2002::/16",     "3fff::/20",       "fc00::/7",       "fe80::/10",      "fec0::/10",
    "5f00::/16",     "ff00::/8",
};

static bool is_within(const struct ip *ip, const char *text)
{
    struct ip_network network;

    return ip_network_parse(span_of(text), &network) == ERR_NONE && ip_is_within(ip, &network);
}

/* ::/96, in which :: and ::1 are; all that is IPv4 is kept as ::ffff:a.b.c.d. */
static bool has_no_network(const struct ip *ip)
{
    for (size_t i = 0; i < 12; i++)
        if (ip->bytes[i] != 0)
            return false;
    return true;
}

bool address_is_allowed(const struct ip *ip, const struct config_list *networks)
{
    for (size_t i = 0; i < networks->count; i++)
        if (is_within(ip, networks->items[i]))
            return true;
    if (has_no_network(ip))
        return false;
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (is_within(ip, special[i]))
            return false;
    return true;
}
