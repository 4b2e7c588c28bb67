/* SPDX-License-Identifier: MIT */
/* query.h - what the resources share: running a statement, and the common shapes of replies. For
 * the files of this folder alone. */
#ifndef DOORBELL_FCGI_APP_STORE_QUERY_H
#define DOORBELL_FCGI_APP_STORE_QUERY_H

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "fcgi-app/database/connection.h"
#include "fcgi-app/database/value.h"
#include "fcgi-app/postgres/statement.h"
#include "fcgi-app/store/standby.h"
#include "fcgi-app/store/store.h"

/* Runs statement `id` with its values, which are counted when this compiles. */
#define QUERY(store, id, out, ...)                                                                 \
    connection_run((store)->connection, &(id), VALUES(id, __VA_ARGS__), out)

/* The same for a reply of one cell that is a whole JSON text. */
#define QUERY_JSON(store, id, json, ...) query_json(store, &(id), VALUES(id, __VA_ARGS__), json)

/* A column of replies about a user's state, 0 if null: in the statement's snapshot, so never newer
 * than what it goes with. */
#define EPOCH "(SELECT epoch FROM doorbell.current_epoch)"

#define CLOCK_US(time) "(extract(epoch FROM " time ") * 1000000)::bigint"

/* A read as a standby gets it: `call` is of a STABLE function, and $1 is the user, whose state is
 * that of the same snapshot. */
#define AT_STANDBY(call)                                                                           \
    "SELECT " call ", c.epoch, pg_catalog.pg_is_in_recovery()::integer, c.joined_pos, c.version, " \
    "c.seq, " CLOCK_US("statement_timestamp()") " FROM doorbell.standby_state c "                  \
                                                "WHERE c.user_id = $1"

enum { AT_STANDBY_COLUMNS = 7 };

/* Asks a standby. If it answers as the primary would, *out is its result, borrowed until the next
 * question, whose first columns are that of `call` and the epoch. ERR_END: the primary is to be
 * asked. Other failures are of the primary, which was asked for the proof. */
MUST_USE enum err standby_read(struct store *s, const char *user, const struct statement *statement,
                               const char *const *values, const struct pg_result **out);
void standby_forget(struct standby *s);

/* The same without the proof, which is the caller's: standby_note() then says how many answers
 * there were and how many of them were proved, or why the server is of no use, however new its copy
 * is. False: it did not answer. */
bool standby_ask(struct standby *s, const struct statement *statement, const char *const *values,
                 const struct pg_result **out);
void standby_note(struct standby *s, size_t asked, size_t proved, const char *fault);

/* What makes it useless; NULL for nothing. The times are by its clock, and by the primary's, which
 * was asked at asked_us by ours. */
const char *standby_fault(bool is_in_recovery, int64_t at_us, int64_t primary_us, int64_t asked_us);

MUST_USE enum err query_json(struct store *s, const struct statement *statement,
                             const char *const *values, struct span *json);

/* The statements of each file, ended by NULL. A file that is added is added here and in query.c. */
extern const struct statement *const inbox_statements[];
extern const struct statement *const broadcasts_statements[];
extern const struct statement *const messages_statements[];
extern const struct statement *const sent_statements[];
extern const struct statement *const marks_statements[];
extern const struct statement *const groups_statements[];
extern const struct statement *const categories_statements[];
extern const struct statement *const users_statements[];
extern const struct statement *const tokens_statements[];
extern const struct statement *const outbox_statements[];
extern const struct statement *const upkeep_statements[];
extern const struct statement *const webhooks_statements[];
extern const struct statement *const standby_statements[];

/* And those that run on a standby. */
extern const struct statement *const inbox_standby_statements[];
extern const struct statement *const marks_standby_statements[];
extern const struct statement *const checks_standby_statements[];

extern const struct statement *const *const query_statements[];
extern const struct statement *const *const query_standby_statements[];

#endif
