/* SPDX-License-Identifier: MIT */
/* ip.h - IP addresses and networks as text, and whether one is within the other. Pure. */
#ifndef DOORBELL_COMMON_IP_H
#define DOORBELL_COMMON_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct sockaddr;

enum { IP_TEXT_MAX = 48 };

/* IPv4 is kept as ::ffff:a.b.c.d; all zero is no address, as for the peer of a unix socket. */
struct ip {
    uint8_t bytes[16];
};

struct ip_network {
    struct ip ip;
    unsigned bits; /* of the 128 that are the network's */
};

bool ip_is_none(const struct ip *ip);

/* A numeric address of either family, nothing around it. */
MUST_USE enum err ip_parse(struct span text, struct ip *out);

/* "unix" for no address. */
void ip_format(const struct ip *ip, char out[IP_TEXT_MAX]);

/* The address of a peer; none for a family other than the two. */
struct ip ip_of_sockaddr(const struct sockaddr *a);

/* address or address/bits. Host bits that are set are malformed: most likely a slip. */
MUST_USE enum err ip_network_parse(struct span text, struct ip_network *out);

bool ip_is_within(const struct ip *ip, const struct ip_network *network);

#endif
