/* SPDX-License-Identifier: MIT */
/* api.h - the publish port: which calls there are, who may make them, and what they do. How a ring
 * gets to a session is the server's, by functions given at birth. Pure. */
#ifndef DOORBELL_RELAY_PUBLISH_API_H
#define DOORBELL_RELAY_PUBLISH_API_H

#include <stdbool.h>

#include "common/config/config.h"
#include "common/limits/token_bucket.h"
#include "common/security/secrets.h"
#include "relay/access/revocations.h"
#include "relay/cluster/cluster.h"
#include "relay/http/http.h"
#include "relay/metrics/metrics.h"
#include "relay/publish/told.h"
#include "relay/session/epoch.h"
#include "relay/session/hub.h"

struct published_ring;
struct revoked;

struct api_ops {
    /* Rings every session of that user, *count of them. ERR_TOO_BIG: its text is longer than a
     * client can be told; ERR_NO_MEMORY. Nobody is rung then. */
    enum err (*ring_user)(void *ctx, struct span user, const struct ring *ring, size_t *count);

    /* Starts a broadcast, to *count sessions. Errors as above, and ERR_TOO_MANY: too many texts are
     * under way already. Nothing is started then. */
    enum err (*ring_all)(void *ctx, const struct ring *ring, size_t *count);

    /* Takes what a call tells of the database, as epoch_learn(). */
    void (*learn)(void *ctx, const struct epoch_name *name, int64_t seq);

    /* Answers a parked call. Not needed without a cluster. */
    void (*answer)(struct http_conn *parked, struct http_response *res);
};

struct api {
    const struct config *config;
    const struct secrets *secrets;
    struct hub *hub;
    struct revocations *revocations;
    struct metrics *metrics;
    const struct api_ops *ops;
    void *ctx;
    struct cluster *cluster;          /* NULL: there are no other relays */
    struct told shared;               /* what they were told of the database */
    struct token_bucket rate;         /* of publish calls with the key */
    struct token_bucket keyless_rate; /* of calls without it, but for GET /health */
    struct instant started;
    struct instant now; /* of this turn */
    bool is_local;      /* the publish listener can only be reached from this machine */
    bool is_draining;
    bool is_parked;     /* the call that is handled waits for other relays */
    bool has_seen_zero; /* a legacy call meant everybody by to=0 */
};

/* Whether the head alone refuses the request, by the answer that is then in *res: its body is not
 * to be read. */
bool api_refuses(struct api *api, const struct http_request *req, struct http_response *res);

/* Answers a request that is not refused. res->body is initialised by the caller, here and above.
 * True: it is parked, and answered later by api_ops.answer(). */
bool api_handle(struct api *api, struct http_request *req, struct http_response *res);

/* The same of one whose head or body its connection refuses, by res->status. */
void api_note_refusal(struct api *api, struct http_response *res);

/* --- for the calls --- */

bool api_has_key(const struct api *api, struct span key);

/* Counts one more call of those with the key, or of those without it: whether it is one too many in
 * this second. */
bool api_is_too_fast(struct api *api, bool has_key);

/* Delivers one ring to the sessions of this relay. Returns how many. */
size_t api_deliver(struct api *api, const struct published_ring *pr);

/* Rings one user of it. */
size_t api_deliver_to(struct api *api, const struct published_ring *pr, struct span user);

/* How many sessions the user has here. */
size_t api_count_sessions(const struct api *api, struct span user);

/* Refuses the user's tokens of until then and closes all their sessions, *count of them. */
MUST_USE enum err api_kick(struct api *api, struct span user, int64_t at_us, size_t *count);

/* Takes revocations in, and closes *count sessions for them. */
MUST_USE enum err api_revoke(struct api *api, struct revoked *list, size_t *count);

/* Writes the answer of a refusal. */
enum err api_refuse(struct http_response *res, int status, const char *message);

#endif
