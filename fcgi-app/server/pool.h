/* SPDX-License-Identifier: MIT */
/* pool.h - the listener and all connections of web servers, shared by the workers. A connection
 * occupies a worker only while a whole request waits on it: one that is idle, silent, or has sent
 * half a request costs no worker. */
#ifndef DOORBELL_FCGI_APP_SERVER_POOL_H
#define DOORBELL_FCGI_APP_SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"

struct pool;

/* `listener` is non-blocking and stays the caller's. When all of max_connections are taken, a new
 * connection takes the place of the one that has been idle for longest, or waits until one has been
 * idle for a while. Caller owns *out. */
MUST_USE enum err pool_new(int listener, size_t max_connections, struct pool **out);

/* Closes the connections; no worker may be left. */
void pool_free(struct pool *p);

/* What a worker keeps between two calls of pool_next(). Zeroed at first. */
struct pool_cursor {
    int stops_seen; /* in a row */
    bool has_more;  /* something came on `fd` while the worker had it: look there first */
    int fd;
};

/* Waits for a connection with a whole request, or with so much of a big one that its sender is busy
 * with the rest. It is then the caller's until one of the three calls below. False: the pool was
 * stopped, and all that had arrived before has been taken. */
bool pool_next(struct pool *p, struct pool_cursor *cursor, int *fd);

/* Gives a connection back to be watched for its next request; a stopped pool closes it. */
void pool_park(struct pool *p, struct pool_cursor *cursor, int fd);

void pool_close(struct pool *p, int fd);

/* Closes a connection on which unread bytes may wait or still come: not at once, since the peer
 * might then lose the reply, but when the peer has closed it, or after a while. */
void pool_linger(struct pool *p, struct pool_cursor *cursor, int fd);

/* Makes every pool_next() return, soon. For any thread. */
void pool_stop(struct pool *p);

#endif
