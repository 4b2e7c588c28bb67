/* SPDX-License-Identifier: MIT */
/* address.h - where to listen or connect, as written in doorbell.conf: unix:/path, host:port,
 * [v6]:port, or fd:N for a descriptor inherited at start. Parsing is pure; address_listen() is not.
 */
#ifndef DOORBELL_COMMON_ADDRESS_H
#define DOORBELL_COMMON_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum address_type { ADDRESS_UNIX, ADDRESS_TCP, ADDRESS_INHERITED };

struct address {
    enum address_type type;
    char host[256]; /* the path of ADDRESS_UNIX; a numeric address or a name of ADDRESS_TCP */
    uint16_t port;  /* of ADDRESS_TCP */
    int fd;         /* of ADDRESS_INHERITED */
};

MUST_USE enum err address_parse(struct span text, struct address *out);

bool address_equal(const struct address *a, const struct address *b);

/* Opens a non-blocking, close-on-exec listener, or checks and takes the inherited one. A stale unix
 * socket that nobody listens on is replaced, a live one refused. mode and group (may be NULL or
 * empty) are those of a unix socket, which nobody can reach before it has them; the umask is
 * changed meanwhile, so call it before threads start. On failure logs why and what to do, and
 * returns ERR_INVALID if only the operator can mend it, ERR_UNAVAILABLE if it may pass. Caller owns
 * *fd. */
MUST_USE enum err address_listen(const struct address *a, mode_t mode, const char *group, int *fd);

/* Removes the file of a unix socket; does nothing for the others. */
void address_unlink(const struct address *a);

#endif
