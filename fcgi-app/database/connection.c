/* SPDX-License-Identifier: MIT */
/* One function runs statements, and it is the only place that reconnects. libpq's calls that wait
 * are not used: each step waits in poll() up to a deadline of ours, so a server that stops talking
 * costs a statement_timeout and a second, and not a worker for good.
 *
 * A session of our own keeps its settings, its role and the prepared statements. Where a pooler
 * lends a session for a transaction, nothing may be left in it and nothing is found there: settings
 * and role then travel with each statement, for its transaction alone, and it is parsed each time.
 *
 * After a loss in the middle nobody knows whether the server did the work. What may be run twice is
 * then run again, once; what may not is not, and that is why a connection is looked at before such
 * a statement goes out: a server that has ended it has left its farewell in the socket. */
#include "fcgi-app/database/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes/invariant.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/database/dial.h"
#include "fcgi-app/database/value.h"
#include "fcgi-app/database/wire.h"
#include "fcgi-app/postgres/sqlstate.h"
#include "fcgi-app/shared/backoff.h"

enum {
    ANSWER_GRACE_MS = 1000, /* what the server has beyond statement_timeout */
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 2000,
    YOUNG_MS = 1000,
    GIVE_WAY_MS = 20,          /* else the other may find us in its way again */
    STANDBY_TIMEOUT_MS = 1000, /* the primary could have answered meanwhile */
};

enum database_state {
    DATABASE_WORKS,
    DATABASE_IS_READ_ONLY, /* at all hosts: they are asked again, and meanwhile one is read */
    DATABASE_IS_DOWN,
};

struct connection {
    const struct config_database *config;
    const struct statement *const *const *lists;
    int64_t statement_timeout_ms;
    char settings[512]; /* SQL: see SETTINGS */
    size_t connects;    /* how often it has connected */
    int64_t connected_ms;
    PGconn *pg;       /* NULL while not connected */
    bool is_pooled;   /* a pooler lends a session for each transaction */
    PGresult *result; /* of the last statement */
    enum database_state state;
    struct backoff backoff;        /* of what is not DATABASE_WORKS */
    int64_t timeout_ms;            /* the statement_timeout that is set on the connection */
    enum statement_role role;      /* that is set */
    const struct statement *guard; /* NULL: none */
    const char *const *guard_values;
};

/* For the session or, with $1, for the transaction. Compiling a statement takes longer than any of
 * ours runs: jit is off. */
#define SETTINGS                                                                                   \
    "SELECT pg_catalog.set_config('statement_timeout', $2, $1), "                                  \
    "pg_catalog.set_config('lock_timeout', $3, $1), "                                              \
    "pg_catalog.set_config('role', $4, $1)" CONNECTION_SETTING("jit", "off")

#define USER_CALLS "doorbell_user_calls"
#define SERVICE_CALLS "doorbell_service_calls"

static const struct {
    const char *name, *set;
} roles[] = {
    [AS_ANY] = {"none", NULL},
    [AS_USER] = {USER_CALLS, "SET ROLE " USER_CALLS},
    [AS_SERVICE] = {SERVICE_CALLS, "SET ROLE " SERVICE_CALLS},
    [AS_SELF] = {"none", "SET ROLE NONE"},
};

enum err connection_new(const struct config_database *config,
                        const struct statement *const *const *lists, const char *more_settings,
                        struct connection **out)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (!c)
        return ERR_NO_MEMORY;
    c->config = config;
    c->lists = lists;
    c->statement_timeout_ms = config->statement_timeout_ms;
    (void)snprintf(c->settings, sizeof(c->settings), SETTINGS "%s", more_settings);
    (void)INVARIANT(strlen(c->settings) < sizeof(c->settings) - 1);
    c->role = AS_SELF;
    c->backoff = (struct backoff){.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS};
    *out = c;
    return ERR_NONE;
}

enum err connection_new_standby(const struct config_database *config,
                                const struct statement *const *const *lists,
                                struct connection **out)
{
    enum err e = connection_new(config, lists, "", out);

