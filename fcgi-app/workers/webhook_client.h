/* SPDX-License-Identifier: MIT */
/* webhook_client.h - posts to the webhooks of a site: signed, by https, to public addresses alone
 * unless the configuration allows others, without following redirects. For one thread. */
#ifndef DOORBELL_FCGI_APP_WORKERS_WEBHOOK_CLIENT_H
#define DOORBELL_FCGI_APP_WORKERS_WEBHOOK_CLIENT_H

#include <stdbool.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/shared/snapshot.h"

struct webhook_client;

/* Does not connect. Caller owns *out. */
MUST_USE enum err webhook_client_new(struct webhook_client **out);
void webhook_client_free(struct webhook_client *c);

/* Takes the rules and the key from `snapshot`, unless it has them. It must stay until the next one
 * is taken. */
MUST_USE enum err webhook_client_configure(struct webhook_client *c,
                                           const struct snapshot *snapshot);

/* One POST; `url` is NUL-terminated. ERR_INVALID: the site says that it wants no more such calls.
 * ERR_UNAVAILABLE: worth trying again. Of both webhook_client_fault() says why, without the URL. */
MUST_USE enum err webhook_client_call(struct webhook_client *c, const char *url, struct span body);

/* For any thread: the call that is under way has some seconds left. */
void webhook_client_stop(struct webhook_client *c);

/* Whether the last call failed since nobody answered, or nothing that is HTTP. */
bool webhook_client_was_silent(const struct webhook_client *c);

/* Until the next call. */
const char *webhook_client_fault(const struct webhook_client *c);

#endif
