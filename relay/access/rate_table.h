/* SPDX-License-Identifier: MIT */
/* rate_table.h - a rate for each of many: users, addresses. Who was quiet for long enough is as
 * good as unknown, and forgotten. Pure but for malloc. */
#ifndef DOORBELL_RELAY_ACCESS_RATE_TABLE_H
#define DOORBELL_RELAY_ACCESS_RATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/span.h"

struct rate_table;

/* Knows `max` at a time; for one more, the one that was quiet for longest is forgotten. NULL: out
 * of memory. */
struct rate_table *rate_table_new(size_t max);
void rate_table_free(struct rate_table *t);

/* Takes one for this key, of per_second and as many at once. per_second 0 is without limit; out of
 * memory nobody is held back. */
bool rate_table_take(struct rate_table *t, struct span key, int64_t per_second, int64_t now_ms);

size_t rate_table_count(const struct rate_table *t);

#endif
