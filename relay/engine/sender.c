/* SPDX-License-Identifier: MIT */
#include "relay/engine/sender.h"

#include <stdlib.h>

#include "common/os/log.h"
#include "relay/publish/web_msg_sender.h"
#include "relay/session/transport.h"
#include "relay/socketio/session.h"

/* Counts a frame by what came of it. */
static void note_sent(struct engine *engine, struct session *s, const struct frame *f,
                      const struct event *m, enum send_result result)
{
    switch (result) {
    case SEND_DONE:
        engine_count_frame(engine, m, frame_len(f));
        break;
    case SEND_BLOCKED:
        metrics_count(&engine->metrics, COUNT_MERGED, 1);
        slot_put(&s->slot, m);
        if (!s->blocked_ms && !s->is_deferred)
            hub_set_blocked(engine->hub, s, engine->api.now.ms);
        break;
    case SEND_DEAD:
        engine_close(engine, s, CLOSE_POLICY, "write failed");
        break;
    }
}

static void send_frame(struct engine *engine, struct session *s, const struct frame *f,
                       const struct event *m)
{
    if (s->state == SESSION_CLOSING)
        return;
    note_sent(engine, s, f, m, slot_is_empty(&s->slot) ? s->transport->send(s, f) : SEND_BLOCKED);
}

void sender_send(struct engine *engine, struct session *s, const struct event *m)
{
    if (s->page) {
        page_put(s, m);
        page_flush(s->page);
        return;
    }
    if (frame_encode(&engine->frame, s->protocol, m))
        engine_close(engine, s, CLOSE_LATER, "out of memory");
    else
        send_frame(engine, s, &engine->frame, m);
}

void sender_send_online(struct engine *engine, struct session *s)
{
    struct event m = {.type = EVENT_ONLINE, .as.online = engine->online};

    s->online_seen = engine->online;
    sender_send(engine, s, &m);
}

void sender_send_ping(struct engine *engine, struct session *s)
{
    struct event m = {.type = EVENT_PING};

    s->pinged_ms = engine->api.now.ms;
    sender_send(engine, s, &m);
}

void sender_send_close_notice(struct engine *engine, struct session *s)
{
    int64_t window_ms = engine->config->relay.drain_window_ms;
    uint32_t after_ms = window_ms ? (uint32_t)(rand_r(&engine->seed) % window_ms) : 0;
    struct event m = {.type = EVENT_CLOSE_NOTICE, .as.after_ms = after_ms};

    s->deadline_ms = engine->api.now.ms + after_ms;
    sender_send(engine, s, &m);
}

void sender_send_last_words(struct engine *engine, struct session *s)
{
    struct event m = {.type = EVENT_ERROR, .as.fault = session_close_fault(s)};

    if (s->page) {
        page_farewell(s);
        return;
    }
    if (!s->protocol->tells_close || s->transport->is_blocked(s) ||
        frame_encode(&engine->frame, s->protocol, &m))
        return;
    (void)s->transport->send(s, &engine->frame);
}

static void fill_in(const struct engine *engine, const struct session *s, struct event *m)
{
    if (m->type == EVENT_WELCOME)
        m->as.user = hub_user_id(s);
    if (m->type == EVENT_ONLINE)
        m->as.online = engine->online;
}

/* Sends the next message of the slot, which keeps it if the peer does not take it. False: there is
 * none, or the session is no more. */
static bool send_waiting(struct engine *engine, struct session *s)
{
    struct event m;

    if (!slot_take(&s->slot, &m))
        return false;
    fill_in(engine, s, &m);
    if (frame_encode(&engine->frame, s->protocol, &m))
        engine_close(engine, s, CLOSE_LATER, "out of memory");
    else
        note_sent(engine, s, &engine->frame, &m, s->transport->send(s, &engine->frame));
    return s->state != SESSION_CLOSING;
}

void sender_empty_slot(struct engine *engine, struct session *s)
{
    while (!s->transport->is_blocked(s) && send_waiting(engine, s))
        ;
    if (slot_is_empty(&s->slot))
        hub_set_blocked(engine->hub, s, 0);
}

/* Puts the message into the slot, until a later turn of the loop. */
static void defer(struct engine *engine, struct session *s, const struct event *m)
{
    if (s->page)
        page_put(s, m);
    else
        slot_put(&s->slot, m);
    if (s->state == SESSION_CLOSING)
        return; /* too much waits for it already */
    if (hub_deferred(engine->hub) == 0)
        engine->walk_after(engine, 0);
    s->deferred_us = engine->now_us;
    hub_defer(engine->hub, s);
}

