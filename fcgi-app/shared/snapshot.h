/* SPDX-License-Identifier: MIT */
/* snapshot.h - the config and the keys in force. A reload makes a new one and offers it to each
 * thread, which takes it between two requests; the old one goes when its last user has moved on. */
#ifndef DOORBELL_FCGI_APP_SHARED_SNAPSHOT_H
#define DOORBELL_FCGI_APP_SHARED_SNAPSHOT_H

#include <stdatomic.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "common/security/secrets.h"

struct snapshot {
    struct config *config;
    struct secrets secrets;
    atomic_int refs;
};

/* Where a thread is offered the next one. */
struct snapshot_inbox {
    _Atomic(struct snapshot *) next;
};

/* Takes `config` and `secrets`, also on failure. The caller holds the one reference. */
MUST_USE enum err snapshot_new(struct config *config, struct secrets *secrets,
                               struct snapshot **out);
struct snapshot *snapshot_ref(struct snapshot *l);
void snapshot_unref(struct snapshot *l);

/* Gives the inbox a reference of its own; one that was never taken is dropped. NULL empties it. */
void snapshot_offer(struct snapshot_inbox *inbox, struct snapshot *l);

/* Replaces *current, and its reference, by what is offered, if anything is. */
void snapshot_update(struct snapshot_inbox *inbox, struct snapshot **current);

#endif
