/* SPDX-License-Identifier: MIT */
/* A request goes from WAITING (its user has others under way) to READY (it waits for a connection)
 * to RUNNING. What a user may have at a time is counted over ready and running ones, so that the
 * lists of ready ones, one for each kind, hold a few of each user at most, and their order alone is
 * fair.
 *
 * A user is remembered while something of theirs is inside, and after that until their bucket is
 * full again: then there is nothing to remember. */
#include "fcgi-app/admission/shares.h"

#include <stdlib.h>
#include <string.h>

/* A failed insertion leaves the table as it was, and the new entry's hh.tbl at NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "common/bytes/invariant.h"
#include "common/limits/token_bucket.h"

enum {
    FORGET_AT_ONCE = 4, /* users, for each request that comes: more than it can add */
    IDLE_USERS_MAX = 100000,
};

/* What a user has at a time of one kind, SHARE_READ or SHARE_WRITE. */
struct share_slots {
    int64_t taken;
    struct share_ticket *waiting;
};

struct share_user {
    UT_hash_handle hh;
    struct token_bucket bucket;
    struct share_slots reads, writes;
    int64_t waiting;
    struct share_user *prev, *next; /* among the idle ones */
    bool is_idle;
    uint8_t id_len;
    char id[];
};

struct shares {
    struct share_limits limits;
    size_t connections;
    struct share_user *users;
    struct share_user *idle; /* those with nothing inside, the longest idle one first */
    size_t idle_count;
    struct share_ticket *ready[SHARE_KINDS];
    size_t running[SHARE_KINDS];
    struct share_ticket *oldest; /* of those that are not running */
    size_t waiting;
};

struct shares *shares_new(void)
{
    struct shares *s = calloc(1, sizeof(*s));

    if (s)
        s->connections = 1;
    return s;
}

static void leave_idle(struct shares *s, struct share_user *u)
{
    if (!u->is_idle)
        return;
    DL_DELETE(s->idle, u);
    s->idle_count--;
    u->is_idle = false;
}

static void forget_user(struct shares *s, struct share_user *u)
{
    leave_idle(s, u);
    HASH_DEL(s->users, u);
    free(u);
}

void shares_free(struct shares *s)
{
    struct share_user *u, *next;

    if (!s)
        return;
    HASH_ITER(hh, s->users, u, next)
    {
        forget_user(s, u);
    }
    free(s);
}

void shares_set_limits(struct shares *s, const struct share_limits *limits)
{
    s->limits = *limits;
}

void shares_set_connections(struct shares *s, size_t connections)
{
    s->connections = connections > 0 ? connections : 1;
}

static void forget_idle_users(struct shares *s, int64_t now_ms)
{
    for (int i = 0; i < FORGET_AT_ONCE && s->idle; i++) {
        if (s->idle_count <= IDLE_USERS_MAX &&
            !token_bucket_is_full(&s->idle->bucket, s->limits.user_rate, now_ms))
            return;
        forget_user(s, s->idle);
    }
}

static struct share_user *find_user(struct shares *s, struct span id)
{
    struct share_user *u;

    HASH_FIND(hh, s->users, id.p, id.len, u);
    if (u)
        return u;
    if (!INVARIANT(id.len <= UINT8_MAX))
        return NULL;
    u = calloc(1, sizeof(*u) + id.len);
    if (!u)
        return NULL;
    memcpy(u->id, id.p, id.len);
    u->id_len = (uint8_t)id.len;
    HASH_ADD_KEYPTR(hh, s->users, u->id, u->id_len, u);
    if (!u->hh.tbl) {
        free(u);
        return NULL;
    }
    return u;
}

static void note_idle(struct shares *s, struct share_user *u)
{
    if (u->reads.taken > 0 || u->writes.taken > 0 || u->waiting > 0)
        return;
    DL_APPEND(s->idle, u);
    s->idle_count++;
    u->is_idle = true;
}

static struct share_slots *slots_of(struct share_user *u, enum share_kind kind)
{
    return kind == SHARE_WRITE ? &u->writes : &u->reads;
}

static int64_t slots_limit(const struct shares *s, enum share_kind kind)
{
    int64_t limit = kind == SHARE_WRITE ? s->limits.user_writes : s->limits.user_reads;
    int64_t half = ((int64_t)s->connections + 1) / 2;

    if (limit == 0)
        return INT64_MAX;
    return kind == SHARE_READ && limit > half ? half : limit;
}

static void add_waiting(struct shares *s, struct share_ticket *t, int64_t now_ms)
{
    t->since_ms = now_ms;
    DL_APPEND2(s->oldest, t, older, newer);
    s->waiting++;
}

static void remove_waiting(struct shares *s, struct share_ticket *t)
{
    DL_DELETE2(s->oldest, t, older, newer);
    s->waiting--;
}

static void make_ready(struct shares *s, struct share_ticket *t)
{
    t->state = SHARE_READY;
    DL_APPEND(s->ready[t->kind], t);
}

