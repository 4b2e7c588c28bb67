/* SPDX-License-Identifier: MIT */
#include "relay/engine/ringer.h"

#include "relay/engine/pace.h"

enum { VISITS_MAX = 4096 /* in one turn, of sessions that may not be told */ };

/* A long list must not hold up the others: after a slice its sessions wait for later turns. */
static void ring_session(struct engine *e, struct session *s)
{
    if (s->state == SESSION_CLOSING)
        return;
    if (e->rung_in_turn < PACE_TURN_MAX || s->blocked_ms)
        e->rung_in_turn++;
    else
        hub_list(e->hub, s, HUB_DEFERRED);
    (void)engine_deliver(e, s, &e->frames);
}

/* A text is encoded before anybody hears of it, since it may be too long. */
static enum err encode_text(struct engine *e, const struct ring *ring)
{
    const struct frame *ignored;
    enum err error = ERR_NONE;

    for (size_t i = 0; ring->text.p && i < PROTOCOL_COUNT && !error; i++)
        error = frames_get(&e->frames, e, e->protocols[i].protocol, &ignored);
    return error;
}

enum err ringer_ring_user(struct engine *e, struct span user, const struct ring *ring,
                          size_t *count)
{
    struct event event = {.type = EVENT_RING, .as.ring = *ring};
    struct session *next;
    enum err error;

    *count = 0;
    frames_begin(&e->frames, &event, e->now.us);
    if ((error = encode_text(e, ring)))
        return error;
    for (struct session *s = hub_find(e->hub, user); s; s = next) {
        next = s->of_user.next;
        ring_session(e, s);
        (*count)++;
    }
    return ERR_NONE;
}

enum err ringer_ring_all(struct engine *e, const struct ring *ring, size_t *count)
{
    struct event event = {.type = EVENT_RING, .as.ring = *ring};
    enum err error;

    frames_begin(&e->frames, &event, 0);
    error = encode_text(e, ring);
    for (size_t i = 0; i < PROTOCOL_COUNT && !error; i++)
        error = e->protocols[i].protocol->announce(e, &e->frames);
    if (error)
        return error;
    *count = hub_pages(e->hub);
    broadcaster_start(&e->broadcaster, ring, hub_due(e->hub) > 0, &e->config->relay, *count,
                      &e->now);
    hub_start_round(e->hub);
    return ERR_NONE;
}

bool ringer_learn(struct engine *e, const struct epoch_name *name, int64_t seq)
{
    static const struct ring ask = {.type = RING_ASK};
    size_t ignored;

    if (!epoch_learn(&e->epoch, name, seq))
        return false;
    /* Where this fails, the pings tell of the epoch. */
    (void)!ringer_ring_all(e, &ask, &ignored);
    return true;
}

static void send_deferred(struct engine *e)
{
    struct session *s;

    for (int n = 0; n < PACE_TURN_MAX && (s = hub_next_listed(e->hub, HUB_DEFERRED)); n++)
        s->protocol->flush(e, s);
}

static void send_broadcast(struct engine *e)
{
    struct broadcaster *b = &e->broadcaster;
    size_t budget = pace_budget(&b->pace, broadcaster_rate(b, &e->config->relay), e->now.ms);
    struct session *s;

    /* The pace is for those who are told. */
    for (int n = 0; n < VISITS_MAX && budget > 0 && (s = hub_next_due(e->hub)); n++)
        if (broadcaster_is_for(b, s->protocol) && engine_deliver(e, s, &b->frames))
            budget--;
    if (hub_due(e->hub) == 0 && broadcaster_goes_on(b))
        hub_start_round(e->hub);
}

void ringer_walk(struct engine *e)
{
    send_deferred(e);
    if (hub_due(e->hub) > 0)
        send_broadcast(e);
}

int64_t ringer_wait_ms(const struct engine *e)
{
    int64_t rate, ms;

    if (hub_listed(e->hub, HUB_DEFERRED) > 0)
        return 0;
    if (hub_due(e->hub) == 0)
        return -1;
    rate = broadcaster_rate(&e->broadcaster, &e->config->relay);
    if (rate == 0)
        return 0;
    /* No later than as many are due as a turn may ring. */
    ms = (int64_t)PACE_TURN_MAX * 1000 / rate;
    if (ms < 1)
        return 1;
    return ms < PACE_TICK_MS ? ms : PACE_TICK_MS;
}
