/* SPDX-License-Identifier: MIT */
/* teller.h - tells the relay whose tokens were revoked. It remembers up to where the relay knows
 * them, and begins anew with a relay that has been restarted, and after a reconnect to what may be
 * another database. So each process tells its own relay, and nothing is lost by a crash at any
 * point: what is told twice does no harm. For one thread. */
#ifndef DOORBELL_FCGI_APP_WORKERS_TELLER_H
#define DOORBELL_FCGI_APP_WORKERS_TELLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config/config.h"
#include "fcgi-app/publish/batch.h"
#include "fcgi-app/shared/backoff.h"
#include "fcgi-app/store/store.h"
#include "fcgi-app/workers/relay_client.h"

struct teller {
    struct batch batch;
    struct backoff backoff;
    size_t connects;  /* of the connection that `told` belongs to */
    int64_t instance; /* of the relay that was told; 0: none was */
    int64_t told;     /* it knows all up to this number */
    int64_t upto;     /* and with the batch, up to this one */
};

void teller_init(struct teller *t);
void teller_deinit(struct teller *t);

/* Tells what there is to tell; `asks` also when there is nothing, whether the relay still knows
 * what it was told. Failures are logged once, and tried again by a later call. */
void teller_tell(struct teller *t, struct store *s, struct relay_client *relay,
                 const struct config *config, bool asks);

#endif
