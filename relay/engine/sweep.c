/* SPDX-License-Identifier: MIT */
#include "relay/engine/sweep.h"

enum { ACTIONS_PER_TICK = 512 /* pings and closes; the rest waits for the next tick */ };

/* Encoded once for all that are due. What a broadcast under way is about is not told by a ping:
 * those who are still to be rung would ask twice, and not at its pace. */
static void begin_pings(struct engine *e)
{
    struct event ping = {.type = EVENT_PING};

    if (hub_due(e->hub) == 0)
        epoch_settle(&e->epoch);
    ping.as.seq = e->epoch.ping_seq;
    frames_begin(&e->pings, &ping, 0);
}

static void sweep_sessions(struct engine *e)
{
    bool is_draining = e->admission.drain_ends_ms != 0;
    size_t slice = hub_sessions(e->hub);
    int actions = 0;

    /* While draining, all of them at every tick: their deadlines are finer than a second. */
    if (!is_draining)
        slice = slice / SWEEP_TICKS + (e->ticks % SWEEP_TICKS < slice % SWEEP_TICKS);
    for (size_t i = 0; i < slice && (actions < ACTIONS_PER_TICK || is_draining); i++) {
        struct session *s = hub_next_swept(e->hub);

        if (!s)
            return;
        actions += s->protocol->check(e, s);
    }
}

/* Those whose client has not answered the close in time. */
static void kill_unanswered(struct engine *e)
{
    struct session *s = hub_first_closing(e->hub), *next;

    for (; s && s->is_end_told && e->now.ms >= s->deadline_ms; s = next) {
        next = s->all.next;
        if (s->conn)
            s->conn->transport->kill(s->conn);
        else
            engine_forget(e, s);
    }
}

bool sweep_tick(struct engine *e)
{
    begin_pings(e);
    sweep_sessions(e);
    kill_unanswered(e);
    if (++e->ticks % SWEEP_TICKS != 0)
        return false;
    engine_publish_online(e);
    return true;
}
