/* SPDX-License-Identifier: MIT */
/* libpq would go through the hosts itself, but keeps no deadline where its caller does not wait in
 * it, stays with a host that has accepted the connection, and takes a standby's word of when it was
 * last asked. So each host is opened alone, and asked. */
#include "fcgi-app/database/dial.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/database/hosts.h"
#include "fcgi-app/database/wire.h"

/* Nothing waits for a standby but a worker that could do something else. */
enum { STANDBY_TIMEOUT_MS = 1000 };

/* Notices, which libpq would write to stderr as they come. While a session is set up they speak of
 * the server: another version of a collation, say. */
static void log_notice(void *unused, const PGresult *notice)
{
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

    (void)unused;
    if (text)
        log_warn("PostgreSQL says: %.*s", (int)strcspn(text, "\n"), text);
}

/* Returns a connection also where it could not be opened, for its message. */
static PGconn *open_host(const char *url, const struct host *host, int64_t deadline_ms)
{
    static const char *const keywords[] = {
        "dbname", "host", "hostaddr", "port", "fallback_application_name", "client_encoding", NULL};
    const char *const values[] = {url,    host->name, host->address, host->port, "doorbell-app",
                                  "UTF8", NULL};
    PGconn *pg = PQconnectStartParams(keywords, values, 1);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    if (PQstatus(pg) == CONNECTION_BAD)
        return pg;
    PQsetNoticeReceiver(pg, log_notice, NULL);
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        if (!wire_wait(pg, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms))
            return pg;
        state = PQconnectPoll(pg);
    }
    return pg;
}

/* Whether it can write is asked and not read from the parameters it was opened with: a pooler knows
 * those of another time. One that made the session is told by its process, which a pooler invents.
 * A standby may lag behind what pages have been told, and nothing in it says so: it is of use only
 * for what is proved otherwise. */
static enum err ask_session(PGconn *pg, int64_t deadline_ms, bool is_standby, struct dialed *out,
                            const char **fault)
{
    PGresult *result;
    enum err e = ERR_UNAVAILABLE;

    if (PQstatus(pg) != CONNECTION_OK || PQsetnonblocking(pg, 1) != 0 ||
        !PQsendQuery(pg, "SELECT pg_catalog.current_setting('transaction_read_only'), "
                         "pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery()") ||
        wire_fetch(pg, deadline_ms, &result))
        return ERR_UNAVAILABLE;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQnfields(result) == 3) {
        out->pg = pg;
        out->is_read_only = strcmp(PQgetvalue(result, 0, 0), "off") != 0;
        out->is_pooled = strtol(PQgetvalue(result, 0, 1), NULL, 10) != PQbackendPID(pg);
        if (is_standby == (strcmp(PQgetvalue(result, 0, 2), "t") == 0))
            e = ERR_NONE;
        else
            *fault = is_standby ? "is no standby" : "is a standby";
    }
    PQclear(result);
    return e;
}

/* libpq's texts end with a line end, and may have more of them. Of a host that says nothing it has
 * at most the beginning of one. */
static void note_fault(char *faults, const struct host *host, PGconn *pg, int64_t timeout_ms,
                       const char *fault)
{
    size_t len = strlen(faults);
    const char *text = PQerrorMessage(pg);
    char silence[64] = "";

    if (!fault && PQstatus(pg) != CONNECTION_BAD) {
        (void)snprintf(silence, sizeof(silence), "no reply within %lld ms", (long long)timeout_ms);
        fault = silence;
    }
    (void)snprintf(faults + len, DIAL_FAULTS_SIZE - len, "%s%s%s%.*s%s", len ? "; " : "",
                   text[0] ? "" : host->name, text[0] ? "" : ": ", (int)strcspn(text, "\n"), text,
                   fault ? fault : "");
}

static enum err try_host(const char *url, const struct host *host, int64_t timeout_ms,
                         bool is_standby, struct dialed *out, char *faults)
{
    int64_t deadline_ms = clock_ms() + timeout_ms;
    const char *fault = NULL;
    PGconn *pg = open_host(url, host, deadline_ms);
    enum err e = ask_session(pg, deadline_ms, is_standby, out, &fault);

    if (e) {
        note_fault(faults, host, pg, timeout_ms, fault);
        PQfinish(pg);
    }
    return e;
}

enum err dial(const char *url, struct dialed *out, char faults[DIAL_FAULTS_SIZE])
{
    struct dialed found = {.pg = NULL, .is_read_only = true};
    const struct host *host = NULL;
    struct hosts hosts;
    enum err e = hosts_init(&hosts, url);

    faults[0] = '\0';
    while (!e && found.is_read_only && (host = hosts_next(&hosts))) {
        struct dialed next;

        if (try_host(url, host, hosts.timeout_ms, false, &next, faults))
            continue;
        if (found.pg && next.is_read_only) {
            PQfinish(next.pg);
            continue;
        }
        PQfinish(found.pg);
        found = next;
    }
    hosts_deinit(&hosts);
    if (!found.pg)
        return e ? e : ERR_UNAVAILABLE;
    *out = found;
    return ERR_NONE;
}

enum err dial_standby(const char *url, size_t first, struct dialed *out,
                      char faults[DIAL_FAULTS_SIZE])
{
    const struct host *host;
    struct hosts hosts;
    enum err e = hosts_init(&hosts, url);

    faults[0] = '\0';
    if (!e)
        e = ERR_UNAVAILABLE;
    hosts.first = first;
    if (hosts.timeout_ms > STANDBY_TIMEOUT_MS)
        hosts.timeout_ms = STANDBY_TIMEOUT_MS;
    while (e == ERR_UNAVAILABLE && (host = hosts_next(&hosts)))
        e = try_host(url, host, hosts.timeout_ms, true, out, faults);
    hosts_deinit(&hosts);
    return e;
}
