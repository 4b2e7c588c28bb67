/* SPDX-License-Identifier: MIT */
/* connection.h - one connection to PostgreSQL: prepares the statements it is given, runs each in
 * its role, and reconnects, to another host where the last one cannot be written any more. It knows
 * none of the statements. No thread shares it. */
#ifndef DOORBELL_FCGI_APP_DATABASE_CONNECTION_H
#define DOORBELL_FCGI_APP_DATABASE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/config/config.h"
#include "fcgi-app/postgres/statement.h"

struct pg_result; /* libpq's PGresult */
struct connection;

/* A setting of PostgreSQL that the statements want. */
#define CONNECTION_SETTING(name, value) ", pg_catalog.set_config('" name "', '" value "', $1)"

/* Does not connect. `lists` are the statements to prepare, lists of lists, each ended by NULL;
 * `more_settings` are CONNECTION_SETTING()s, or "". `config` and the lists must outlive *out.
 * Caller owns *out. */
MUST_USE enum err connection_new(const struct config_database *config,
                                 const struct statement *const *const *lists,
                                 const char *more_settings, struct connection **out);
void connection_free(struct connection *c);

/* The same for a standby of `read_url`. It connects by connection_open_standby() alone, and
 * runs statements by connection_run_there(). */
MUST_USE enum err connection_new_standby(const struct config_database *config,
                                         const struct statement *const *const *lists,
                                         struct connection **out);

/* Connects anew, to the first standby that answers from number `first` of the hosts on. On failure
 * `faults` says what each did. Writes nothing to the log but what a standby refuses to prepare. */
MUST_USE enum err connection_open_standby(struct connection *c, size_t first, char *faults,
                                          size_t size);

/* Runs a statement once, where it is connected. After ERR_UNAVAILABLE it may not be any more. */
MUST_USE enum err connection_run_there(struct connection *c, const struct statement *statement,
                                       const char *const *values, const struct pg_result **out);

void connection_close(struct connection *c);

/* Connects and prepares. ERR_UNAVAILABLE while the server is unreachable, ERR_INVALID if it refuses
 * a statement or a role: the schema or the rights are not those that this program was built for. */
MUST_USE enum err connection_connect(struct connection *c);

/* Connects if it is not connected, or only to be read, and the last failure is long enough ago. */
void connection_reconnect(struct connection *c);

/* How often it has connected: another number, another connection. */
size_t connection_connects(const struct connection *c);

bool connection_is_connected(const struct connection *c);

/* How one run differs from others of the same statement. */
struct run_terms {
    bool is_repeatable; /* this time it may be run twice */
    int64_t more_ms;    /* it may take so much longer than statement_timeout: the work is big */
};

/* Runs a statement with its values in text form, made by VALUES(). If the connection is lost it is
 * opened anew, and what is repeatable is run again, once. *out is borrowed until the next run; its
 * shape has been checked. ERR_END: the shape allows no row and none came. Otherwise as
 * sqlstate_err(). */
MUST_USE enum err connection_run(struct connection *c, const struct statement *statement,
                                 const char *const *values, const struct pg_result **out);
MUST_USE enum err connection_run_with(struct connection *c, const struct statement *statement,
                                      const char *const *values, const struct run_terms *terms,
                                      const struct pg_result **out);

/* Runs `guard` in front of each statement AS_USER from now on, in the same round trip and the same
 * transaction: where it fails, the statement does not run, and has failed like it. Both are
 * borrowed, until NULL ends it. */
void connection_guard(struct connection *c, const struct statement *guard,
                      const char *const *values);

/* After ERR_MALFORMED, ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID of a run: the schema's message for
 * the caller, else NULL. Borrowed until the next run. */
const char *connection_fault(const struct connection *c);

/* The DETAIL of it, for the program: NULL if there is none. Borrowed as above. */
const char *connection_fault_detail(const struct connection *c);

/* Drops the last result, and with it what connection_fault() says. */
void connection_forget(struct connection *c);

#endif
