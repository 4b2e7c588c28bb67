/* SPDX-License-Identifier: MIT */
/* One function runs statements, and it is the only place that reconnects. libpq's calls that wait
 * are not used: each step waits in poll() up to a deadline of ours, so a server that stops talking
 * costs a statement_timeout and a second, and not a worker for good.
 *
 * After a loss in the middle nobody knows whether the server did the work. What may be run twice is
 * then run again, once; what may not is not, and that is why a connection is looked at before such
 * a statement goes out: a server that has ended it has left its farewell in the socket. */
#include "fcgi-app/database/connection.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes/invariant.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/postgres/sqlstate.h"
#include "fcgi-app/shared/backoff.h"

enum {
    CONNECT_TIMEOUT_MS = 2000,
    ANSWER_GRACE_MS = 1000, /* what the server has beyond statement_timeout */
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 2000,
};

struct connection {
    const struct config_database *config;
    const struct statement *const *const *lists;
    const char *session; /* SQL, or NULL */
    size_t connects;     /* how often it has connected */
    PGconn *pg;          /* NULL while not connected */
    PGresult *result;    /* of the last statement */
    struct backoff backoff;
    int64_t timeout_ms;            /* the statement_timeout that is set on the connection */
    enum statement_role role;      /* that is set */
    const struct statement *guard; /* NULL: none */
    const char *const *guard_values;
};

#define SET_USER_CALLS "SET ROLE doorbell_user_calls"
#define SET_SERVICE_CALLS "SET ROLE doorbell_service_calls"
#define SET_SELF "SET ROLE NONE"

static const char *const set_role[] = {
    [AS_USER] = SET_USER_CALLS,
    [AS_SERVICE] = SET_SERVICE_CALLS,
    [AS_SELF] = SET_SELF,
};

enum err connection_new(const struct config_database *config,
                        const struct statement *const *const *lists, const char *session,
                        struct connection **out)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (!c)
        return ERR_NO_MEMORY;
    c->config = config;
    c->lists = lists;
    c->session = session;
    c->backoff = (struct backoff){.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS};
    *out = c;
    return ERR_NONE;
}

static void clear_result(struct connection *c)
{
    PQclear(c->result);
    c->result = NULL;
}

static void disconnect(struct connection *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
}

void connection_free(struct connection *c)
{
    if (!c)
        return;
    clear_result(c);
    disconnect(c);
    free(c);
}

void connection_forget(struct connection *c)
{
    clear_result(c);
}

const char *connection_fault(const struct connection *c)
{
    if (!sqlstate_is_ours(PQresultErrorField(c->result, PG_DIAG_SQLSTATE)))
        return NULL;
    return PQresultErrorField(c->result, PG_DIAG_MESSAGE_PRIMARY);
}

/* libpq's texts end with a line end, and may have more of them. */
static int first_line(const char *text)
{
    return (int)strcspn(text, "\n");
}

static bool wait_for_socket(const struct connection *c, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = PQsocket(c->pg), .events = events};
    int n;

    do {
        int64_t left_ms = deadline_ms - clock_ms();

        n = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Notices, which libpq would write to stderr as they come. While the connection is set up they
 * speak of the server: another version of a collation, say. */
static void log_setup_notice(void *unused, const PGresult *notice)
{
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

    (void)unused;
    if (text)
        log_warn("PostgreSQL says: %.*s", first_line(text), text);
}

/* Later ones come with a statement, and like its errors they may repeat what users wrote. */
static void log_statement_notice(void *unused, const PGresult *notice)
{
    const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

    (void)unused;
    log_info("a statement had a notice: SQLSTATE %s; the log of PostgreSQL has its text",
             state ? state : "?");
}

static enum err open_connection(struct connection *c)
{
    static const char *const keywords[] = {"dbname", "fallback_application_name", "client_encoding",
                                           NULL};
    const char *const values[] = {c->config->url, "doorbell-app", "UTF8", NULL};
    int64_t deadline_ms = clock_ms() + CONNECT_TIMEOUT_MS;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    c->pg = PQconnectStartParams(keywords, values, 1);
    if (!c->pg)
        return ERR_NO_MEMORY;
    PQsetNoticeReceiver(c->pg, log_setup_notice, NULL);
    if (PQstatus(c->pg) == CONNECTION_BAD)
        return ERR_UNAVAILABLE;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;

        if (!wait_for_socket(c, events, deadline_ms))
            return ERR_UNAVAILABLE;
        state = PQconnectPoll(c->pg);
    }
    return state == PGRES_POLLING_OK ? ERR_NONE : ERR_UNAVAILABLE;
}

