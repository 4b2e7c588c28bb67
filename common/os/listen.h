/* SPDX-License-Identifier: MIT */
/* listen.h - listening sockets at the addresses of doorbell.conf. */
#ifndef DOORBELL_COMMON_LISTEN_H
#define DOORBELL_COMMON_LISTEN_H

#include <sys/types.h>

#include "common/bytes/err.h"
#include "common/config/address.h"

/* Opens a non-blocking, close-on-exec listener, or checks and takes the inherited one. A stale unix
 * socket that nobody listens on is replaced, a live one refused. mode and group (may be NULL or
 * empty) are those of a unix socket, which nobody can reach before it has them; the umask is
 * changed meanwhile, so call it before threads start. On failure logs why and what to do, and
 * returns ERR_INVALID if only the operator can mend it, ERR_UNAVAILABLE if it may pass. Caller owns
 * *fd. */
MUST_USE enum err listen_open(const struct address *a, mode_t mode, const char *group, int *fd);

/* Removes the file of a unix socket; does nothing for the others. */
void listen_unlink(const struct address *a);

#endif
