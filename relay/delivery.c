/* SPDX-License-Identifier: MIT */
#include "relay/delivery.h"

#include <stdlib.h>

#include "common/os/log.h"
#include "relay/legacy.h"
#include "relay/page.h"
#include "relay/transport.h"

/* Counts a frame by what came of it. */
static void note_sent(struct core *core, struct session *s, const struct frame *f,
                      const struct message *m, enum send_result result)
{
    switch (result) {
    case SEND_DONE:
        core_count_frame(core, m, frame_len(f));
        break;
    case SEND_BLOCKED:
        stats_count(&core->stats, COUNT_MERGED, 1);
        slot_put(&s->slot, m);
        if (!s->blocked_ms && !s->is_late)
            hub_set_blocked(core->hub, s, core->api.now.ms);
        break;
    case SEND_DEAD:
        core_close(core, s, CLOSE_POLICY, "write failed");
        break;
    }
}

static void send_frame(struct core *core, struct session *s, const struct frame *f,
                       const struct message *m)
{
    if (s->state == SESSION_CLOSING)
        return;
    note_sent(core, s, f, m, slot_is_empty(&s->slot) ? s->transport->send(s, f) : SEND_BLOCKED);
}

void delivery_send(struct core *core, struct session *s, const struct message *m)
{
    if (s->page) {
        page_put(s, m);
        page_flush(s->page);
        return;
    }
    if (frame_encode(&core->frame, s->protocol, m))
        core_close(core, s, CLOSE_LATER, "out of memory");
    else
        send_frame(core, s, &core->frame, m);
}

void delivery_send_online(struct core *core, struct session *s)
{
    struct message m = {.type = MESSAGE_ONLINE, .as.online = core->online};

    s->online_seen = core->online;
    delivery_send(core, s, &m);
}

void delivery_send_ping(struct core *core, struct session *s)
{
    struct message m = {.type = MESSAGE_PING};

    s->pinged_ms = core->api.now.ms;
    delivery_send(core, s, &m);
}

void delivery_send_bye(struct core *core, struct session *s)
{
    int64_t window_ms = core->config->relay.drain_window_ms;
    uint32_t after_ms = window_ms ? (uint32_t)(rand_r(&core->seed) % window_ms) : 0;
    struct message m = {.type = MESSAGE_BYE, .as.after_ms = after_ms};

    s->deadline_ms = core->api.now.ms + after_ms;
    delivery_send(core, s, &m);
}

void delivery_send_farewell(struct core *core, struct session *s)
{
    struct message m = {.type = MESSAGE_ERROR, .as.fault = session_close_fault(s)};

    if (s->page) {
        page_farewell(s);
        return;
    }
    if (!s->protocol->tells_close || s->transport->is_blocked(s) ||
        frame_encode(&core->frame, s->protocol, &m))
        return;
    (void)s->transport->send(s, &core->frame);
}

static void fill_in(const struct core *core, const struct session *s, struct message *m)
{
    if (m->type == MESSAGE_WELCOME)
        m->as.user = hub_user_id(s);
    if (m->type == MESSAGE_ONLINE)
        m->as.online = core->online;
}

/* Sends the next message of the slot, which keeps it if the peer does not take it. False: there is
 * none, or the session is no more. */
static bool send_waiting(struct core *core, struct session *s)
{
    struct message m;

    if (!slot_take(&s->slot, &m))
        return false;
    fill_in(core, s, &m);
    if (frame_encode(&core->frame, s->protocol, &m))
        core_close(core, s, CLOSE_LATER, "out of memory");
    else
        note_sent(core, s, &core->frame, &m, s->transport->send(s, &core->frame));
    return s->state != SESSION_CLOSING;
}

void delivery_empty_slot(struct core *core, struct session *s)
{
    while (!s->transport->is_blocked(s) && send_waiting(core, s))
        ;
    if (slot_is_empty(&s->slot))
        hub_set_blocked(core->hub, s, 0);
}

/* Puts the message into the slot, until a later turn of the loop. */
static void defer(struct core *core, struct session *s, const struct message *m)
{
    if (s->page)
        page_put(s, m);
    else
        slot_put(&s->slot, m);
    if (s->state == SESSION_CLOSING)
        return; /* too much waits for it already */
    if (hub_deferred(core->hub) == 0)
        core->walk_after(core, 0);
    s->late_us = core->now_us;
    hub_defer(core->hub, s);
}

