/* SPDX-License-Identifier: MIT */
/* link.h - the way to Redis on the relay's own loop: asks the sentinels for it where there are
 * some, connects, logs in, subscribes, and does it all again when it is cut. Waits for nothing:
 * names are resolved elsewhere, and what Redis does not take has a ceiling. What is said is the
 * cluster's. */
#ifndef DOORBELL_RELAY_CLUSTER_LINK_H
#define DOORBELL_RELAY_CLUSTER_LINK_H

#include "common/config/address.h"
#include "common/config/config.h"
#include "common/security/secrets.h"
#include "relay/cluster/cluster.h"

struct ev_loop;
struct link;

struct link_events {
    void (*on_linked)(void *ctx, const struct address *redis);
    void (*on_cut)(void *ctx);
    /* A sentinel was asked in vain. */
    void (*on_no_master)(void *ctx);
    void (*on_message)(void *ctx, struct span user, struct span payload);
    void (*on_subscribed)(void *ctx, struct span user);
    void (*on_receivers)(void *ctx, uint32_t question, int64_t count);
    void (*on_subscribers)(void *ctx, uint32_t question, size_t i, int64_t count);
    void (*on_all_subscribers)(void *ctx, uint32_t question, bool is_refused);
    /* Walks the users that are here, from the first one on if `is_first`; false at the end. */
    bool (*next_user)(void *ctx, bool is_first, struct span *user);
};

/* Borrows all. `id` is the cluster's. NULL: out of memory. */
struct link *link_new(struct ev_loop *loop, const struct config *config,
                      const struct secrets *secrets, int64_t id, const struct link_events *events,
                      void *ctx);
void link_free(struct link *l);

/* Goes on with these, which are borrowed. */
void link_configure(struct link *l, const struct config *config, const struct secrets *secrets);

/* Many times a second: goes on with what is due. */
void link_tick(struct link *l, int64_t now_ms);

/* What is on its way goes out if Redis takes it; the link is at its end. */
void link_flush(struct link *l);

/* The link is cut at the next tick, for this reason (static text). */
void link_condemn(struct link *l, const char *why);

/* False: it is lost, since the link is cut or will be. */
bool link_publish(struct link *l, enum cluster_to to, struct span name, struct span payload,
                  uint32_t question);
bool link_count_subscribers(struct link *l, const struct question *one);

/* A user has their first session here, or no more. True: on_subscribed() follows. */
bool link_subscribe(struct link *l, struct span user);
void link_unsubscribe(struct link *l, struct span user);

#endif
