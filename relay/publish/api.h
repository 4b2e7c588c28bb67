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
#include "relay/http/http.h"
#include "relay/metrics/metrics.h"
#include "relay/session/epoch.h"
#include "relay/session/hub.h"

struct api_ops {
    /* Rings every session of that user, *count of them. ERR_TOO_BIG: its text is longer than a
     * client can be told; ERR_NO_MEMORY. Nobody is rung then. */
    enum err (*ring_user)(void *ctx, struct span user, const struct ring *ring, size_t *count);

    /* Starts a broadcast, to *count sessions. Errors as above, and ERR_TOO_MANY: too many texts are
     * under way already. Nothing is started then. */
    enum err (*ring_all)(void *ctx, const struct ring *ring, size_t *count);

    /* Takes what a call tells of the database, as epoch_learn(). */
    void (*learn)(void *ctx, const struct epoch_name *name, int64_t seq);
};

struct api {
    const struct config *config;
    const struct secrets *secrets;
    struct hub *hub;
    struct revocations *revocations;
    struct metrics *metrics;
    const struct api_ops *ops;
    void *ctx;
    struct token_bucket rate;         /* of publish calls with the key */
    struct token_bucket keyless_rate; /* of calls without it, but for GET /health */
    struct instant started;
    struct instant now; /* of this turn */
    bool is_local;      /* the publish listener can only be reached from this machine */
    bool is_draining;
    bool has_seen_zero; /* a legacy call meant everybody by to=0 */
};

/* Whether the head alone refuses the request, by the answer that is then in *res: its body is not
 * to be read. */
bool api_refuses(struct api *api, const struct http_request *req, struct http_response *res);

/* Answers a request that is not refused. res->body is initialised by the caller, here and above. */
void api_handle(struct api *api, struct http_request *req, struct http_response *res);

/* --- for the calls --- */

bool api_has_key(const struct api *api, struct span key);

/* Counts one more call of those with the key, or of those without it: whether it is one too many in
 * this second. */
bool api_is_too_fast(struct api *api, bool has_key);

/* Writes the answer of a refusal. */
enum err api_refuse(struct http_response *res, int status, const char *message);

#endif
