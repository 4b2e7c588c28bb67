/* SPDX-License-Identifier: MIT */
/* categories.h - what can be muted, and what cannot. */
#ifndef DOORBELL_FCGI_APP_STORE_CATEGORIES_H
#define DOORBELL_FCGI_APP_STORE_CATEGORIES_H

#include <stdbool.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* All of them, as JSON. */
MUST_USE enum err categories_list(struct store *s, struct span *json);

MUST_USE enum err categories_set(struct store *s, const char *name, bool is_critical);
MUST_USE enum err categories_remove(struct store *s, const char *name);

#endif
