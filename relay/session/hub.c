/* SPDX-License-Identifier: MIT */
/* hub.c - four sets of lists over the same sessions, so that nothing is ever searched: all of them
 * in a circle that two cursors walk, those of each user, those that have something to send, and the
 * closing ones. A cursor on a session that goes moves on to the next one, so a walk survives any
 * change. A broadcast is a number: a session whose `round` is another has not had it. */
#include "relay/session/hub.h"

#include <stdlib.h>
#include <string.h>

/* A failed insertion leaves the table as it was, and the new entry's hh.tbl at NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "common/bytes/invariant.h"

enum cursor { CURSOR_DUE, CURSOR_SWEEP, CURSOR_COUNT };

struct hub_user {
    UT_hash_handle hh;
    struct session *newest;
    struct session *oldest;
    struct hub_user *held_prev, *held_next;
    bool is_held;
    uint32_t sessions;
    uint8_t id_len;
    char id[];
};

struct hub_queue {
    struct session *first, *last;
    size_t count;
};

struct hub {
    struct hub_user *users;
    struct session *first; /* of a circular list */
    struct session *cursors[CURSOR_COUNT];
    struct session *closing_first; /* of a list that ends with NULL */
    struct session *closing_last;
    size_t sessions;
    size_t pages;
    struct hub_share shares[PROTOCOL_COUNT];
    size_t blocked;
    struct hub_queue queues[HUB_LISTS]; /* that of HUB_NOT_LISTED stays empty */
    size_t due;
    uint32_t round;
    hub_watcher *watcher; /* NULL: nobody is told */
    void *watcher_ctx;
    struct hub_user *held_first;
    size_t held;
    struct hub_user *walk; /* the next one of a walk over all users */
    bool is_walking;
};

struct hub *hub_new(void)
{
    return calloc(1, sizeof(struct hub));
}

void hub_free(struct hub *h)
{
    struct hub_user *u, *next;

    if (!h)
        return;
    HASH_ITER(hh, h->users, u, next)
    {
        HASH_DEL(h->users, u);
        free(u);
    }
    free(h);
}

static void count_protocol(struct hub *h, const struct protocol *protocol, int n)
{
    struct hub_share *share = &h->shares[protocol->id];

    share->protocol = protocol;
    share->sessions += (size_t)n;
}

void hub_add(struct hub *h, struct session *s)
{
    if (h->first) {
        s->all.next = h->first;
        s->all.prev = h->first->all.prev;
        s->all.prev->all.next = s;
        s->all.next->all.prev = s;
    } else {
        s->all.prev = s->all.next = s;
        h->first = s;
        for (int i = 0; i < CURSOR_COUNT; i++)
            h->cursors[i] = s;
    }
    s->round = h->round;
    h->sessions++;
    count_protocol(h, s->protocol, 1);
}

static struct hub_user *find_user(const struct hub *h, struct span id)
{
    struct hub_user *u;

    HASH_FIND(hh, h->users, id.p, id.len, u);
    return u;
}

static struct hub_user *add_user(struct hub *h, struct span id)
{
    struct hub_user *u = calloc(1, sizeof(*u) + id.len);

    if (!u)
        return NULL;
    memcpy(u->id, id.p, id.len);
    u->id_len = (uint8_t)id.len;
    HASH_ADD_KEYPTR(hh, h->users, u->id, id.len, u);
    if (!u->hh.tbl) {
        free(u);
        return NULL;
    }
    return u;
}

void hub_watch(struct hub *h, hub_watcher *watcher, void *ctx)
{
    h->watcher = watcher;
    h->watcher_ctx = ctx;
}

bool hub_is_held(const struct session *s)
{
    return s->user && s->user->is_held;
}

size_t hub_held(const struct hub *h)
{
    return h->held;
}

static void hold(struct hub *h, struct hub_user *u)
{
    u->is_held = true;
    u->held_next = h->held_first;
    if (h->held_first)
        h->held_first->held_prev = u;
    h->held_first = u;
    h->held++;
}

