/* SPDX-License-Identifier: MIT */
/* relay_client.h - calls of doorbell-relay's publish port, over one kept connection. For one
 * thread. */
#ifndef DOORBELL_FCGI_APP_WORKERS_RELAY_CLIENT_H
#define DOORBELL_FCGI_APP_WORKERS_RELAY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/shared/snapshot.h"

struct relay_client;

/* Does not connect. Caller owns *out. */
MUST_USE enum err relay_client_new(struct relay_client **out);
void relay_client_free(struct relay_client *c);

/* Takes the relay's address and key from `snapshot`, unless it has them; the kept connection
 * survives that. Before the first call, and whenever there may be another one. */
MUST_USE enum err relay_client_configure(struct relay_client *c, const struct snapshot *snapshot);

/* One POST /publish. ERR_INVALID: the relay refuses this body, and always will. ERR_UNAVAILABLE:
 * worth trying again, and relay_client_fault() says why it failed. */
MUST_USE enum err relay_client_publish(struct relay_client *c, struct span body);

/* One POST /online, one POST /revocations; *reply is borrowed until the next call. ERR_INVALID also
 * from a relay of a version that does not know this call. */
MUST_USE enum err relay_client_ask(struct relay_client *c, struct span body, struct span *reply);
MUST_USE enum err relay_client_revoke(struct relay_client *c, struct span body, struct span *reply);

/* By how many seconds the relay's clock was ahead of ours at the last call. */
int64_t relay_client_ahead_s(const struct relay_client *c);

/* Whether calls have gone to another address than those before, until it is settled. Pages may have
 * been there before us, while we rang at the old one. */
bool relay_client_has_moved(const struct relay_client *c);
void relay_client_settle(struct relay_client *c);

/* A sentence for the operator, until the next call. */
const char *relay_client_fault(const struct relay_client *c);

#endif
