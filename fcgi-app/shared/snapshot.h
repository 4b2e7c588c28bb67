/* SPDX-License-Identifier: MIT */
/* snapshot.h - the config and the keys in force. A reload makes a new one and offers it to each
 * thread, which takes it between two requests; the old one goes when its last user has moved on. */
#ifndef DOORBELL_FCGI_APP_SHARED_SNAPSHOT_H
#define DOORBELL_FCGI_APP_SHARED_SNAPSHOT_H

#include <stdatomic.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"

struct live {
    struct config *config;
    struct secrets secrets;
    atomic_int refs;
};

/* Where a thread is offered the next one. */
struct live_inbox {
    _Atomic(struct live *) next;
};

/* Takes `config` and `secrets`, also on failure. The caller holds the one reference. */
MUST_USE enum err live_new(struct config *config, struct secrets *secrets, struct live **out);
struct live *live_ref(struct live *l);
void live_unref(struct live *l);

/* Gives the inbox a reference of its own; one that was never taken is dropped. NULL empties it. */
void live_offer(struct live_inbox *inbox, struct live *l);

/* Replaces *current, and its reference, by what is offered, if anything is. */
void live_update(struct live_inbox *inbox, struct live **current);

#endif