static void release(struct hub *h, struct hub_user *u)
{
    if (!u->is_held)
        return;
    if (u->held_prev)
        u->held_prev->held_next = u->held_next;
    else
        h->held_first = u->held_next;
    if (u->held_next)
        u->held_next->held_prev = u->held_prev;
    u->held_prev = u->held_next = NULL;
    u->is_held = false;
    h->held--;
}

struct session *hub_release(struct hub *h, struct span user)
{
    struct hub_user *u = find_user(h, user);

    if (!u || !u->is_held)
        return NULL;
    release(h, u);
    return u->newest;
}

struct session *hub_release_next(struct hub *h)
{
    struct hub_user *u = h->held_first;

    if (!u)
        return NULL;
    release(h, u);
    return u->newest;
}

bool hub_next_user(struct hub *h, bool is_first, struct span *user)
{
    struct hub_user *u = is_first ? h->users : h->walk;

    h->is_walking = u != NULL;
    if (!u)
        return false;
    h->walk = u->hh.next;
    *user = (struct span){u->id, u->id_len};
    return true;
}

static void note_arrival(struct hub *h, struct hub_user *u)
{
    struct span id = {u->id, u->id_len};

    if (u->sessions > 1) {
        if (h->watcher)
            (void)h->watcher(h->watcher_ctx, id, HUB_USER_CAME_AGAIN);
        return;
    }
    if (h->is_walking && !h->walk)
        h->walk = u;
    if (h->watcher && h->watcher(h->watcher_ctx, id, HUB_USER_CAME))
        hold(h, u);
}

static void note_departure(struct hub *h, struct hub_user *u)
{
    release(h, u);
    if (h->walk == u)
        h->walk = u->hh.next;
    if (h->watcher)
        (void)h->watcher(h->watcher_ctx, (struct span){u->id, u->id_len}, HUB_USER_WENT);
}

enum err hub_login(struct hub *h, struct session *s, struct span user)
{
    struct hub_user *u = find_user(h, user);

    if (!u && !(u = add_user(h, user)))
        return ERR_NO_MEMORY;
    s->user = u;
    s->of_user.prev = NULL;
    s->of_user.next = u->newest;
    if (u->newest)
        u->newest->of_user.prev = s;
    else
        u->oldest = s;
    u->newest = s;
    u->sessions++;
    s->state = SESSION_OPEN;
    h->pages++;
    note_arrival(h, u);
    return ERR_NONE;
}

static void unlink_user(struct hub *h, struct session *s)
{
    struct hub_user *u = s->user;

    if (!u)
        return;
    if (s->of_user.prev)
        s->of_user.prev->of_user.next = s->of_user.next;
    else
        u->newest = s->of_user.next;
    if (s->of_user.next)
        s->of_user.next->of_user.prev = s->of_user.prev;
    else
        u->oldest = s->of_user.prev;
    if (--u->sessions == 0) {
        note_departure(h, u);
        HASH_DEL(h->users, u);
        free(u);
    }
    s->user = NULL;
    h->pages--;
}

static void unlink_all(struct hub *h, struct session *s)
{
    bool is_last = s->all.next == s;

    for (int i = 0; i < CURSOR_COUNT; i++)
        if (h->cursors[i] == s)
            h->cursors[i] = is_last ? NULL : s->all.next;
    if (h->first == s)
        h->first = is_last ? NULL : s->all.next;
    s->all.prev->all.next = s->all.next;
    s->all.next->all.prev = s->all.prev;
    if (s->round != h->round)
        h->due--;
    h->sessions--;
    count_protocol(h, s->protocol, -1);
}

static void unlink_closing(struct hub *h, struct session *s)
{
    if (s->all.prev)
        s->all.prev->all.next = s->all.next;
    else
        h->closing_first = s->all.next;
    if (s->all.next)
        s->all.next->all.prev = s->all.prev;
    else
        h->closing_last = s->all.prev;
}

static void unlink_pending(struct hub *h, struct session *s)
{
    struct hub_queue *q = &h->queues[s->pending_on];

    if (s->pending_on == HUB_NOT_LISTED)
        return;
    if (s->pending.prev)
        s->pending.prev->pending.next = s->pending.next;
    else
        q->first = s->pending.next;
    if (s->pending.next)
        s->pending.next->pending.prev = s->pending.prev;
    else
        q->last = s->pending.prev;
    q->count--;
    s->pending_on = HUB_NOT_LISTED;
}

