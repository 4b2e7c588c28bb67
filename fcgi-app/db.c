/* SPDX-License-Identifier: MIT */
#include "fcgi-app/db.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/backoff.h"
#include "fcgi-app/sqlstate.h"

enum {
    CONNECT_TIMEOUT_MS = 2000,
    ANSWER_GRACE_MS = 1000, /* what the server has beyond statement_timeout */
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 2000,
    PARAMS_MAX = 18,
};

enum shape {
    SHAPE_NONE,        /* what comes does not matter */
    SHAPE_ROW,         /* exactly one row */
    SHAPE_ROW_OR_NONE, /* at most one */
    SHAPE_ROWS,        /* any number */
};

struct statement_row {
    const char *name;
    int params;
    int columns;
    enum shape shape;
    bool is_read;
    const char *sql;
};

#define COUNTS "SELECT num, version, seq, changed FROM doorbell."

static const struct statement_row statements[STMT_COUNT] = {
    [STMT_SEND] = {"send", 18, 3, SHAPE_ROW, false,
                   "SELECT id, recipients, duplicate::integer FROM doorbell.send("
                   "to_users => $1::text[], to_group => $2, to_all => $3::boolean, title => $4, "
                   "body => $5, sender => $6, url => $7, category => $8, extra => $9::jsonb, "
                   "expires_in => $10::integer, send_at => to_timestamp($11::bigint), key => $12, "
                   "subject_type => $13, subject_id => $14, replace => $15::boolean, "
                   "ack => $16::boolean, to_new_users => $17::boolean, later => $18::boolean)"},
    [STMT_CONTACT] = {"contact", 3, 1, SHAPE_NONE, true,
                      "SELECT doorbell.contact($1, to_timestamp($2::bigint), $3::integer)"},
    [STMT_UNREAD] = {"unread", 3, 5, SHAPE_ROW_OR_NONE, true,
                     "SELECT num, hit, latest, version, seq "
                     "FROM doorbell.unread($1, $2, $3::integer)"},
    [STMT_UNREAD_BY_CATEGORY] = {"unread_by_category", 2, 1, SHAPE_ROW, true,
                                 "SELECT doorbell.unread_by_category($1, $2::integer)"},
    [STMT_LIST] = {"list", 5, 1, SHAPE_ROW, true,
                   "SELECT doorbell.list($1, $2, $3, $4, $5::integer)"},
    [STMT_MESSAGE] = {"message", 2, 1, SHAPE_ROW, true, "SELECT doorbell.message($1, $2::bigint)"},
    [STMT_MARK_READ] = {"mark_read", 2, 4, SHAPE_ROW, false, COUNTS "mark_read($1, $2::bigint)"},
    [STMT_MARK_UNREAD] = {"mark_unread", 2, 4, SHAPE_ROW, false,
                          COUNTS "mark_unread($1, $2::bigint)"},
    [STMT_ARCHIVE] = {"archive", 2, 4, SHAPE_ROW, false, COUNTS "archive($1, $2::bigint)"},
    [STMT_ACKNOWLEDGE] = {"acknowledge", 2, 4, SHAPE_ROW, false,
                          COUNTS "acknowledge($1, $2::bigint)"},
    [STMT_REMOVE] = {"remove", 2, 4, SHAPE_ROW, false, COUNTS "remove($1, $2::bigint)"},
    [STMT_MARK_READ_IDS] = {"mark_read_ids", 2, 4, SHAPE_ROW, false,
                            COUNTS "mark_read_ids($1, $2::bigint[])"},
    [STMT_MARK_READ_UPTO] = {"mark_read_upto", 2, 4, SHAPE_ROW, false,
                             COUNTS "mark_read_upto($1, $2)"},
    [STMT_MARK_READ_SUBJECT] = {"mark_read_subject", 3, 4, SHAPE_ROW, false,
                                COUNTS "mark_read_subject($1, $2, $3)"},
    [STMT_MARK_READ_OLDEST] = {"mark_read_oldest", 2, 4, SHAPE_ROW, false,
                               COUNTS "mark_read_oldest($1, $2::integer)"},
    [STMT_MARK_READ_ALL] = {"mark_read_all", 1, 4, SHAPE_ROW, false, COUNTS "mark_read_all($1)"},
    [STMT_MARK_UNREAD_IDS] = {"mark_unread_ids", 2, 4, SHAPE_ROW, false,
                              COUNTS "mark_unread_ids($1, $2::bigint[])"},
    [STMT_MARK_UNREAD_ALL] = {"mark_unread_all", 1, 4, SHAPE_ROW, false,
                              COUNTS "mark_unread_all($1)"},
    [STMT_MARK_SEEN] = {"mark_seen", 2, 4, SHAPE_ROW, false, COUNTS "mark_seen($1, $2)"},
    [STMT_PREFERENCES] = {"preferences", 1, 1, SHAPE_ROW, true, "SELECT doorbell.preferences($1)"},
    [STMT_MUTE] = {"mute", 2, 4, SHAPE_ROW, false, COUNTS "mute($1, $2::text[])"},
    [STMT_SENT] = {"sent", 1, 1, SHAPE_ROW, true, "SELECT doorbell.sent($1::bigint)"},
    [STMT_RECALL] = {"recall", 1, 1, SHAPE_ROW, false,
                     "SELECT doorbell.recall($1::bigint)::integer"},
    [STMT_GROUP_CHANGE] = {"group_change", 4, 1, SHAPE_ROW, false,
                           "SELECT doorbell.group_change($1, $2::text[], $3::text[], $4::integer)"},
    [STMT_GROUP_MEMBERS] = {"group_members", 3, 1, SHAPE_ROW, true,
                            "SELECT doorbell.group_members($1, $2, $3::integer)"},
    [STMT_CATEGORIES] = {"categories", 0, 1, SHAPE_ROW, true, "SELECT doorbell.categories()"},
    [STMT_CATEGORY_SET] = {"category_set", 2, 1, SHAPE_ROW, false,
                           "SELECT doorbell.category_set($1, $2::boolean)"},
    [STMT_CATEGORY_REMOVE] = {"category_remove", 1, 1, SHAPE_ROW, false,
                              "SELECT doorbell.category_remove($1)"},
    [STMT_EXPORT] = {"export", 1, 1, SHAPE_ROW, true, "SELECT doorbell.export($1)"},
    [STMT_ERASE] = {"erase", 1, 1, SHAPE_ROW, false, "SELECT doorbell.erase($1)::integer"},
    [STMT_OUTBOX_TAKE] = {"outbox_take", 5, 2, SHAPE_ROWS, false,
                          "SELECT id, ring FROM doorbell.outbox_take("
                          "$1::integer, $2::integer, $3::integer, $4::integer, $5::integer)"},
    [STMT_OUTBOX_RINGS] = {"outbox_rings", 3, 2, SHAPE_ROWS, true,
                           "SELECT id, ring FROM doorbell.outbox_rings("
                           "$1::bigint[], $2::integer, $3::integer)"},
    [STMT_OUTBOX_DONE] = {"outbox_done", 1, 1, SHAPE_NONE, true,
                          "SELECT doorbell.outbox_done($1::bigint[])"},
    [STMT_OUTBOX_RETRY] = {"outbox_retry", 1, 1, SHAPE_NONE, false,
                           "SELECT doorbell.outbox_retry($1::bigint[])"},
    [STMT_ACTIVATE] = {"activate", 1, 1, SHAPE_ROW, false, "SELECT doorbell.activate($1::integer)"},
    [STMT_SWEEP] = {"sweep", 1, 1, SHAPE_ROW, false, "SELECT doorbell.sweep($1::integer)"},
    [STMT_HEALTH] = {"health", 0, 1, SHAPE_ROW, true, "SELECT doorbell.health()"},
};

