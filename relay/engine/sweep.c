/* SPDX-License-Identifier: MIT */
#include "relay/engine/sweep.h"

#include "relay/engine/sender.h"
#include "relay/session/transport.h"
#include "relay/socketio/session.h"

enum { ACTIONS_PER_TICK = 512 /* pings and closes; the rest waits for the next tick */ };

static bool is_news(const struct online *now, const struct online *seen)
{
    return now->users != seen->users || now->pages != seen->pages;
}

static void check_session(struct engine *engine, struct session *s,
                          const struct session_limits *limits, int *actions)
{
    uint16_t code;
    const char *reason;

    switch (session_check(s, limits, engine->api.now, &code, &reason)) {
    case DUE_CLOSE:
        engine_close(engine, s, code, reason);
        (*actions)++;
        break;
    case DUE_PING:
        sender_send_ping(engine, s);
        (*actions)++;
        break;
    case DUE_NOTHING:
        break;
    }
    if (s->page && s->state != SESSION_CLOSING)
        page_check(s);
    if (s->state != SESSION_CLOSING && s->wants_online &&
        is_news(&engine->online, &s->online_seen) && (!s->page || page_is_connected(s))) {
        sender_send_online(engine, s);
        (*actions)++;
    }
}

static void sweep_sessions(struct engine *engine)
{
    struct session_limits limits = engine_limits(engine);
    size_t slice = hub_sessions(engine->hub);
    int actions = 0;

    /* While draining, all of them at every tick: their deadlines are finer than a second. */
    if (!engine->drain_ends_ms)
        slice = slice / SWEEP_TICKS + (engine->ticks % SWEEP_TICKS < slice % SWEEP_TICKS);
    for (size_t i = 0; i < slice && (actions < ACTIONS_PER_TICK || engine->drain_ends_ms); i++) {
        struct session *s = hub_next_swept(engine->hub);

        if (!s)
            return;
        check_session(engine, s, &limits, &actions);
    }
}

static void kill_unanswered(struct engine *engine)
{
    struct session *s = hub_first_closing(engine->hub), *next;

    for (; s && s->is_transport_closing && engine->api.now.ms >= s->deadline_ms; s = next) {
        next = s->next;
        s->transport->kill(s);
    }
}

bool sweep_tick(struct engine *engine)
{
    sweep_sessions(engine);
    kill_unanswered(engine);
    if (++engine->ticks % SWEEP_TICKS != 0)
        return false;
    engine_publish_online(engine);
    return true;
}

void sweep_close_listed(struct engine *engine)
{
    /* Those of this turn stand last on the list. */
    struct session *s = hub_last_closing(engine->hub);

    while (s && !s->is_transport_closing) {
        struct session *before = s->prev;

        s->deadline_ms = engine->api.now.ms + SWEEP_CLOSING_MS;
        sender_send_last_words(engine, s);
        s->transport->close(s);
        s = before;
    }
}
