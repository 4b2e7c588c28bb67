/* SPDX-License-Identifier: MIT */
/* sent.h - what a back end asks about messages that were sent, and does to many of them. */
#ifndef DOORBELL_FCGI_APP_STORE_SENT_H
#define DOORBELL_FCGI_APP_STORE_SENT_H

#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/store/store.h"

/* Why the user sees the message or does not, as JSON. */
MUST_USE enum err sent_explain(struct store *s, const char *user, int64_t id, struct span *json);

#endif
