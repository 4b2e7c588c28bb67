/* SPDX-License-Identifier: MIT */
/* admission.h - who may still come. Those who have proved a user and those who have not are counted
 * apart, so that nobody without a token, and no single user, takes the room of others. Pure but for
 * malloc. */
#ifndef DOORBELL_RELAY_ACCESS_ADMISSION_H
#define DOORBELL_RELAY_ACCESS_ADMISSION_H

#include "common/config/config.h"
#include "common/limits/token_bucket.h"
#include "relay/access/address_limit.h"
#include "relay/access/rate_table.h"
#include "relay/session/hub.h"

struct admission {
    struct address_limit *addresses;
    struct rate_table *user_rates;    /* of those who have proved a user, by that */
    struct rate_table *address_rates; /* of the others, by address */
    struct token_bucket proven, anonymous;
    int64_t drain_ends_ms; /* 0: not draining */
};

struct newcomer {
    struct ip peer;
    struct span user; /* as its token proves; empty: it has shown none */
};

/* *a has been zeroed; admission_deinit() also after ERR_NO_MEMORY. */
MUST_USE enum err admission_init(struct admission *a);
void admission_deinit(struct admission *a);

/* The status that refuses this one, with the reason in *why (static text); 0: it may come. */
int admission_check(struct admission *a, const struct config_relay *relay, const struct hub *hub,
                    const struct newcomer *who, int64_t now_ms, const char **why);

#endif
