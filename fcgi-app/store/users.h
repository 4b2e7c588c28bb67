/* SPDX-License-Identifier: MIT */
/* users.h - what is stored about a user, for their privacy. */
#ifndef DOORBELL_FCGI_APP_STORE_USERS_H
#define DOORBELL_FCGI_APP_STORE_USERS_H

#include <stdbool.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* All of it, as JSON. */
MUST_USE enum err users_export(struct store *s, const char *user, struct span *json);

/* Says whether the user was known. */
MUST_USE enum err users_erase(struct store *s, const char *user, bool *was_known);

#endif