struct db {
    const struct config_database *config;
    PGconn *conn;     /* NULL while not connected */
    PGresult *result; /* of the last statement */
    struct backoff backoff;
    int64_t timeout_ms; /* the statement_timeout that is set on the connection */
    int64_t more_ms;    /* what the next statement may take beyond the usual */
};

enum err db_new(const struct config_database *config, struct db **out)
{
    struct db *db = calloc(1, sizeof(*db));

    if (!db)
        return ERR_NO_MEMORY;
    db->config = config;
    db->backoff = (struct backoff){.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS};
    *out = db;
    return ERR_NONE;
}

static void clear_result(struct db *db)
{
    PQclear(db->result);
    db->result = NULL;
}

static void disconnect(struct db *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    clear_result(db);
    disconnect(db);
    free(db);
}

void db_allow_more(struct db *db, int64_t more_ms)
{
    db->more_ms = more_ms;
}

void db_forget(struct db *db)
{
    clear_result(db);
}

const char *db_fault(const struct db *db)
{
    if (!sqlstate_is_ours(PQresultErrorField(db->result, PG_DIAG_SQLSTATE)))
        return NULL;
    return PQresultErrorField(db->result, PG_DIAG_MESSAGE_PRIMARY);
}

/* libpq's texts end with a line end, and may have more of them. */
static int first_line(const char *text)
{
    return (int)strcspn(text, "\n");
}

