/* SPDX-License-Identifier: MIT */
/* site.h - the relay as one of the several of a site: joins the link to Redis, the cluster's
 * decisions, the engine and the publish port. */
#ifndef DOORBELL_RELAY_SERVER_SITE_H
#define DOORBELL_RELAY_SERVER_SITE_H

#include "relay/engine/engine.h"
#include "relay/publish/api.h"

struct ev_loop;
struct site;

/* Begins to link. Borrows all. ERR_NO_MEMORY, ERR_UNAVAILABLE. Caller owns *out. */
MUST_USE enum err site_new(struct ev_loop *loop, struct engine *e, struct api *api,
                           const struct config *config, const struct secrets *secrets,
                           struct site **out);

/* Tells the others that this relay goes. */
void site_free(struct site *site);

/* After engine_configure(). */
void site_configure(struct site *site, const struct config *config, const struct secrets *secrets);

#endif