    if (!e && (*out)->statement_timeout_ms > STANDBY_TIMEOUT_MS)
        (*out)->statement_timeout_ms = STANDBY_TIMEOUT_MS;
    return e;
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

void connection_close(struct connection *c)
{
    disconnect(c);
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

const char *connection_fault_detail(const struct connection *c)
{
    return connection_fault(c) ? PQresultErrorField(c->result, PG_DIAG_MESSAGE_DETAIL) : NULL;
}

/* libpq's texts end with a line end, and may have more of them. */
static int first_line(const char *text)
{
    return (int)strcspn(text, "\n");
}

/* Notices come with a statement, and like its errors they may repeat what users wrote. */
static void log_notice(void *unused, const PGresult *notice)
{
    const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

    (void)unused;
    log_info("a statement had a notice: SQLSTATE %s; the log of PostgreSQL has its text",
             state ? state : "?");
}

/* Reads the result of what was sent into c->result. After a failure the connection is useless. */
static enum err fetch_result(struct connection *c)
{
    clear_result(c);
    return wire_fetch(c->pg, clock_ms() + c->timeout_ms + ANSWER_GRACE_MS, &c->result);
}

static bool is_done(const struct connection *c)
{
    ExecStatusType status = PQresultStatus(c->result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static enum err fetch_command(struct connection *c)
{
    enum err e = fetch_result(c);
    const char *state = PQresultErrorField(c->result, PG_DIAG_SQLSTATE);

    if (e || is_done(c))
        return e;
    return sqlstate_is_temporary(state) ? ERR_UNAVAILABLE : ERR_INVALID;
}

static enum err run_command(struct connection *c, const char *sql)
{
    if (!PQsendQuery(c->pg, sql))
        return ERR_UNAVAILABLE;
    return fetch_command(c);
}

static bool send_settings(struct connection *c, enum statement_role role, bool is_local)
{
    struct digits timeout, lock_timeout;
    const char *const values[] = {value_bool(is_local), value_int(&timeout, c->timeout_ms),
                                  value_int(&lock_timeout, c->config->lock_timeout_ms),
                                  roles[role].name};

    return PQsendQueryParams(c->pg, c->settings, 4, NULL, values, NULL, NULL, 0);
}

/* From now on. */
static enum err set_timeout(struct connection *c, int64_t timeout_ms)
{
    c->timeout_ms = timeout_ms;
    if (c->is_pooled)
        return ERR_NONE;
    return send_settings(c, c->role, false) ? fetch_command(c) : ERR_UNAVAILABLE;
}

/* Where it cannot stay prepared, it is nameless, and only tried. */
static enum err prepare_statement(struct connection *c, const struct statement *statement)
{
    enum err e;

    if (!statement_is_sound(statement)) {
        log_error("statement \"%s\": its parameters are not those of its text", statement->name);
        return ERR_INVALID;
    }
    if (!PQsendPrepare(c->pg, c->is_pooled ? "" : statement->name, statement->sql, 0, NULL))
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

/* Whether the roles are there and may be taken: else it would show only when a call needs one. Once
 * it has served, the calls that need none of what is gone go on. */
static enum err try_roles(struct connection *c)
{
    enum err e = run_command(c, "SELECT pg_catalog.set_config('role', '" USER_CALLS "', true), "
                                "pg_catalog.set_config('role', '" SERVICE_CALLS "', true)");

    if (e == ERR_INVALID)
        log_error("roles of the calls: %s", PQresultErrorField(c->result, PG_DIAG_MESSAGE_PRIMARY));
    return e == ERR_INVALID && c->connects > 0 ? ERR_NONE : e;
}

/* Said once, when it changes. */
static void note_state(struct connection *c, enum database_state state, const char *faults)
{
    if (state != c->state && state == DATABASE_WORKS)
        log_info("PostgreSQL is back");
    if (state != c->state && state == DATABASE_IS_READ_ONLY)
        log_warn("PostgreSQL cannot be written: it is read-only; writes are answered "
                 "by 503 until a host of [database] url can be written");
    if (state != c->state && state == DATABASE_IS_DOWN)
        log_warn("PostgreSQL is unreachable, requests are answered by 503 until it is back: %.*s",
                 first_line(faults), faults);
    c->state = state;
    if (state == DATABASE_WORKS)
        backoff_succeeded(&c->backoff);
    else
        backoff_failed(&c->backoff, clock_ms(), clock_chance());
}

/* What a session needs once it is open. */
static enum err set_up_session(struct connection *c, const struct dialed *dialed)
{
    enum err e;

    c->pg = dialed->pg;
    c->is_pooled = dialed->is_pooled;
    c->role = AS_SELF;
    e = set_timeout(c, c->statement_timeout_ms);
    if (!e)
        e = prepare_all(c);
    if (!e)
        e = try_roles(c);
    PQsetNoticeReceiver(c->pg, log_notice, NULL);
    return e;
}

enum err connection_connect(struct connection *c)
{
    char faults[DIAL_FAULTS_SIZE];
    struct dialed dialed;
    enum err e;

    disconnect(c);
    e = dial(c->config->url, &dialed, faults);
    if (!e)
        e = set_up_session(c, &dialed);
    if (!e) {
        note_state(c, dialed.is_read_only ? DATABASE_IS_READ_ONLY : DATABASE_WORKS, NULL);
        c->connects++;
        c->connected_ms = clock_ms();
        return ERR_NONE;
    }
    if (e == ERR_INVALID)
        backoff_failed(&c->backoff, clock_ms(), clock_chance());
    else
        note_state(c, DATABASE_IS_DOWN, c->pg ? PQerrorMessage(c->pg) : faults);
    disconnect(c);
    return e;
}

enum err connection_open_standby(struct connection *c, size_t first, char *faults, size_t size)
{
    char texts[DIAL_FAULTS_SIZE];
    struct dialed dialed;
    enum err e;

    disconnect(c);
    e = dial_standby(c->config->read_url, first, &dialed, texts);
    if (!e)
        e = set_up_session(c, &dialed);
    if (!e)
        return ERR_NONE;
    (void)snprintf(faults, size, "%s", c->pg ? PQerrorMessage(c->pg) : texts);
    faults[first_line(faults)] = '\0';
    disconnect(c);
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

    if (!wire_wait(c->pg, POLLIN, 0))
        return false;
    return !PQconsumeInput(c->pg) || recv(PQsocket(c->pg), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum err ensure_connected(struct connection *c, bool is_once)
{
    if (c->pg && is_once && is_ended(c))
        disconnect(c);
    if (c->pg && c->state == DATABASE_WORKS)
        return ERR_NONE;
    if (!backoff_is_due(&c->backoff, clock_ms()))
        return c->pg ? ERR_NONE : ERR_UNAVAILABLE;
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

        if (wire_wait_for_result(c->pg, deadline_ms))
            return ERR_UNAVAILABLE;
        next = PQgetResult(c->pg);
        status = PQresultStatus(next);
        PQclear(next);
        if (PQstatus(c->pg) == CONNECTION_BAD)
            return ERR_UNAVAILABLE;
    }
    return PQexitPipelineMode(c->pg) ? ERR_NONE : ERR_UNAVAILABLE;
}

static bool send_statement(struct connection *c, const struct statement *s,
                           const char *const *values)
{
    if (c->is_pooled)
        return PQsendQueryParams(c->pg, s->sql, s->params, NULL, values, NULL, NULL, 0);
    return PQsendQueryPrepared(c->pg, s->name, s->params, values, NULL, NULL, 0);
}

/* What has to come before a statement of that role: for its transaction all settings, or for the
 * session the role. */
static bool send_terms(struct connection *c, enum statement_role role)
{
    if (c->is_pooled)
        return send_settings(c, role, true);
    return PQsendQueryParams(c->pg, roles[role].set, 0, NULL, NULL, NULL, NULL, 0);
}

static bool needs_terms(const struct connection *c, const struct statement *statement)
{
    return c->is_pooled || (statement->role != AS_ANY && statement->role != c->role);
}

static bool needs_guard(const struct connection *c, const struct statement *statement)
{
    return statement->role == AS_USER && c->guard;
}

/* Sends the terms and the guard in the same round trip. All are one transaction: what fails stops
 * those after it, and leaves the role as it was. */
static enum err run_in_pipeline(struct connection *c, const struct statement *statement,
                                const char *const *values)
{
    bool has_terms = needs_terms(c, statement), has_guard = needs_guard(c, statement);
    enum err e;

    if (!PQenterPipelineMode(c->pg) || (has_terms && !send_terms(c, statement->role)) ||
        (has_guard && !send_statement(c, c->guard, c->guard_values)) ||
        !send_statement(c, statement, values) || !PQpipelineSync(c->pg))
        return ERR_UNAVAILABLE;
    e = fetch_result(c);
    for (int left = has_terms + has_guard; left > 0 && !e && is_done(c); left--)
        e = fetch_result(c);
    if (!e && is_done(c) && has_terms && !c->is_pooled)
        c->role = statement->role;
    return e ? e : leave_pipeline(c);
}

static enum err run_statement(struct connection *c, const struct statement *statement,
                              const char *const *values)
{
    if (needs_terms(c, statement) || needs_guard(c, statement))
        return run_in_pipeline(c, statement, values);
    return send_statement(c, statement, values) ? fetch_result(c) : ERR_UNAVAILABLE;
}

static enum err run_once(struct connection *c, const struct statement *statement,
                         const char *const *values, int64_t more_ms)
{
    int64_t timeout_ms = c->statement_timeout_ms + more_ms;
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
 * users wrote. That nothing can be written is said by note_state(). */
static enum err check_result(const struct connection *c, const struct statement *statement)
{
    const char *state = PQresultErrorField(c->result, PG_DIAG_SQLSTATE);

    if (PQresultStatus(c->result) == PGRES_TUPLES_OK)
        return check_shape(c, statement);
    if (!sqlstate_is_ours(state) && !sqlstate_is_of_session(state))
        log_warn("statement \"%s\" failed: SQLSTATE %s", statement->name, state ? state : "?");
    return sqlstate_err(state);
}

/* Whether to run the statement again; it has changed nothing so far. Gives whatever blocked it time
 * to finish, or drops a session that may be out of date; a young one cannot be. */
static bool prepare_another_try(struct connection *c)
{
    const char *state = PQresultErrorField(c->result, PG_DIAG_SQLSTATE);
    bool is_old = clock_ms() - c->connected_ms >= YOUNG_MS;

    if (sqlstate_is_of_chance(state)) {
        (void)poll(NULL, 0, GIVE_WAY_MS);
        return true;
    }
    if (!(c->state == DATABASE_WORKS && sqlstate_is_of_session(state)) &&
        !(is_old && sqlstate_is_of_past(state)))
        return false;
    disconnect(c);
    return true;
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
    for (int tries = 2; tries > 0 && e; tries--) {
        if (ensure_connected(c, is_once))
            break;
        e = run_once(c, statement, values, terms->more_ms);
        if (!e && tries > 1 && prepare_another_try(c)) {
            e = ERR_UNAVAILABLE;
        } else if (e) {
            tries = is_once ? 1 : tries;
            log_warn("the connection to PostgreSQL was lost during \"%s\"%s", statement->name,
                     tries > 1 ? ", which is tried again" : "");
        }
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

enum err connection_run_there(struct connection *c, const struct statement *statement,
                              const char *const *values, const struct pg_result **out)
{
    enum err e = c->pg ? run_once(c, statement, values, 0) : ERR_UNAVAILABLE;

    if (!e)
        e = check_result(c, statement);
    if (!e)
        *out = c->result;
    return e;
}
