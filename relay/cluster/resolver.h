/* SPDX-License-Identifier: MIT */
/* resolver.h - a host's address without a wait: libc asks for it in a thread of its own
 * (getaddrinfo_a), and the loop looks whether the answer is there. */
#ifndef DOORBELL_RELAY_CLUSTER_RESOLVER_H
#define DOORBELL_RELAY_CLUSTER_RESOLVER_H

#include <stddef.h>

#include "common/bytes/err.h"

enum { RESOLVER_TEXT_MAX = 64 /* of a numeric address */ };

struct resolver_query;

/* NULL: out of memory, or of threads. */
struct resolver_query *resolver_ask(const char *host);

/* ERR_INCOMPLETE: not yet. Else the query is gone; ERR_UNAVAILABLE: the name has no address.
 * `turn` picks one of several. */
MUST_USE enum err resolver_take(struct resolver_query *q, size_t turn, char out[RESOLVER_TEXT_MAX]);

/* Gives up on it. */
void resolver_cancel(struct resolver_query *q);

#endif
