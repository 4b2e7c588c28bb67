/* SPDX-License-Identifier: MIT */
/* crowd.h - how many sessions come from one address. A network of 64 bits counts as one of IPv6,
 * since that is the least that a household gets; who has no address is not counted. Pure but for
 * malloc. */
#ifndef DOORBELL_RELAY_CROWD_H
#define DOORBELL_RELAY_CROWD_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/text/ip.h"

struct crowd;

struct crowd *crowd_new(void); /* NULL: out of memory */
void crowd_free(struct crowd *c);

/* ERR_NO_MEMORY: nothing is counted. */
MUST_USE enum err crowd_add(struct crowd *c, const struct ip *ip);
void crowd_remove(struct crowd *c, const struct ip *ip);
size_t crowd_count(const struct crowd *c, const struct ip *ip);

#endif
