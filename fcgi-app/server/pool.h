/* SPDX-License-Identifier: MIT */
/* pool.h - the listener and all connections of web servers, shared by the workers. A connection
 * occupies a worker only while a whole request waits on it: those that are idle, silent or sent
 * half a request are watched by one epoll and cost no worker. */
#ifndef DOORBELL_FCGI_APP_SERVER_POOL_H
#define DOORBELL_FCGI_APP_SERVER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"

struct gate;

/* `listener` is non-blocking and stays the caller's. When all of max_connections are taken, a new
 * connection takes the place of the one that has been idle for longest, or waits until one has been
 * idle for a while. Caller owns *out. */
MUST_USE enum err gate_new(int listener, size_t max_connections, struct gate **out);

/* Closes the connections; no worker may be left. */
void gate_free(struct gate *g);

/* What a worker keeps between two calls of gate_next(). */
struct gate_seat {
    int stops_seen; /* in a row */
    bool has_more; /* something came on `fd` while the worker had it: it is to be looked at first */
    int fd;
};

/* Waits for a connection with a whole request (or so much of a big one that its sender is busy with
 * the rest), which is then the caller's until one of the four calls below. False: the gate was
 * stopped, and all that had arrived before has been taken. */
bool gate_next(struct gate *g, struct gate_seat *seat, int *fd);

/* Gives a connection back to be watched for its next request; a stopped gate closes it. */
void gate_park(struct gate *g, struct gate_seat *seat, int fd);

void gate_close(struct gate *g, int fd);

/* Closes a connection on which unread bytes may wait or still come: not at once, since that would
 * take the answer away from the peer, but when he has closed it, or after a while. */
void gate_linger(struct gate *g, struct gate_seat *seat, int fd);

/* The connection has been closed by libfcgi. */
void gate_forget(struct gate *g);

/* Makes every gate_next() return, soon. For any thread. */
void gate_stop(struct gate *g);

#endif
