/* SPDX-License-Identifier: MIT */
/* store.h - the app's side of the database: one file a resource, which declares its statements and
 * has a typed function for each question. This one makes what they share. Texts that come out are
 * borrowed until the next question. Failures are those of connection_run(). */
#ifndef DOORBELL_FCGI_APP_STORE_STORE_H
#define DOORBELL_FCGI_APP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "fcgi-app/database/value.h"

struct connection;
struct standby;

struct store {
    struct connection *connection;
    struct standby *standby;     /* NULL: all is asked of the primary; see standby.h */
    const char *guard_values[2]; /* of tokens_guard() */
    struct digits guard_generation;
};

/* Does not connect. `config` must outlive the store. */
MUST_USE enum err store_init(struct store *s, const struct config_database *config);
void store_deinit(struct store *s);

/* Connects now. ERR_INVALID: the schema is not the right one; ERR_UNAVAILABLE. */
MUST_USE enum err store_connect(struct store *s);

/* Connects if it is not connected, and the last failure is long enough ago. */
void store_reconnect(struct store *s);

/* How often it has connected: another number, another connection. */
size_t store_connects(const struct store *s);

bool store_is_connected(const struct store *s);

/* The database's message for the caller about the last failure, or NULL. */
const char *store_fault(const struct store *s);

/* Frees the result of the last question. */
void store_forget(struct store *s);

#endif