static bool wait_for_socket(const struct db *db, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(db->conn), .events = events};
    int n;

    do {
        int64_t left_ms = deadline_ms - clock_ms();

        n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static enum err open_connection(struct db *db)
{
    static const char *const keywords[] = {"dbname", "fallback_application_name", "client_encoding",
                                           NULL};
    const char *const values[] = {db->config->url, "doorbell-app", "UTF8", NULL};
    int64_t deadline_ms = clock_ms() + CONNECT_TIMEOUT_MS;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    db->conn = PQconnectStartParams(keywords, values, 1);
    if (!db->conn)
        return ERR_NO_MEMORY;
    if (PQstatus(db->conn) == CONNECTION_BAD)
        return ERR_UNAVAILABLE;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;

        if (!wait_for_socket(db, events, deadline_ms))
            return ERR_UNAVAILABLE;
        state = PQconnectPoll(db->conn);
    }
    return state == PGRES_POLLING_OK ? ERR_NONE : ERR_UNAVAILABLE;
}

/* Writes what is still to be written, then reads until the next result is there. */
static enum err wait_for_result(struct db *db, int64_t deadline_ms)
{
    int unsent;

    while ((unsent = PQflush(db->conn)) > 0) {
        if (!wait_for_socket(db, POLLIN | POLLOUT, deadline_ms) || !PQconsumeInput(db->conn))
            return ERR_UNAVAILABLE;
    }
    if (unsent < 0)
        return ERR_UNAVAILABLE;
    while (PQisBusy(db->conn)) {
        if (!wait_for_socket(db, POLLIN, deadline_ms) || !PQconsumeInput(db->conn))
            return ERR_UNAVAILABLE;
    }
    return ERR_NONE;
}

/* The answer to what was sent, into db->result. After a failure the connection is of no use. */
static enum err fetch(struct db *db)
{
    int64_t deadline_ms = clock_ms() + db->timeout_ms + ANSWER_GRACE_MS;
    PGresult *next = NULL;

    clear_result(db);
    do {
        if (wait_for_result(db, deadline_ms))
            return ERR_UNAVAILABLE;
        next = PQgetResult(db->conn);
        if (next) {
            clear_result(db);
            db->result = next;
        }
    } while (next);
    if (!db->result || PQstatus(db->conn) == CONNECTION_BAD)
        return ERR_UNAVAILABLE;
    return ERR_NONE;
}

static enum err fetch_command(struct db *db)
{
    enum err e = fetch(db);
    ExecStatusType status = PQresultStatus(db->result);
    const char *state = PQresultErrorField(db->result, PG_DIAG_SQLSTATE);

    if (e || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return e;
    return sqlstate_is_temporary(state) ? ERR_UNAVAILABLE : ERR_INVALID;
}

static enum err run_command(struct db *db, const char *sql)
{
    if (!PQsendQuery(db->conn, sql))
        return ERR_UNAVAILABLE;
    return fetch_command(db);
}

static enum err set_timeout(struct db *db, int64_t timeout_ms)
{
    char sql[64];

    (void)snprintf(sql, sizeof(sql), "SET statement_timeout = %lld", (long long)timeout_ms);
    db->timeout_ms = timeout_ms;
    return run_command(db, sql);
}

/* Compiling a statement takes longer than any of ours runs: jit is off. */
static enum err set_up(struct db *db)
{
    char sql[64];
    enum err e;

    if (PQsetnonblocking(db->conn, 1) != 0)
        return ERR_NO_MEMORY;
    (void)snprintf(sql, sizeof(sql), "SET jit = off; SET lock_timeout = %lld",
                   (long long)db->config->lock_timeout_ms);
    e = set_timeout(db, db->config->statement_timeout_ms);
    return e ? e : run_command(db, sql);
}

static enum err prepare_all(struct db *db)
{
    for (size_t i = 0; i < STMT_COUNT; i++) {
        enum err e;

        if (!PQsendPrepare(db->conn, statements[i].name, statements[i].sql, 0, NULL))
            return ERR_UNAVAILABLE;
        e = fetch_command(db);
        if (e == ERR_INVALID)
            log_error("statement \"%s\": %s", statements[i].name,
                      PQresultErrorField(db->result, PG_DIAG_MESSAGE_PRIMARY));
        if (e)
            return e;
    }
    return ERR_NONE;
}

static void log_outage(const struct db *db)
{
    const char *text = db->conn ? PQerrorMessage(db->conn) : "";

    log_warn("PostgreSQL is away: %.*s", first_line(text), text);
}

enum err db_connect(struct db *db)
{
    enum err e;