/* Writes what is still to be written, then reads until the next result is there. */
static enum err wait_for_result(struct connection *c, int64_t deadline_ms)
{
    int unsent;

    while ((unsent = PQflush(c->pg)) > 0) {
        if (!wait_for_socket(c, POLLIN | POLLOUT, deadline_ms) || !PQconsumeInput(c->pg))
            return ERR_UNAVAILABLE;
    }
    if (unsent < 0)
        return ERR_UNAVAILABLE;
    while (PQisBusy(c->pg)) {
        if (!wait_for_socket(c, POLLIN, deadline_ms) || !PQconsumeInput(c->pg))
            return ERR_UNAVAILABLE;
    }
    return ERR_NONE;
}

/* Reads the result of what was sent into c->result. After a failure the connection is useless. */
static enum err fetch_result(struct connection *c)
{
    int64_t deadline_ms = clock_ms() + c->timeout_ms + ANSWER_GRACE_MS;
    PGresult *next = NULL;

    clear_result(c);
    do {
        if (wait_for_result(c, deadline_ms))
            return ERR_UNAVAILABLE;
        next = PQgetResult(c->pg);
        if (next) {
            clear_result(c);
            c->result = next;
        }
    } while (next);
    if (!c->result || PQstatus(c->pg) == CONNECTION_BAD)
        return ERR_UNAVAILABLE;
    return ERR_NONE;
}

static enum err fetch_command(struct connection *c)
{
    enum err e = fetch_result(c);
    ExecStatusType status = PQresultStatus(c->result);
    const char *state = PQresultErrorField(c->result, PG_DIAG_SQLSTATE);

    if (e || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return e;
    return sqlstate_is_temporary(state) ? ERR_UNAVAILABLE : ERR_INVALID;
}

static enum err run_command(struct connection *c, const char *sql)
{
    if (!PQsendQuery(c->pg, sql))
        return ERR_UNAVAILABLE;
    return fetch_command(c);
}

static enum err set_timeout(struct connection *c, int64_t timeout_ms)
{
    char sql[64];

    (void)snprintf(sql, sizeof(sql), "SET statement_timeout = %lld", (long long)timeout_ms);
    c->timeout_ms = timeout_ms;
    return run_command(c, sql);
}

/* Compiling a statement takes longer than any of ours runs: jit is off. */
static enum err set_up_session(struct connection *c)
{
    char sql[64];
    enum err e;

    if (PQsetnonblocking(c->pg, 1) != 0)
        return ERR_NO_MEMORY;
    (void)snprintf(sql, sizeof(sql), "SET jit = off; SET lock_timeout = %lld",
                   (long long)c->config->lock_timeout_ms);
    e = set_timeout(c, c->config->statement_timeout_ms);
    if (!e)
        e = run_command(c, sql);
    return e || !c->session ? e : run_command(c, c->session);
}

static enum err prepare_statement(struct connection *c, const struct statement *statement)
{
    enum err e;

    if (!statement_is_sound(statement)) {
        log_error("statement \"%s\": its parameters are not those of its text", statement->name);
        return ERR_INVALID;
    }
    if (!PQsendPrepare(c->pg, statement->name, statement->sql, 0, NULL))
        return ERR_UNAVAILABLE;
    e = fetch_command(c);
    if (e == ERR_INVALID)
        log_error("statement \"%s\": %s", statement->name,
                  PQresultErrorField(c->result, PG_DIAG_MESSAGE_PRIMARY));
    return e;
}

static enum err prepare_all(struct connection *c)
{
    enum err e = ERR_NONE;