/* A long list must not hold up the others: beyond a slice its sessions wait for later turns. */
static void ring_session(struct engine *engine, struct session *s, const struct event *m)
{
    if (engine->rung_in_turn < PACE_TURN_MAX || !slot_is_empty(&s->slot)) {
        engine->rung_in_turn++;
        sender_send(engine, s, m);
    } else if (s->state != SESSION_CLOSING) {
        defer(engine, s, m);
    }
}

static size_t ring_user(void *ctx, struct span user, const struct ring *ring)
{
    struct engine *engine = ctx;
    struct session *s = hub_find(engine->hub, user);
    struct event m = {.type = EVENT_RING, .as.ring = *ring};
    size_t count = 0;

    engine_time_rings(engine, DELAY_MANY, engine->now_us);
    for (struct session *next; s; s = next) {
        next = s->user_next;
        ring_session(engine, s, &m);
        count++;
    }
    engine_time_rings(engine, DELAY_MANY, 0);
    return count;
}

static void send_deferred(struct engine *engine)
{
    struct session *s;

    for (int n = 0; n < PACE_TURN_MAX && (s = hub_next_deferred(engine->hub)); n++) {
        engine_time_rings(engine, DELAY_MANY, s->deferred_us);
        if (s->page)
            page_flush(s->page);
        /* If the peer does not take even the first one, on_writable() is asked for by that. */
        else if (send_waiting(engine, s))
            sender_empty_slot(engine, s);
    }
    engine_time_rings(engine, DELAY_MANY, 0);
}

static void send_broadcast(struct engine *engine)
{
    struct event m = {.type = EVENT_RING, .as.ring = engine->pace.ring};
    size_t budget = pace_budget(&engine->pace, engine->config->relay.pace, engine->api.now.ms);
    struct session *s;

    engine_time_rings(engine, DELAY_ALL, engine->broadcast_us);
    while (budget > 0 && (s = hub_next_due(engine->hub))) {
        if (s->page)
            page_tell_bulletin(s);
        else if (s->state == SESSION_OPEN)
            send_frame(engine, s, &engine->broadcasts[s->protocol->id], &m);
        else
            continue;
        budget--;
    }
    engine_time_rings(engine, DELAY_ALL, 0);
}

void sender_walk(struct engine *engine)
{
    bool is_paced = engine->config->relay.pace > 0;

    send_deferred(engine);
    if (hub_due(engine->hub) > 0)
        send_broadcast(engine);
    /* The last one may as well have gone away. */
    if (hub_due(engine->hub) == 0)
        broadcast_log_clear(&engine->log);
    if (hub_deferred(engine->hub) > 0 || (hub_due(engine->hub) > 0 && !is_paced))
        engine->walk_after(engine, 0);
    else
        engine->walk_after(engine, hub_due(engine->hub) > 0 ? PACE_TICK_MS : -1);
}

static enum err encode_broadcast(struct engine *engine, const struct event *m)
{
    static const struct protocol *const protocols[] = {&native_protocol, &sse_protocol};
    enum err e = ERR_NONE;

    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]) && !e; i++)
        e = frame_encode(&engine->broadcasts[protocols[i]->id], protocols[i], m);
    return e;
}

static enum err ring_all(void *ctx, const struct ring *ring, size_t *count)
{
    struct engine *engine = ctx;
    const struct config_relay *relay = &engine->config->relay;
    struct event m = {.type = EVENT_RING, .as.ring = *ring};
    enum err e =
        broadcast_log_add(&engine->log, ring->packet,
                          (size_t)relay->socketio_max_pending / WEB_MSG_SENDER_TEXTS_SHARE);

    if (e)
        return e;
    *count = hub_pages(engine->hub);
    m.as.ring.packet = SPAN("");
    if (m.as.ring.type == RING_MANY && relay->pace == 0)
        m.as.ring.spread_ms = pace_spread_ms(*count, 0, relay->check_rate);
    pace_start(&engine->pace, &m.as.ring, hub_due(engine->hub) > 0, engine->api.now.ms);
    hub_start_round(engine->hub);
    engine->broadcast_us = engine->now_us;
    m.as.ring = engine->pace.ring;
    if ((e = encode_broadcast(engine, &m)))
        log_error("a broadcast is lost: out of memory");
    else
        engine->walk_after(engine, 0);
    return e;
}

const struct api_ops sender_api_ops = {ring_user, ring_all};
