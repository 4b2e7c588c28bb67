/* SPDX-License-Identifier: MIT */
/* forwarded.h - where a request is from, and what its browser asked for, as the trusted web servers
 * and load balancers before us tell it: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239).
 * Pure. */
#ifndef DOORBELL_COMMON_FORWARDED_H
#define DOORBELL_COMMON_FORWARDED_H

#include "common/bytes/span.h"
#include "common/config/config.h"
#include "common/text/ip.h"

enum forwarded_field {
    FORWARDED_FOR,
    FORWARDED_PROTO,
    FORWARDED_HOST,
    FORWARDED_STANDARD,
    FORWARDED_FIELD_COUNT,
};

enum { FORWARDED_LINES_MAX = 4 /* of one field; of more only the last ones count */ };

/* The fields of a request; borrows. Starts zeroed. */
struct forwarded {
    struct {
        struct span lines[FORWARDED_LINES_MAX];
        size_t count;
    } fields[FORWARDED_FIELD_COUNT];
};

/* Adds a field in the order of the request. */
void forwarded_add(struct forwarded *f, enum forwarded_field field, struct span value);

/* The field of that name, letters of any case; FORWARDED_FIELD_COUNT: it is another. */
enum forwarded_field forwarded_field_of(struct span name);

/* Where a request comes from, and what it asked for. */
struct forwarded_source {
    struct ip peer;     /* the connection's; none: a unix socket */
    struct span scheme; /* http or https; empty: it is not known */
    struct span host;
};

/* Whether what an address says is believed; that of a unix socket is none. */
bool forwarded_is_trusted(const struct ip *ip, const struct config_list *trusted);

/* Goes back over as many trusted proxies as follow each other, each of which says whom it served
 * and what it was asked for: what comes before the first other one is anybody's claim. `trusted`
 * has networks, and "unix". Uses *f up. */
void forwarded_follow(struct forwarded *f, const struct config_list *trusted,
                      struct forwarded_source *source);

#endif
