/* SPDX-License-Identifier: MIT */
/* standby.h - reads that a standby of [database] read_url may answer: first the primary's proof of
 * what is newest for the user, then the standby's answer, which counts if it is of the same state.
 * A standby that does not answer, or that is behind time after time, is left for a while. */
#ifndef DOORBELL_FCGI_APP_STORE_STANDBY_H
#define DOORBELL_FCGI_APP_STORE_STANDBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/config/config.h"

enum standby_result {
    STANDBY_USED,
    STANDBY_BEHIND, /* or ahead, or it knows no such user or message: the primary was asked */
    STANDBY_FAILED, /* likewise */
    STANDBY_RESULTS
};

struct standby;

/* Does not connect. `number`: which of the hosts to begin with. `config` must outlive *out, which
 * the caller owns. */
MUST_USE enum err standby_new(const struct config_database *config, size_t number,
                              struct standby **out);
void standby_free(struct standby *s);

/* Connects if it is not connected, the last failure is long enough ago, and no other thread is at
 * it. To be called while no request waits for it. */
void standby_connect(struct standby *s);

bool standby_is_connected(const struct standby *s);

/* Writes how many reads had each result since the last call. */
void standby_take_counts(struct standby *s, uint64_t counts[STANDBY_RESULTS]);

#endif
