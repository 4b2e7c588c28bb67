/* SPDX-License-Identifier: MIT */
/* groups.h - who belongs to a group. */
#ifndef DOORBELL_FCGI_APP_STORE_GROUPS_H
#define DOORBELL_FCGI_APP_STORE_GROUPS_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* `add` and `remove` are PostgreSQL arrays, or NULL. Whole replies, as JSON. */
MUST_USE enum err groups_change(struct store *s, const char *group, const char *add,
                                const char *remove, int64_t max_groups, struct span *json);
MUST_USE enum err groups_members(struct store *s, const char *group, const char *after,
                                 int64_t limit, struct span *json);

#endif
