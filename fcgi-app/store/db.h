/* SPDX-License-Identifier: MIT */
/* db.h - one connection to PostgreSQL: the table of statements, prepared at connect, and the one
 * place that runs them and reconnects. No thread shares it. */
#ifndef DOORBELL_FCGI_APP_STORE_DB_H
#define DOORBELL_FCGI_APP_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/config/config.h"

struct pg_result; /* libpq's PGresult */
struct db;

enum statement {
    STMT_SEND,
    STMT_CONTACT,
    STMT_UNREAD,
    STMT_UNREAD_BY_CATEGORY,
    STMT_LIST,
    STMT_MESSAGE,
    STMT_MARK_READ,
    STMT_MARK_UNREAD,
    STMT_ARCHIVE,
    STMT_ACKNOWLEDGE,
    STMT_REMOVE,
    STMT_MARK_READ_IDS,
    STMT_MARK_READ_UPTO,
    STMT_MARK_READ_SUBJECT,
    STMT_MARK_READ_OLDEST,
    STMT_MARK_READ_ALL,
    STMT_MARK_UNREAD_IDS,
    STMT_MARK_UNREAD_ALL,
    STMT_MARK_SEEN,
    STMT_PREFERENCES,
    STMT_MUTE,
    STMT_SENT,
    STMT_RECALL,
    STMT_GROUP_CHANGE,
    STMT_GROUP_MEMBERS,
    STMT_CATEGORIES,
    STMT_CATEGORY_SET,
    STMT_CATEGORY_REMOVE,
    STMT_EXPORT,
    STMT_ERASE,
    STMT_OUTBOX_TAKE,
    STMT_OUTBOX_RINGS,
    STMT_OUTBOX_DONE,
    STMT_OUTBOX_RETRY,
    STMT_ACTIVATE,
    STMT_SWEEP,
    STMT_HEALTH,
    STMT_COUNT
};

/* Does not connect. `config` must outlive *out. Caller owns *out. */
MUST_USE enum err db_new(const struct config_database *config, struct db **out);
void db_free(struct db *db);

/* Connects and prepares. ERR_UNAVAILABLE while the server is away, ERR_INVALID if it refuses a
 * statement: the schema is not the one that this program was built for. */
MUST_USE enum err db_connect(struct db *db);

bool db_is_connected(const struct db *db);

/* Runs a statement with its parameters in text form (NULL is SQL's NULL). If the connection is lost
 * it is opened anew, and what is safe to run twice is run again, once: reads, and what the caller
 * declares repeatable. *out is borrowed until the next call; its shape has been checked.
 * ERR_END: the shape allows no row and none came. Otherwise as sqlstate_err(). */
MUST_USE enum err db_run(struct db *db, enum statement statement, const char *const *values,
                         bool is_repeatable, const struct pg_result **out);

/* The next db_run() may take so much longer than statement_timeout: its work is known to be big. */
void db_allow_more(struct db *db, int64_t more_ms);

/* After ERR_MALFORMED, ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID of db_run(): the schema's message
 * for the caller, else NULL. Borrowed until the next call. */
const char *db_fault(const struct db *db);

/* Drops the last result, and with it what db_fault() says. */
void db_forget(struct db *db);

#endif