static enum err take_token(const struct shares *s, struct share_user *u, int64_t now_ms,
                           int *retry_after_s)
{
    int64_t rate = s->limits.user_rate, burst = s->limits.user_burst;

    if (token_bucket_take(&u->bucket, rate, burst, now_ms))
        return ERR_NONE;
    *retry_after_s = (int)((token_bucket_wait_ms(&u->bucket, rate, burst) + 999) / 1000);
    return ERR_TOO_MANY;
}

/* A slot of the user's, or a place in their queue. */
static enum err take_place(struct shares *s, struct share_ticket *t, struct share_user *u)
{
    struct share_slots *slots = slots_of(u, t->kind);

    if (slots->taken < slots_limit(s, t->kind)) {
        slots->taken++;
        make_ready(s, t);
        return ERR_NONE;
    }
    if (s->limits.user_queue != 0 && u->waiting >= s->limits.user_queue)
        return ERR_TOO_MANY;
    t->state = SHARE_WAITING;
    DL_APPEND(slots->waiting, t);
    u->waiting++;
    return ERR_NONE;
}

enum err shares_enter(struct shares *s, struct share_ticket *t, enum share_kind kind,
                      struct span user, int64_t now_ms, int *retry_after_s)
{
    struct share_user *u = NULL;
    enum err e = ERR_NONE;

    *t = (struct share_ticket){.kind = kind};
    if (kind == SHARE_CHECK || kind == SHARE_READ || kind == SHARE_WRITE) {
        forget_idle_users(s, now_ms);
        u = find_user(s, user);
        if (!u)
            return ERR_NO_MEMORY;
        leave_idle(s, u);
        e = take_token(s, u, now_ms, retry_after_s);
    }
    if (!e && u && kind != SHARE_CHECK) {
        *retry_after_s = 1;
        e = take_place(s, t, u);
        t->user = e ? NULL : u;
    }
    if (!u)
        make_ready(s, t);
    if (t->state != SHARE_GONE)
        add_waiting(s, t, now_ms);
    if (u)
        note_idle(s, u);
    return e;
}

/* Whether one more of this kind may run. */
static bool has_room(const struct shares *s, enum share_kind kind)
{
    size_t connections = s->connections;
    size_t reserve = s->limits.reserve > 0 ? (size_t)s->limits.reserve : connections / 2;
    size_t writes =
        s->running[SHARE_WRITE] + s->running[SHARE_SERVICE] + s->running[SHARE_BROADCAST];
    size_t writes_max = connections > reserve ? connections - reserve : 1;

    if (kind == SHARE_PUBLIC || kind == SHARE_TEXT)
        return s->running[kind] == 0;
    if (kind == SHARE_READ || kind == SHARE_FIRST_CHECK)
        return true;
    return writes < writes_max && (kind != SHARE_BROADCAST || s->running[kind] == 0);
}

struct share_ticket *shares_next(struct shares *s)
{
    struct share_ticket *next = NULL;

    for (int kind = 0; kind < SHARE_KINDS; kind++) {
        struct share_ticket *t = s->ready[kind];

        if (t && (!next || t->since_ms < next->since_ms) && has_room(s, t->kind))
            next = t;
    }
    if (!next)
        return NULL;
    DL_DELETE(s->ready[next->kind], next);
    remove_waiting(s, next);
    next->state = SHARE_RUNNING;
    s->running[next->kind]++;
    return next;
}

void shares_change(struct shares *s, struct share_ticket *t, enum share_kind kind, int64_t now_ms)
{
    if (!INVARIANT(t->state == SHARE_RUNNING && !t->user))
        return;
    s->running[t->kind]--;
    t->kind = kind;
    make_ready(s, t);
    add_waiting(s, t, now_ms);
}

/* A slot is free again: for the next one of the user's that waits for it. */
static void release_slot(struct shares *s, struct share_user *u, enum share_kind kind)
{
    struct share_slots *slots = slots_of(u, kind);
    struct share_ticket *t = slots->waiting;

    slots->taken--;
    if (!t || slots->taken >= slots_limit(s, kind))
        return;
    DL_DELETE(slots->waiting, t);
    u->waiting--;
    slots->taken++;
    make_ready(s, t);
}

void shares_leave(struct shares *s, struct share_ticket *t, int64_t now_ms)
{
    struct share_user *u = t->user;

    if (t->state == SHARE_GONE)
        return;
    if (t->state == SHARE_RUNNING) {
        (void)INVARIANT(s->running[t->kind] > 0);
        s->running[t->kind]--;
    } else {
        remove_waiting(s, t);
    }
    if (t->state == SHARE_READY)
        DL_DELETE(s->ready[t->kind], t);
    if (t->state == SHARE_WAITING) {
        DL_DELETE(slots_of(u, t->kind)->waiting, t);
        u->waiting--;
    } else if (u) {
        release_slot(s, u, t->kind);
    }
    t->state = SHARE_GONE;
    if (u)
        note_idle(s, u);
    forget_idle_users(s, now_ms);
}

struct share_ticket *shares_overdue(const struct shares *s, int64_t before_ms)
{
    return s->oldest && s->oldest->since_ms <= before_ms ? s->oldest : NULL;
}

size_t shares_waiting(const struct shares *s)
{
    return s->waiting;
}

size_t shares_users(const struct shares *s)
{
    return HASH_COUNT(s->users);
}