    disconnect(db);
    e = open_connection(db);
    if (!e)
        e = set_up(db);
    if (!e)
        e = prepare_all(db);
    if (!e) {
        if (db->backoff.delay_ms)
            log_info("PostgreSQL is back");
        backoff_succeeded(&db->backoff);
        return ERR_NONE;
    }
    if (db->backoff.delay_ms == 0 && e == ERR_UNAVAILABLE)
        log_outage(db);
    disconnect(db);
    backoff_failed(&db->backoff, clock_ms(), clock_chance());
    return e;
}

bool db_is_connected(const struct db *db)
{
    return db->conn != NULL;
}

/* A server that has ended the connection has said so: that is found out before something is sent
 * that must not be sent twice. */
static bool is_ended(const struct db *db)
{
    char byte;

    if (!wait_for_socket(db, POLLIN, 0))
        return false;
    return !PQconsumeInput(db->conn) ||
           recv(PQsocket(db->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum err ensure_connected(struct db *db, bool is_once)
{
    if (db->conn && is_once && is_ended(db))
        disconnect(db);
    if (db->conn)
        return ERR_NONE;
    if (!backoff_is_due(&db->backoff, clock_ms()))
        return ERR_UNAVAILABLE;
    return db_connect(db) ? ERR_UNAVAILABLE : ERR_NONE;
}

static enum err run_once(struct db *db, const struct statement_row *row, const char *const *values)
{
    int64_t timeout_ms = db->config->statement_timeout_ms + db->more_ms;
    enum err e = ERR_UNAVAILABLE;

    if (timeout_ms != db->timeout_ms && set_timeout(db, timeout_ms)) {
        disconnect(db);
        return e;
    }
    if (PQsendQueryPrepared(db->conn, row->name, row->params, values, NULL, NULL, 0))
        e = fetch(db);
    if (e)
        disconnect(db);
    return e;
}

static enum err check_shape(const struct db *db, const struct statement_row *row)
{
    int rows = PQntuples(db->result);
    bool is_right = row->shape == SHAPE_NONE || PQnfields(db->result) == row->columns;

    if (row->shape == SHAPE_ROW && rows != 1)
        is_right = false;
    if (row->shape == SHAPE_ROW_OR_NONE && rows > 1)
        is_right = false;
    if (!is_right) {
        log_error("statement \"%s\": %d rows of %d columns are not what it should give", row->name,
                  rows, PQnfields(db->result));
        return ERR_UNAVAILABLE;
    }
    return row->shape == SHAPE_ROW_OR_NONE && rows == 0 ? ERR_END : ERR_NONE;
}

/* The message of an error that is not the schema's own may repeat what users wrote: only its state
 * is logged. */
static enum err check_result(const struct db *db, const struct statement_row *row)
{
    const char *state = PQresultErrorField(db->result, PG_DIAG_SQLSTATE);

    if (PQresultStatus(db->result) == PGRES_TUPLES_OK)
        return check_shape(db, row);
    if (!sqlstate_is_ours(state))
        log_warn("statement \"%s\" failed: SQLSTATE %s", row->name, state ? state : "?");
    return sqlstate_err(state);
}

enum err db_run(struct db *db, enum statement statement, const char *const *values,
                bool is_repeatable, const struct pg_result **out)
{
    const struct statement_row *row = &statements[statement];
    bool is_once = !row->is_read && !is_repeatable;
    enum err e = ERR_UNAVAILABLE;

    clear_result(db);
    for (int tries = is_once ? 1 : 2; tries > 0 && e; tries--) {
        if (ensure_connected(db, is_once))
            break;
        e = run_once(db, row, values);
        if (e)
            log_warn("the connection to PostgreSQL was lost during \"%s\"", row->name);
    }
    db->more_ms = 0;
    if (e)
        return e;
    e = check_result(db, row);
    if (!e)
        *out = db->result;
    return e;
}
