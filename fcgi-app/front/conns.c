/* SPDX-License-Identifier: MIT */
#include "fcgi-app/front/conns.h"

#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "common/bytes/invariant.h"

enum {
    SILENT_MIN_MS = 100, /* one that is younger is not the one that makes room */
    IDLE_MIN_MS = 500,
    READING_MIN_MS = 1000,
};

void conns_add(struct conns *all, struct conn *c, int64_t now_ms)
{
    c->state = CONN_IDLE;
    c->since_ms = now_ms;
    DL_APPEND(all->in_state[CONN_IDLE], c);
    all->count++;
}

void conns_close(struct conns *all, struct conn *c)
{
    conns_hold(all, c, 0);
    (void)close(c->fd);
    c->fd = -1;
    DL_DELETE(all->in_state[c->state], c);
    LL_PREPEND(all->ended, c);
    (void)INVARIANT(all->count > 0);
    all->count--;
}

void conns_free_ended(struct conns *all)
{
    while (all->ended) {
        struct conn *c = all->ended;

        all->ended = c->next;
        free(c);
    }
}

void conns_set_state(struct conns *all, struct conn *c, enum conn_state state, int64_t now_ms)
{
    DL_DELETE(all->in_state[c->state], c);
    c->state = state;
    c->since_ms = now_ms;
    DL_APPEND(all->in_state[state], c);
}

void conns_relist(struct conns *all, struct conn *c, enum conn_state before, bool has_progress,
                  int64_t now_ms)
{
    enum conn_state state = c->state;

    if (state == before && !(state == CONN_BODY && has_progress))
        return;
    c->state = before; /* whose list it is in */
    conns_set_state(all, c, state, now_ms);
}

void conns_hold(struct conns *all, struct conn *c, size_t bytes)
{
    (void)INVARIANT(all->held >= c->held);
    all->held += bytes - c->held;
    c->held = bytes;
}

struct conn *conns_find_overheld(const struct conns *all)
{
    bool is_over = all->held_max > 0 && all->held > all->held_max;

    return is_over ? all->in_state[CONN_WRITING] : NULL;
}

struct conn *conns_find_slow(const struct conns *all, enum conn_state state, int64_t before_ms)
{
    struct conn *c = all->in_state[state];

    return c && c->since_ms <= before_ms ? c : NULL;
}

struct conn *conns_find_dispensable(const struct conns *all, int64_t now_ms)
{
    struct conn *idle = all->in_state[CONN_IDLE];
    int min_ms = idle && idle->has_served ? IDLE_MIN_MS : SILENT_MIN_MS;
    struct conn *c = conns_find_slow(all, CONN_IDLE, now_ms - min_ms);

    return c ? c : conns_find_slow(all, CONN_READING, now_ms - READING_MIN_MS);
}
