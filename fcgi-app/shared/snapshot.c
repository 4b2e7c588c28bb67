/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/snapshot.h"

#include <stdlib.h>

enum err snapshot_new(struct config *config, struct secrets *secrets, struct snapshot **out)
{
    struct snapshot *l = calloc(1, sizeof(*l));

    if (!l) {
        secrets_deinit(secrets);
        config_free(config);
        return ERR_NO_MEMORY;
    }
    l->config = config;
    l->secrets = *secrets;
    atomic_init(&l->refs, 1);
    *out = l;
    return ERR_NONE;
}

struct snapshot *snapshot_ref(struct snapshot *l)
{
    atomic_fetch_add(&l->refs, 1);
    return l;
}

void snapshot_unref(struct snapshot *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    secrets_deinit(&l->secrets);
    config_free(l->config);
    free(l);
}

void snapshot_offer(struct snapshot_inbox *inbox, struct snapshot *l)
{
    snapshot_unref(atomic_exchange(&inbox->next, l ? snapshot_ref(l) : NULL));
}

void snapshot_update(struct snapshot_inbox *inbox, struct snapshot **current)
{
    struct snapshot *next;

    if (!atomic_load_explicit(&inbox->next, memory_order_relaxed))
        return;
    next = atomic_exchange(&inbox->next, NULL);
    snapshot_unref(*current);
    *current = next;
}
