/* SPDX-License-Identifier: MIT */
#include "relay/sweep.h"

#include "relay/delivery.h"
#include "relay/page.h"
#include "relay/transport.h"

enum { ACTIONS_PER_TICK = 512 /* pings and closes; the rest waits for the next tick */ };

static bool is_news(const struct online *now, const struct online *seen)
{
    return now->users != seen->users || now->pages != seen->pages;
}

static void check_session(struct core *core, struct session *s, const struct session_limits *limits,
                          int *actions)
{
    uint16_t code;
    const char *reason;

    switch (session_check(s, limits, core->api.now, &code, &reason)) {
    case DUE_CLOSE:
        core_close(core, s, code, reason);
        (*actions)++;
        break;
    case DUE_PING:
        delivery_send_ping(core, s);
        (*actions)++;
        break;
    case DUE_NOTHING:
        break;
    }
    if (s->page && s->state != SESSION_CLOSING)
        page_check(s);
    if (s->state != SESSION_CLOSING && s->wants_online && is_news(&core->online, &s->online_seen) &&
        (!s->page || page_is_connected(s))) {
        delivery_send_online(core, s);
        (*actions)++;
    }
}

static void sweep_sessions(struct core *core)
{
    struct session_limits limits = core_limits(core);
    size_t slice = hub_sessions(core->hub);
    int actions = 0;

    /* While draining, all of them at every tick: their deadlines are finer than a second. */
    if (!core->drain_ends_ms)
        slice = slice / SWEEP_TICKS + (core->ticks % SWEEP_TICKS < slice % SWEEP_TICKS);
    for (size_t i = 0; i < slice && (actions < ACTIONS_PER_TICK || core->drain_ends_ms); i++) {
        struct session *s = hub_next_swept(core->hub);

        if (!s)
            return;
        check_session(core, s, &limits, &actions);
    }
}

static void kill_unanswered(struct core *core)
{
    struct session *s = hub_first_closing(core->hub), *next;

    for (; s && s->is_transport_closing && core->api.now.ms >= s->deadline_ms; s = next) {
        next = s->next;
        s->transport->kill(s);
    }
}

bool sweep_tick(struct core *core)
{
    sweep_sessions(core);
    kill_unanswered(core);
    if (++core->ticks % SWEEP_TICKS != 0)
        return false;
    core_publish_online(core);
    return true;
}

void sweep_close_listed(struct core *core)
{
    /* Those of this turn stand last on the list. */
    struct session *s = hub_last_closing(core->hub);

    while (s && !s->is_transport_closing) {
        struct session *before = s->prev;

        s->deadline_ms = core->api.now.ms + SWEEP_CLOSING_MS;
        delivery_send_farewell(core, s);
        s->transport->close(s);
        s = before;
    }
}