void hub_remove(struct hub *h, struct session *s)
{
    unlink_pending(h, s);
    if (s->state == SESSION_CLOSING) {
        unlink_closing(h, s);
        return;
    }
    unlink_user(h, s);
    hub_set_blocked(h, s, 0);
    unlink_all(h, s);
}

void hub_close(struct hub *h, struct session *s, uint16_t code, const char *reason)
{
    if (s->state == SESSION_CLOSING)
        return;
    (void)INVARIANT(h->sessions > 0 && h->blocked <= h->sessions);
    hub_remove(h, s);
    s->state = SESSION_CLOSING;
    s->end = (struct session_end){reason, code};
    s->all.next = NULL;
    s->all.prev = h->closing_last;
    if (s->all.prev)
        s->all.prev->all.next = s;
    else
        h->closing_first = s;
    h->closing_last = s;
}

struct session *hub_first_closing(const struct hub *h)
{
    return h->closing_first;
}

struct session *hub_last_closing(const struct hub *h)
{
    return h->closing_last;
}

struct session *hub_find(const struct hub *h, struct span user)
{
    struct hub_user *u = find_user(h, user);

    return u ? u->newest : NULL;
}

struct session *hub_oldest_of_user(const struct session *s)
{
    return s->user->oldest;
}

size_t hub_user_sessions(const struct session *s)
{
    return s->user->sessions;
}

struct span hub_user_id(const struct session *s)
{
    return s->user ? (struct span){s->user->id, s->user->id_len} : (struct span){NULL, 0};
}

size_t hub_sessions(const struct hub *h)
{
    return h->sessions;
}

size_t hub_users(const struct hub *h)
{
    return HASH_COUNT(h->users);
}

size_t hub_pages(const struct hub *h)
{
    return h->pages;
}

const struct hub_share *hub_shares(const struct hub *h)
{
    return h->shares;
}

void hub_set_blocked(struct hub *h, struct session *s, int64_t since_ms)
{
    h->blocked += (size_t)(since_ms != 0) - (size_t)(s->blocked_ms != 0);
    s->blocked_ms = since_ms;
}

size_t hub_blocked(const struct hub *h)
{
    return h->blocked;
}

void hub_start_round(struct hub *h)
{
    h->round++;
    h->due = h->sessions;
}

size_t hub_due(const struct hub *h)
{
    return h->due;
}

static struct session *step(struct hub *h, enum cursor c)
{
    struct session *s = h->cursors[c];

    if (s)
        h->cursors[c] = s->all.next;
    return s;
}

struct session *hub_next_due(struct hub *h)
{
    while (h->due > 0) {
        struct session *s = step(h, CURSOR_DUE);

        if (!INVARIANT(s != NULL && h->due <= h->sessions)) {
            h->due = 0;
            return NULL;
        }
        if (s->round == h->round)
            continue;
        s->round = h->round;
        h->due--;
        return s;
    }
    return NULL;
}

void hub_list(struct hub *h, struct session *s, enum hub_list list)
{
    struct hub_queue *q = &h->queues[list];

    if (s->pending_on == HUB_DIRTY || s->pending_on == list)
        return;
    unlink_pending(h, s);
    if (!INVARIANT(list != HUB_NOT_LISTED))
        return;
    s->pending_on = (uint8_t)list;
    s->pending.next = NULL;
    s->pending.prev = q->last;
    if (q->last)
        q->last->pending.next = s;
    else
        q->first = s;
    q->last = s;
    q->count++;
}

size_t hub_listed(const struct hub *h, enum hub_list list)
{
    return h->queues[list].count;
}

struct session *hub_next_listed(struct hub *h, enum hub_list list)
{
    struct session *s = h->queues[list].first;

    if (s)
        unlink_pending(h, s);
    return s;
}

struct session *hub_next_swept(struct hub *h)
{
    return step(h, CURSOR_SWEEP);
}

struct session *hub_first(const struct hub *h)
{
    return h->first;
}