    for (size_t list = 0; c->lists[list] && !e; list++)
        for (size_t i = 0; c->lists[list][i] && !e; i++)
            e = prepare_statement(c, c->lists[list][i]);
    return e;
}

/* Whether the roles are there and may be taken: else it would show only when a call needs one. */
static enum err try_roles(struct connection *c)
{
    enum err e = run_command(c, SET_USER_CALLS "; " SET_SERVICE_CALLS "; " SET_SELF);

    if (e == ERR_INVALID)
        log_error("roles of the calls: %s", PQresultErrorField(c->result, PG_DIAG_MESSAGE_PRIMARY));
    c->role = AS_SELF;
    return e;
}

static void log_outage(const struct connection *c)
{
    const char *text = c->pg ? PQerrorMessage(c->pg) : "";

    log_warn("PostgreSQL is unreachable, requests are answered by 503 until it is back: %.*s",
             first_line(text), text);
}

enum err connection_connect(struct connection *c)
{
    enum err e;

    disconnect(c);
    e = open_connection(c);
    if (!e)
        e = set_up_session(c);
    if (!e)
        e = prepare_all(c);
    if (!e)
        e = try_roles(c);
    if (!e) {
        if (c->backoff.delay_ms)
            log_info("PostgreSQL is back");
        PQsetNoticeReceiver(c->pg, log_statement_notice, NULL);
        backoff_succeeded(&c->backoff);
        c->connects++;
        return ERR_NONE;
    }
    if (c->backoff.delay_ms == 0 && e == ERR_UNAVAILABLE)
        log_outage(c);
    disconnect(c);
    backoff_failed(&c->backoff, clock_ms(), clock_chance());
    return e;
}

size_t connection_connects(const struct connection *c)
{
    return c->connects;
}

bool connection_is_connected(const struct connection *c)
{
    return c->pg != NULL;
}

/* Whether the server has ended the connection. It is asked before something is sent that must not
 * be sent twice. */
static bool is_ended(const struct connection *c)
{
    char byte;

    if (!wait_for_socket(c, POLLIN, 0))
        return false;
    return !PQconsumeInput(c->pg) || recv(PQsocket(c->pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum err ensure_connected(struct connection *c, bool is_once)
{
    if (c->pg && is_once && is_ended(c))
        disconnect(c);
    if (c->pg)
        return ERR_NONE;
    if (!backoff_is_due(&c->backoff, clock_ms()))
        return ERR_UNAVAILABLE;
    return connection_connect(c) ? ERR_UNAVAILABLE : ERR_NONE;
}

void connection_reconnect(struct connection *c)
{
    (void)ensure_connected(c, false);
}

/* Reads on to the end of the pipeline; c->result stays. */
static enum err leave_pipeline(struct connection *c)
{
    int64_t deadline_ms = clock_ms() + ANSWER_GRACE_MS;
    ExecStatusType status = PGRES_EMPTY_QUERY;

    while (status != PGRES_PIPELINE_SYNC) {
        PGresult *next;

        if (wait_for_result(c, deadline_ms))
            return ERR_UNAVAILABLE;
        next = PQgetResult(c->pg);
        status = PQresultStatus(next);
        PQclear(next);
        if (PQstatus(c->pg) == CONNECTION_BAD)
            return ERR_UNAVAILABLE;
    }
    return PQexitPipelineMode(c->pg) ? ERR_NONE : ERR_UNAVAILABLE;
}

static bool needs_role(const struct connection *c, const struct statement *statement)
{
    return statement->role != AS_ANY && statement->role != c->role;
}

static bool needs_guard(const struct connection *c, const struct statement *statement)
{
    return statement->role == AS_USER && c->guard;
}

static bool send_prepared(struct connection *c, const struct statement *statement,
                          const char *const *values)
{
    return PQsendQueryPrepared(c->pg, statement->name, statement->params, values, NULL, NULL, 0);
}

/* Sets the statement's role and runs the guard in the same round trip. All are one transaction:
 * what fails stops those after it, and leaves the role as it was. */
static enum err run_in_pipeline(struct connection *c, const struct statement *statement,
                                const char *const *values)
{
    bool has_role = needs_role(c, statement), has_guard = needs_guard(c, statement);
    enum err e;

    if (!PQenterPipelineMode(c->pg) ||
        (has_role &&
         !PQsendQueryParams(c->pg, set_role[statement->role], 0, NULL, NULL, NULL, NULL, 0)) ||
        (has_guard && !send_prepared(c, c->guard, c->guard_values)) ||
        !send_prepared(c, statement, values) || !PQpipelineSync(c->pg))
        return ERR_UNAVAILABLE;
    e = fetch_result(c);
    if (!e && has_role && PQresultStatus(c->result) == PGRES_COMMAND_OK)
        e = fetch_result(c);
    if (!e && has_guard && PQresultStatus(c->result) == PGRES_TUPLES_OK)
        e = fetch_result(c);
    if (!e && has_role && PQresultStatus(c->result) == PGRES_TUPLES_OK)
        c->role = statement->role;
    return e ? e : leave_pipeline(c);
}

static enum err run_statement(struct connection *c, const struct statement *statement,
                              const char *const *values)
{
    if (needs_role(c, statement) || needs_guard(c, statement))
        return run_in_pipeline(c, statement, values);
    return send_prepared(c, statement, values) ? fetch_result(c) : ERR_UNAVAILABLE;
}

static enum err run_once(struct connection *c, const struct statement *statement,
                         const char *const *values, int64_t more_ms)
{
    int64_t timeout_ms = c->config->statement_timeout_ms + more_ms;
    enum err e = ERR_NONE;

    if (timeout_ms != c->timeout_ms && set_timeout(c, timeout_ms))
        e = ERR_UNAVAILABLE;
    if (!e)
        e = run_statement(c, statement, values);
    if (e)
        disconnect(c);
    return e;
}

static enum err check_shape(const struct connection *c, const struct statement *statement)
{
    int rows = PQntuples(c->result);
    bool is_right = statement->shape == SHAPE_NONE || PQnfields(c->result) == statement->columns;

    if (statement->shape == SHAPE_ROW && rows != 1)
        is_right = false;
    if (statement->shape == SHAPE_ROW_OR_NONE && rows > 1)
        is_right = false;
    if (!is_right) {
        log_error("statement \"%s\" returned %d rows of %d columns, which is not its shape: "
                  "run doorbell-migrate",
                  statement->name, rows, PQnfields(c->result));
        return ERR_UNAVAILABLE;
    }
    return statement->shape == SHAPE_ROW_OR_NONE && rows == 0 ? ERR_END : ERR_NONE;
}

/* Of an error that is not the schema's own only the state is logged: its message may repeat what
 * users wrote. */
static enum err check_result(const struct connection *c, const struct statement *statement)
{
    const char *state = PQresultErrorField(c->result, PG_DIAG_SQLSTATE);

    if (PQresultStatus(c->result) == PGRES_TUPLES_OK)
        return check_shape(c, statement);
    if (!sqlstate_is_ours(state))
        log_warn("statement \"%s\" failed: SQLSTATE %s", statement->name, state ? state : "?");
    return sqlstate_err(state);
}

void connection_guard(struct connection *c, const struct statement *guard,
                      const char *const *values)
{
    c->guard = guard;
    c->guard_values = values;
}

enum err connection_run_with(struct connection *c, const struct statement *statement,
                             const char *const *values, const struct run_terms *terms,
                             const struct pg_result **out)
{
    bool is_once = statement->repeat == ONCE && !terms->is_repeatable;
    enum err e = ERR_UNAVAILABLE;

    clear_result(c);
    for (int tries = is_once ? 1 : 2; tries > 0 && e; tries--) {
        if (ensure_connected(c, is_once))
            break;
        e = run_once(c, statement, values, terms->more_ms);
        if (e)
            log_warn("the connection to PostgreSQL was lost during \"%s\"%s", statement->name,
                     tries > 1 ? ", which is tried again" : "");
    }
    if (e)
        return e;
    (void)INVARIANT(c->pg && c->result);
    e = check_result(c, statement);
    if (!e)
        *out = c->result;
    return e;
}

enum err connection_run(struct connection *c, const struct statement *statement,
                        const char *const *values, const struct pg_result **out)
{
    const struct run_terms terms = {.more_ms = 0};

    return connection_run_with(c, statement, values, &terms, out);
}
