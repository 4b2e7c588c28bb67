/* SPDX-License-Identifier: MIT */
/* The order is the proof. What the primary says of a user before the standby is asked is at least
 * as new as anything that a page has been told. The standby's own state, in the snapshot of its
 * answer, is then compared with it: an answer of the same state is the answer of the primary. The
 * epoch tells a copy of another history, whose numbers mean nothing. Higher numbers will not do: a
 * standby shows a commit before the primary does, which waits for the disk and for other standbys,
 * so the next answer might be older again; and an erased user begins anew with low ones. */
#include "fcgi-app/store/standby.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/shared/backoff.h"
#include "fcgi-app/store/query.h"

enum {
    FAULTS_SIZE = 512,
    RETRY_FIRST_MS = 1000,
    RETRY_MAX_MS = 10000,
    BEHIND_MAX = 8, /* in a row: one may be a write of just now */
    CLOCKS_US = 1000000,
};

struct standby {
    struct connection *connection;
    size_t turn; /* which host it is connected to, or will be */
    bool is_left;
    struct backoff backoff; /* while it is left */
    int behind;             /* in a row */
    uint64_t counts[STANDBY_RESULTS];
};

enum err standby_new(const struct config_database *config, size_t number, struct standby **out)
{
    struct standby *s = calloc(1, sizeof(*s));

    if (!s)
        return ERR_NO_MEMORY;
    s->turn = number;
    s->backoff = (struct backoff){.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS};
    if (connection_new_standby(config, query_standby_statements, &s->connection)) {
        free(s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return ERR_NONE;
}

void standby_free(struct standby *s)
{
    if (!s)
        return;
    connection_free(s->connection);
    free(s);
}

bool standby_is_connected(const struct standby *s)
{
    return s && connection_is_connected(s->connection);
}

void standby_take_counts(struct standby *s, uint64_t counts[STANDBY_RESULTS])
{
    for (size_t i = 0; i < STANDBY_RESULTS; i++) {
        counts[i] = s->counts[i];
        s->counts[i] = 0;
    }
}

void standby_forget(struct standby *s)
{
    if (s)
        connection_forget(s->connection);
}

/* The next one is tried first then. Said once, until one is used again. */
static void leave(struct standby *s, const char *why)
{
    if (!s->is_left)
        log_warn("a standby of [database] read_url is left for a while, and reads go to the "
                 "primary: %s",
                 why);
    s->is_left = true;
    s->behind = 0;
    s->turn++;
    connection_close(s->connection);
    backoff_failed(&s->backoff, clock_ms(), clock_chance());
}

void standby_connect(struct standby *s)
{
    static atomic_flag is_busy = ATOMIC_FLAG_INIT; /* a silent host takes one thread, and not all */
    char faults[FAULTS_SIZE];

    if (!s || connection_is_connected(s->connection) || !backoff_is_due(&s->backoff, clock_ms()) ||
        atomic_flag_test_and_set(&is_busy))
        return;
    if (connection_open_standby(s->connection, s->turn, faults, sizeof(faults)))
        leave(s, faults);
    atomic_flag_clear(&is_busy);
}

STATEMENT(standby_proof, AS_USER, 1, 5, SHAPE_ROW_OR_NONE, REPEATABLE,
          "SELECT c.joined_pos, c.version, c.seq, c.epoch, " CLOCK_US(
              "clock_timestamp()") " FROM doorbell.check_state c WHERE c.user_id = $1");

struct proof {
    int64_t joined_pos, version, seq, epoch;
    int64_t at_us;    /* by the primary's clock */
    int64_t asked_us; /* by ours, before */
};

/* ERR_END: there is none. */
static enum err read_proof(struct store *store, const char *user, struct proof *out)
{
    int64_t asked_us = clock_us();
    const struct pg_result *r;
    enum err e = QUERY(store, standby_proof, &r, user);

    if (e)
        return e;
    *out = (struct proof){
        .joined_pos = value_read_int(r, 0, 0, 0),
        .version = value_read_int(r, 0, 1, 0),
        .seq = value_read_int(r, 0, 2, 0),
        .epoch = value_read_int(r, 0, 3, 0),
        .at_us = value_read_int(r, 0, 4, 0),
        .asked_us = asked_us,
    };
    return out->epoch > 0 ? ERR_NONE : ERR_END;
}

/* What expires does so by the clock of the server that is asked. */
const char *standby_fault(bool is_in_recovery, int64_t at_us, int64_t primary_us, int64_t asked_us)
{
    if (!is_in_recovery)
        return "it has been promoted";
    if (at_us < primary_us - CLOCKS_US || at_us > primary_us + (clock_us() - asked_us) + CLOCKS_US)
        return "its clock is more than a second away from the primary's; set both by NTP";
    return NULL;
}

/* Of the columns of AT_STANDBY, as all that follows. */
static bool is_proved(const struct proof *p, const struct pg_result *r)
{
    return value_read_int(r, 0, 1, 0) == p->epoch && value_read_int(r, 0, 3, 0) == p->joined_pos &&
           value_read_int(r, 0, 4, 0) == p->version && value_read_int(r, 0, 5, 0) == p->seq;
}

static void note_behind(struct standby *s)
{
    if (++s->behind >= BEHIND_MAX)
        leave(s, "its copy is older than the primary, or of another history of it");
}

static void note_use(struct standby *s)
{
    if (s->is_left)
        log_info("a standby of [database] read_url is read again");
    s->is_left = false;
    s->behind = 0;
    backoff_succeeded(&s->backoff);
}

void standby_note(struct standby *s, size_t asked, size_t proved, const char *fault)
{
    s->counts[STANDBY_USED] += proved;
    s->counts[STANDBY_BEHIND] += asked - proved;
    if (fault)
        leave(s, fault);
    else if (proved > 0)
        note_use(s);
    else
        note_behind(s);
}

/* An error of the schema's own, a message that is not there, say, may be one of an older copy. */
bool standby_ask(struct standby *s, const struct statement *statement, const char *const *values,
                 const struct pg_result **out)
{
    enum err e = connection_run_there(s->connection, statement, values, out);

    if (!e)
        return true;
    if (e != ERR_UNAVAILABLE) {
        standby_note(s, 1, 0, NULL);
        return false;
    }
    s->counts[STANDBY_FAILED]++;
    leave(s, "it did not answer");
    return false;
}

static bool judge(struct standby *s, const struct proof *p, const struct pg_result *r)
{
    const char *fault = standby_fault(value_read_int(r, 0, 2, 0) != 0, value_read_int(r, 0, 6, 0),
                                      p->at_us, p->asked_us);
    bool is_used = !fault && is_proved(p, r);

    standby_note(s, 1, is_used ? 1 : 0, fault);
    return is_used;
}

enum err standby_read(struct store *store, const char *user, const struct statement *statement,
                      const char *const *values, const struct pg_result **out)
{
    struct standby *s = store->standby;
    struct proof proof;
    enum err e;

    if (!standby_is_connected(s))
        return ERR_END;
    e = read_proof(store, user, &proof);
    if (e)
        return e;
    if (standby_ask(s, statement, values, out) && judge(s, &proof, *out))
        return ERR_NONE;
    return ERR_END;
}

const struct statement *const standby_statements[] = {&standby_proof, NULL};
