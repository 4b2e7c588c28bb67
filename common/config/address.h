/* SPDX-License-Identifier: MIT */
/* address.h - where to listen or connect, as written in doorbell.conf: unix:/path, host:port,
 * [v6]:port, or fd:N for a descriptor inherited at start. Pure. */
#ifndef DOORBELL_COMMON_ADDRESS_H
#define DOORBELL_COMMON_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { ADDRESS_TEXT_MAX = 272 /* of address_format() */ };

enum address_type { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_INHERITED };

struct address {
    enum address_type type;
    char host[256]; /* the path of ADDRESS_UNIX; a numeric address or a name of ADDRESS_TCP */
    uint16_t port;  /* of ADDRESS_TCP */
    int fd;         /* of ADDRESS_INHERITED */
};

MUST_USE enum err address_parse(struct span text, struct address *out);

/* As it is written in doorbell.conf. */
void address_format(const struct address *a, char out[ADDRESS_TEXT_MAX]);

bool address_equal(const struct address *a, const struct address *b);

#endif
