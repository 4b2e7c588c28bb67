/* SPDX-License-Identifier: MIT */
#include "common/text/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static struct ip of_v4(const void *bytes)
{
    struct ip ip;

    memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(ip.bytes + sizeof(v4_prefix), bytes, 4);
    return ip;
}

bool ip_is_none(const struct ip *ip)
{
    static const struct ip none;

    return memcmp(ip, &none, sizeof(none)) == 0;
}

enum err ip_parse(struct span text, struct ip *out)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct ip ip;

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.p, '\0', text.len))
        return ERR_MALFORMED;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &v4) == 1)
        ip = of_v4(&v4);
    else if (inet_pton(AF_INET6, copy, ip.bytes) != 1 || ip_is_none(&ip))
        return ERR_MALFORMED;
    *out = ip;
    return ERR_NONE;
}

void ip_format(const struct ip *ip, char out[IP_TEXT_MAX])
{
    if (ip_is_none(ip))
        snprintf(out, IP_TEXT_MAX, "unix");
    else if (is_v4(ip))
        (void)inet_ntop(AF_INET, ip->bytes + sizeof(v4_prefix), out, IP_TEXT_MAX);
    else
        (void)inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_MAX);
}

struct ip ip_of_sockaddr(const struct sockaddr *a)
{
    struct ip ip = {{0}};
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (a->sa_family == AF_INET) {
        memcpy(&v4, a, sizeof(v4));
        return of_v4(&v4.sin_addr);
    }
    if (a->sa_family == AF_INET6) {
        memcpy(&v6, a, sizeof(v6));
        memcpy(ip.bytes, &v6.sin6_addr, sizeof(ip.bytes));
    }
    return ip;
}

enum err ip_network_parse(struct span text, struct ip_network *out)
{
    struct span bits = text;
    struct span address = span_cut(&bits, '/');
    struct ip_network network;
    int64_t n, max;

    if (ip_parse(address, &network.ip))
        return ERR_MALFORMED;
    max = is_v4(&network.ip) ? 32 : 128;
    n = max;
    if (bits.p && (span_parse_int(bits, &n) || n < 0 || n > max))
        return ERR_MALFORMED;
    network.bits = (unsigned)(n + 128 - max);
    for (unsigned i = network.bits; i < 128; i++) {
        if (network.ip.bytes[i / 8] & (0x80 >> i % 8))
            return ERR_MALFORMED;
    }
    *out = network;
    return ERR_NONE;
}

bool ip_is_within(const struct ip *ip, const struct ip_network *network)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    unsigned differ;

    if (memcmp(ip->bytes, network->ip.bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    differ = (unsigned)(ip->bytes[whole] ^ network->ip.bytes[whole]);
    return differ >> (8 - rest) == 0;
}
