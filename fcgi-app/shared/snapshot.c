/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/snapshot.h"

#include <stdlib.h>

enum err live_new(struct config *config, struct secrets *secrets, struct live **out)
{
    struct live *l = calloc(1, sizeof(*l));

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

struct live *live_ref(struct live *l)
{
    atomic_fetch_add(&l->refs, 1);
    return l;
}

void live_unref(struct live *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    secrets_deinit(&l->secrets);
    config_free(l->config);
    free(l);
}

void live_offer(struct live_inbox *inbox, struct live *l)
{
    live_unref(atomic_exchange(&inbox->next, l ? live_ref(l) : NULL));
}

void live_update(struct live_inbox *inbox, struct live **current)
{
    struct live *next;

    if (!atomic_load_explicit(&inbox->next, memory_order_relaxed))
        return;
    next = atomic_exchange(&inbox->next, NULL);
    live_unref(*current);
    *current = next;
}
