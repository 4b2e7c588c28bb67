/* SPDX-License-Identifier: MIT */
#include "relay/session/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A failed insertion leaves the table as it was, and the new entry's hh.tbl at NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { PROTOCOLS_MAX = 8 };

enum cursor { CURSOR_DUE, CURSOR_SWEEP, CURSOR_COUNT };

struct hub_user {
    UT_hash_handle hh;
    struct session *newest;
    struct session *oldest;
    uint32_t sessions;
    uint8_t id_len;
    char id[];
};

struct hub {
    struct hub_user *users;
    struct session *first; /* of a ring through prev and next */
    struct session *cursors[CURSOR_COUNT];
    struct session *closing_first; /* of a list that ends with NULL */
    struct session *closing_last;
    size_t sessions;
    size_t pages;
    struct hub_share shares[PROTOCOLS_MAX]; /* in the order of their first sessions */
    size_t share_count;
    size_t blocked;
    struct session *deferred_first;
    struct session *deferred_last;
    size_t due;
    size_t deferred;
    uint32_t round;
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
    size_t i = 0;

    while (i < h->share_count && h->shares[i].protocol != protocol)
        i++;
    assert(i < PROTOCOLS_MAX);
    if (i == h->share_count)
        h->shares[h->share_count++] = (struct hub_share){protocol, 0};
    h->shares[i].sessions += (size_t)n;
}

void hub_add(struct hub *h, struct session *s)
{
    if (h->first) {
        s->next = h->first;
        s->prev = h->first->prev;
        s->prev->next = s;
        s->next->prev = s;
    } else {
        s->prev = s->next = s;
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

enum err hub_login(struct hub *h, struct session *s, struct span user)
{
    struct hub_user *u = find_user(h, user);

    if (!u && !(u = add_user(h, user)))
        return ERR_NO_MEMORY;
    s->user = u;
    s->user_prev = NULL;
    s->user_next = u->newest;
    if (u->newest)
        u->newest->user_prev = s;
    else
        u->oldest = s;
    u->newest = s;
    u->sessions++;
    s->state = SESSION_OPEN;
    h->pages++;
    return ERR_NONE;
}

static void unlink_user(struct hub *h, struct session *s)
{
    struct hub_user *u = s->user;

    if (!u)
        return;
    if (s->user_prev)
        s->user_prev->user_next = s->user_next;
    else
        u->newest = s->user_next;
    if (s->user_next)
        s->user_next->user_prev = s->user_prev;
    else
        u->oldest = s->user_prev;
    if (--u->sessions == 0) {
        HASH_DEL(h->users, u);
        free(u);
    }
    s->user = NULL;
    h->pages--;
}

static void unlink_ring(struct hub *h, struct session *s)
{
    bool is_last = s->next == s;

    for (int i = 0; i < CURSOR_COUNT; i++)
        if (h->cursors[i] == s)
            h->cursors[i] = is_last ? NULL : s->next;
    if (h->first == s)
        h->first = is_last ? NULL : s->next;
    s->prev->next = s->next;
    s->next->prev = s->prev;
    if (s->round != h->round)
        h->due--;
    h->sessions--;
    count_protocol(h, s->protocol, -1);
}

static void unlink_closing(struct hub *h, struct session *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        h->closing_first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        h->closing_last = s->prev;
}

static void unlink_deferred(struct hub *h, struct session *s)
{
    if (!s->is_deferred)
        return;
    if (s->deferred_prev)
        s->deferred_prev->deferred_next = s->deferred_next;
    else
        h->deferred_first = s->deferred_next;
    if (s->deferred_next)
        s->deferred_next->deferred_prev = s->deferred_prev;
    else
        h->deferred_last = s->deferred_prev;
    s->is_deferred = false;
    h->deferred--;
}

void hub_remove(struct hub *h, struct session *s)
{
    if (s->state == SESSION_CLOSING) {
        unlink_closing(h, s);
        return;
    }
    unlink_user(h, s);
    unlink_deferred(h, s);
    hub_set_blocked(h, s, 0);
    unlink_ring(h, s);
}

void hub_close(struct hub *h, struct session *s, uint16_t code, const char *reason)
{
    if (s->state == SESSION_CLOSING)
        return;
    hub_remove(h, s);
    s->state = SESSION_CLOSING;
    s->close_code = code;
    s->close_reason = reason;
    s->next = NULL;
    s->prev = h->closing_last;
    if (s->prev)
        s->prev->next = s;
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

size_t hub_shares(const struct hub *h, const struct hub_share **out)
{
    *out = h->shares;
    return h->share_count;
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
        h->cursors[c] = s->next;
    return s;
}

struct session *hub_next_due(struct hub *h)
{
    while (h->due > 0) {
        struct session *s = step(h, CURSOR_DUE);

        if (s->round == h->round)
            continue;
        s->round = h->round;
        h->due--;
        return s;
    }
    return NULL;
}

void hub_defer(struct hub *h, struct session *s)
{
    if (s->is_deferred)
        return;
    s->is_deferred = true;
    s->deferred_next = NULL;
    s->deferred_prev = h->deferred_last;
    if (s->deferred_prev)
        s->deferred_prev->deferred_next = s;
    else
        h->deferred_first = s;
    h->deferred_last = s;
    h->deferred++;
}

size_t hub_deferred(const struct hub *h)
{
    return h->deferred;
}

struct session *hub_next_deferred(struct hub *h)
{
    struct session *s = h->deferred_first;

    if (s)
        unlink_deferred(h, s);
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