/* A long list must not hold up the others: beyond a slice its sessions wait for later turns. */
static void ring_session(struct core *core, struct session *s, const struct message *m)
{
    if (core->rung_in_turn < PACE_TURN_MAX || !slot_is_empty(&s->slot)) {
        core->rung_in_turn++;
        delivery_send(core, s, m);
    } else if (s->state != SESSION_CLOSING) {
        defer(core, s, m);
    }
}

static size_t ring_user(void *ctx, struct span user, const struct ring *ring)
{
    struct core *core = ctx;
    struct session *s = hub_find(core->hub, user);
    struct message m = {.type = MESSAGE_RING, .as.ring = *ring};
    size_t count = 0;

    core_time_rings(core, DELAY_MANY, core->now_us);
    for (struct session *next; s; s = next) {
        next = s->user_next;
        ring_session(core, s, &m);
        count++;
    }
    core_time_rings(core, DELAY_MANY, 0);
    return count;
}

static void send_deferred(struct core *core)
{
    struct session *s;

    for (int n = 0; n < PACE_TURN_MAX && (s = hub_next_deferred(core->hub)); n++) {
        core_time_rings(core, DELAY_MANY, s->late_us);
        if (s->page)
            page_flush(s->page);
        /* If the peer does not take even the first one, on_writable() is asked for by that. */
        else if (send_waiting(core, s))
            delivery_empty_slot(core, s);
    }
    core_time_rings(core, DELAY_MANY, 0);
}

static void send_broadcast(struct core *core)
{
    struct message m = {.type = MESSAGE_RING, .as.ring = core->pace.ring};
    size_t budget = pace_budget(&core->pace, core->config->relay.pace, core->api.now.ms);
    struct session *s;

    core_time_rings(core, DELAY_ALL, core->broadcast_us);
    while (budget > 0 && (s = hub_next_due(core->hub))) {
        if (s->page)
            page_tell_bulletin(s);
        else if (s->state == SESSION_OPEN)
            send_frame(core, s, &core->broadcasts[s->protocol->id], &m);
        else
            continue;
        budget--;
    }
    core_time_rings(core, DELAY_ALL, 0);
}

void delivery_walk(struct core *core)
{
    bool is_paced = core->config->relay.pace > 0;

    send_deferred(core);
    if (hub_due(core->hub) > 0)
        send_broadcast(core);
    /* The last one may as well have gone away. */
    if (hub_due(core->hub) == 0)
        bulletin_clear(&core->bulletin);
    if (hub_deferred(core->hub) > 0 || (hub_due(core->hub) > 0 && !is_paced))
        core->walk_after(core, 0);
    else
        core->walk_after(core, hub_due(core->hub) > 0 ? PACE_TICK_MS : -1);
}

static enum err encode_broadcast(struct core *core, const struct message *m)
{
    static const struct protocol *const protocols[] = {&native_protocol, &sse_protocol};
    enum err e = ERR_NONE;

    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]) && !e; i++)
        e = frame_encode(&core->broadcasts[protocols[i]->id], protocols[i], m);
    return e;
}

static enum err ring_all(void *ctx, const struct ring *ring, size_t *count)
{
    struct core *core = ctx;
    const struct config_relay *relay = &core->config->relay;
    struct message m = {.type = MESSAGE_RING, .as.ring = *ring};
    enum err e = bulletin_add(&core->bulletin, ring->packet,
                              (size_t)relay->socketio_max_pending / LEGACY_TEXTS_SHARE);

    if (e)
        return e;
    *count = hub_pages(core->hub);
    m.as.ring.packet = SPAN("");
    if (m.as.ring.type == RING_MANY && relay->pace == 0)
        m.as.ring.spread_ms = pace_spread_ms(*count, 0, relay->check_rate);
    pace_start(&core->pace, &m.as.ring, hub_due(core->hub) > 0, core->api.now.ms);
    hub_start_round(core->hub);
    core->broadcast_us = core->now_us;
    m.as.ring = core->pace.ring;
    if ((e = encode_broadcast(core, &m)))
        log_error("a broadcast is lost: out of memory");
    else
        core->walk_after(core, 0);
    return e;
}

const struct api_ops delivery_api_ops = {ring_user, ring_all};
