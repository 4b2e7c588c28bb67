/* SPDX-License-Identifier: MIT */
/* session.c - what a session of doorbell.v1 does, and how an event stream differs from it. An event
 * is written at once where the client takes it, with the frame that all sessions of the protocol
 * share; else it merges into the slot, and flush() writes what the slot then holds. So a session
 * has a slot only while something waits, and a client that does not read costs a constant. */
#include "relay/native/session.h"

#include <stdlib.h>

#include "common/bytes/invariant.h"
#include "relay/access/handshake.h"
#include "relay/engine/engine.h"
#include "relay/native/codec.h"

enum {
    SILENCE_MAX_MS = 55 * 1000,
    LOGINS_MAX = 16, /* of a session that is a user's, between two pings: a signature takes long to
                        check */
};

static struct native_session *native_of(struct session *s)
{
    return (struct native_session *)s;
}

static bool is_one_way(const struct native_session *n)
{
    return n->base.protocol == &sse_protocol;
}

/* --- requests --- */

static enum request_outcome refuse(struct http_response *res, int status, const char *why)
{
    handshake_refuse(res, status, why);
    return REQUEST_ANSWERED;
}

static size_t no_body(struct engine *e, const struct http_request *req)
{
    (void)e;
    (void)req;
    return 0;
}

static enum request_outcome admit(struct engine *e, struct http_request *req,
                                  struct http_response *res, struct upgrade *upgrade)
{
    struct newcomer who = {.user = verdict_user(&upgrade->verdict)};
    const char *why;
    int status;

    upgrade->peer = who.peer = req->peer;
    status = engine_check_room(e, &who, &why);
    if (!status)
        return REQUEST_UPGRADES;
    http_add_lines(res, "%s", ENGINE_RETRY_AFTER);
    return refuse(res, status, why);
}

static enum request_outcome refuse_method(struct http_response *res)
{
    http_add_lines(res, "%s", "Allow: GET\r\n");
    return refuse(res, 405, "GET only");
}

static bool owns_ws(const struct config *config, struct span path)
{
    (void)config;
    return span_equal(path, SPAN("/ws"));
}

static enum request_outcome answer_ws(struct engine *e, struct http_request *req,
                                      struct http_response *res, struct upgrade *upgrade)
{
    const char *why, *lines = "";
    int status;

    req->keeps_alive = false; /* nothing is read here after a refusal */
    if (req->method != HTTP_GET)
        return refuse_method(res);
    upgrade->protocol = &native_protocol;
    status = handshake_websocket(req, e->config, upgrade, &why, &lines);
    if (status) {
        http_add_lines(res, "%s", lines);
        return refuse(res, status, why);
    }
    authenticator_check(&e->authenticator, upgrade->token, e->now, &upgrade->verdict);
    return admit(e, req, res, upgrade);
}

static bool owns_events(const struct config *config, struct span path)
{
    (void)config;
    return span_equal(path, SPAN("/events"));
}

static enum request_outcome answer_events(struct engine *e, struct http_request *req,
                                          struct http_response *res, struct upgrade *upgrade)
{
    const char *why;
    int status;

    req->keeps_alive = false; /* nothing is read here after a refusal */
    if (req->method != HTTP_GET)
        return refuse_method(res);
    upgrade->protocol = &sse_protocol;
    status = handshake_events(req, e->config, upgrade, &why);
    if (status)
        return refuse(res, status, why);
    /* Over WebSocket a bad token ends the session with a close code; an event stream has none to
     * give, so it does not begin. */
    authenticator_check(&e->authenticator, upgrade->token, e->now, &upgrade->verdict);
    switch (upgrade->verdict.code) {
    case 0:
        return admit(e, req, res, upgrade);
    case CLOSE_KICKED:
        return refuse(res, 403, upgrade->verdict.why);
    default:
        return refuse(res, 401, upgrade->verdict.why);
    }
}

/* --- to the client --- */

static bool merge(struct engine *e, struct native_session *n, const struct frames *frames)
{
    struct session *s = &n->base;

    if (!n->slot)
        n->slot = calloc(1, sizeof(*n->slot));
    if (!n->slot) {
        engine_close(e, s, CLOSE_LATER, "out of memory");
        return true;
    }
    slot_enter(n->slot, e->epoch.serial);
    slot_put(n->slot, &frames->event);
    if (s->pending_on == HUB_DEFERRED || hub_is_held(s)) {
        if (!n->slot->since_us)
            n->slot->since_us = frames->since_us;
        return true;
    }
    metrics_count(&e->metrics, COUNT_MERGED, 1);
    engine_note_blocked(e, s, true);
    return true;
}

/* Times a ring that was written, since it was asked for. */
static void note_delay(struct engine *e, const struct event *event, int64_t since_us)
{
    bool is_broadcast = event->type == EVENT_BROADCAST;
    enum delay delay = is_broadcast ? DELAY_ALL : DELAY_MANY;

    if (!since_us || (event->type != EVENT_RING && !is_broadcast))
        return;
    if (event->as.ring.type == RING_PERSONAL)
        delay = DELAY_PERSONAL;
    /* A slice of a broadcast is written in a turn, whose time is good enough for all of it. */
    histogram_add(&e->metrics.delays[delay],
                  (is_broadcast ? e->now.us : e->ops->clock_us()) - since_us);
}

static bool deliver(struct engine *e, struct session *s, struct frames *frames)
{
    struct native_session *n = native_of(s);
    const struct frame *frame;
    enum send_result result;

    if (!INVARIANT(s->conn != NULL && s->state != SESSION_CLOSING))
        return false;
    if (s->state == SESSION_NEW && frames->event.type == EVENT_BROADCAST)
        return false;
    if (s->state == SESSION_NEW && frames->event.type == EVENT_CLOSE_NOTICE) {
        engine_close(e, s, CLOSE_RESTART, "restarting");
        return true;
    }
    if (n->slot || s->pending_on == HUB_DEFERRED || hub_is_held(s))
        return merge(e, n, frames);
    if (frames_get(frames, e, s->protocol, &frame)) {
        engine_close(e, s, CLOSE_LATER, "out of memory");
        return true;
    }
    result = s->conn->transport->send(s->conn, frame);
    if (result == SEND_BLOCKED)
        return merge(e, n, frames);
    if (result == SEND_DEAD) {
        engine_close(e, s, CLOSE_POLICY, "write failed");
        return true;
    }
    engine_count_frame(e, frame_len(frame));
    note_delay(e, &frames->event, frames->since_us);
    return true;
}

static void drop_slot(struct native_session *n)
{
    free(n->slot);
    n->slot = NULL;
}

/* The slot keeps no user and no numbers: the present ones are told. */
static void fill_in(const struct engine *e, const struct session *s, struct event *event)
{
    if (event->type == EVENT_WELCOME)
        event->as.user = hub_user_id(s);
    if (event->type == EVENT_ONLINE)
        event->as.online = e->online;
    if (event->type == EVENT_PING)
        event->as.seq = e->epoch.ping_seq;
}

/* Sends the slot's next event, which goes back if the client does not take it. */
static enum send_result send_next(struct engine *e, struct native_session *n, int64_t since_us)
{
    struct session *s = &n->base;
    const struct frame *frame;
    enum send_result result;
    struct event event;

    if (!slot_take(n->slot, &event))
        return SEND_BLOCKED;
    fill_in(e, s, &event);
    frames_begin(&e->frames, &event, since_us);
    if (frames_get(&e->frames, e, s->protocol, &frame))
        return SEND_DEAD;
    result = s->conn->transport->send(s->conn, frame);
    if (result == SEND_BLOCKED)
        slot_put(n->slot, &event);
    if (result != SEND_DONE)
        return result;
    engine_count_frame(e, frame_len(frame));
    note_delay(e, &event, since_us);
    return SEND_DONE;
}

static void flush(struct engine *e, struct session *s)
{
    struct native_session *n = native_of(s);
    int64_t since_us = n->slot ? n->slot->since_us : 0;
    enum send_result result = SEND_DONE;

    if (!n->slot || s->state == SESSION_CLOSING || hub_is_held(s))
        return;
    n->slot->since_us = 0;
    slot_enter(n->slot, e->epoch.serial);
    while (result == SEND_DONE)
        result = send_next(e, n, since_us);
    if (result == SEND_DEAD) {
        engine_close(e, s, CLOSE_POLICY, "write failed");
        return;
    }
    if (slot_is_empty(n->slot))
        drop_slot(n);
    engine_note_blocked(e, s, n->slot != NULL);
}

static struct span epoch_of(const struct engine *e, const struct event *event)
{
    return epoch_name_span(event->type == EVENT_PING ? &e->epoch.ping_name : &e->epoch.name);
}

static enum err encode_native(const struct engine *e, const struct event *event, struct buf *out)
{
    return native_encode(event, epoch_of(e, event), out);
}

static enum err encode_sse(const struct engine *e, const struct event *event, struct buf *out)
{
    return sse_encode(event, epoch_of(e, event), out);
}

/* Rings merge: what the broadcaster holds is all there is to tell. */
static enum err announce(struct engine *e, struct frames *frames)
{
    (void)e;
    (void)frames;
    return ERR_NONE;
}

/* --- from the client --- */

static void tell_no_online(struct native_session *n)
{
    n->online_seen.users = UINT32_MAX;
}

static bool wants_online(const struct native_session *n)
{
    return n->online_seen.users != UINT32_MAX;
}

static void tell_online(struct engine *e, struct native_session *n)
{
    struct event event = {.type = EVENT_ONLINE, .as.online = e->online};

    n->online_seen = e->online;
    engine_tell(e, &n->base, &event);
}

static void want_online(struct engine *e, struct native_session *n)
{
    engine_publish_online(e);
    tell_online(e, n);
}

static void log_in(struct engine *e, struct session *s, const struct verdict *verdict)
{
    struct event event = {.type = EVENT_WELCOME};

    if (authenticator_log_in(&e->authenticator, s, verdict) != LOGIN_DONE)
        return;
    engine_note_login(e, s);
    event.as.user = hub_user_id(s);
    engine_tell(e, s, &event);
}

static void log_in_by_token(struct engine *e, struct session *s, struct span token)
{
    struct verdict verdict;

    authenticator_check(&e->authenticator, token, e->now, &verdict);
    log_in(e, s, &verdict);
}

static void on_login(struct engine *e, struct session *s, const struct native_frame *f)
{
    bool was_open = s->state == SESSION_OPEN;

    if (f->has_token && was_open && ++s->logins > LOGINS_MAX)
        engine_close(e, s, CLOSE_POLICY, "too many logins");
    else if (f->has_token)
        log_in_by_token(e, s, (struct span){f->token, f->token_len});
    else if (!was_open)
        engine_close(e, s, CLOSE_TOKEN, "login without a token");
    if (s->state != SESSION_OPEN || !f->has_online)
        return;
    tell_no_online(native_of(s));
    if (f->online)
        want_online(e, native_of(s));
}

static void on_frame(struct engine *e, struct session *s, struct span whole)
{
    struct event unknown = {.type = EVENT_ERROR, .as.fault = FAULT_UNKNOWN_TYPE};
    struct native_frame f;
    enum err error = native_decode(whole, &f);

    if (error == ERR_NO_MEMORY)
        engine_close(e, s, CLOSE_LATER, "out of memory");
    else if (error)
        engine_close(e, s, CLOSE_POLICY, "malformed frame");
    else if (f.type == NATIVE_LOGIN)
        on_login(e, s, &f);
    else if (s->state == SESSION_NEW)
        engine_close(e, s, CLOSE_POLICY, "login comes first");
    else if (f.type == NATIVE_UNKNOWN)
        engine_tell(e, s, &unknown);
}

static void input(struct engine *e, struct conn *c, const struct piece *piece)
{
    struct session *s = c->session;
    struct span whole;
    enum err error;

    native_of(s)->heard_ms = e->now.ms;
    if (piece->kind == PIECE_PONG || s->state == SESSION_CLOSING)
        return;
    if (piece->kind == PIECE_BINARY) {
        engine_close(e, s, CLOSE_POLICY, "binary frame");
        return;
    }
    error = conn_collect(c, piece, (size_t)e->config->relay.max_frame, &whole);
    if (error == ERR_INCOMPLETE)
        return;
    if (error == ERR_TOO_BIG)
        engine_close(e, s, CLOSE_TOO_BIG, "frame too big");
    else if (error)
        engine_close(e, s, CLOSE_LATER, "out of memory");
    else
        on_frame(e, s, whole);
    conn_drop_partial(c);
}

static void lost(struct engine *e, struct conn *c)
{
    engine_forget(e, c->session);
}

/* --- life --- */

static enum err start(struct engine *e, void **state)
{
    (void)e;
    *state = NULL; /* its sessions share nothing */
    return ERR_NONE;
}

static void stop(struct engine *e, void *state)
{
    (void)e;
    (void)state;
}

static bool has_parameter(struct span query, struct span parameter)
{
    while (query.p)
        if (span_equal(span_cut(&query, '&'), parameter))
            return true;
    return false;
}

static enum err open_session(struct engine *e, struct conn *c, const struct upgrade *upgrade)
{
    struct native_session *n = calloc(1, sizeof(*n));
    struct session *s = n ? &n->base : NULL;

    if (!n)
        return ERR_NO_MEMORY;
    session_init(s, upgrade->protocol, e->now);
    n->heard_ms = n->pinged_ms = e->now.ms;
    tell_no_online(n);
    if (engine_add(e, s, &upgrade->peer, c)) {
        free(n);
        return ERR_NO_MEMORY;
    }
    if (upgrade->token.p)
        log_in(e, s, &upgrade->verdict);
    if (s->state == SESSION_OPEN && is_one_way(n) &&
        has_parameter(upgrade->query, SPAN("online=1")))
        want_online(e, n);
    return ERR_NONE;
}

int64_t native_session_silence_ms(int64_t ping_interval_ms)
{
    /* One ping may be lost, and its answer may be slow; both ends are to know within 60 s. */
    int64_t ms = ping_interval_ms * 11 / 5;

    return ms < SILENCE_MAX_MS ? ms : SILENCE_MAX_MS;
}

enum native_due native_session_due(const struct native_session *n, int64_t ping_interval_ms,
                                   struct instant now, struct session_end *end)
{
    static const struct session_end no_login = {"no login in time", CLOSE_NO_LOGIN};
    static const struct session_end restarting = {"restarting", CLOSE_RESTART};
    int64_t silence_ms = native_session_silence_ms(ping_interval_ms);
    const struct session *s = &n->base;

    if (session_is_over(s, now, s->state == SESSION_NEW ? &no_login : &restarting, end))
        return NATIVE_DUE_CLOSE;
    *end = (struct session_end){"ping timeout", CLOSE_POLICY};
    if (!is_one_way(n) && n->pinged_ms > n->heard_ms && now.ms - n->heard_ms >= silence_ms)
        return NATIVE_DUE_CLOSE;
    *end = (struct session_end){"does not read", CLOSE_POLICY};
    if (s->blocked_ms && now.ms - s->blocked_ms >= silence_ms)
        return NATIVE_DUE_CLOSE;
    return now.ms - n->pinged_ms >= ping_interval_ms ? NATIVE_DUE_PING : NATIVE_DUE_NOTHING;
}

static bool check(struct engine *e, struct session *s)
{
    struct native_session *n = native_of(s);
    struct session_end end;
    bool is_work = true;

    switch (native_session_due(n, e->config->relay.ping_interval_ms, e->now, &end)) {
    case NATIVE_DUE_CLOSE:
        engine_close(e, s, end.code, end.reason);
        return true;
    case NATIVE_DUE_PING:
        n->pinged_ms = e->now.ms;
        s->logins = 0;
        (void)engine_deliver(e, s, &e->pings);
        break;
    case NATIVE_DUE_NOTHING:
        is_work = false;
        break;
    }
    if (s->state == SESSION_CLOSING || !wants_online(n) || !engine_has_news(e, &n->online_seen))
        return is_work;
    tell_online(e, n);
    return true;
}

static void end_native(struct engine *e, struct session *s)
{
    (void)e;
    s->is_end_told = true;
    s->conn->transport->close(s->conn, s->end.code, s->end.reason);
}

/* An event stream has no close code: an event says why. */
static void end_sse(struct engine *e, struct session *s)
{
    struct event event = {.type = EVENT_ERROR, .as.fault = session_close_fault(s)};
    const struct frame *frame;

    frames_begin(&e->frames, &event, 0);
    if (!frames_get(&e->frames, e, s->protocol, &frame))
        (void)s->conn->transport->send(s->conn, frame);
    end_native(e, s);
}

static void free_session(struct engine *e, struct session *s)
{
    (void)e;
    drop_slot(native_of(s));
    free(s);
}

const struct protocol native_protocol = {
    .id = PROTOCOL_NATIVE,
    .name = "native",
    .takes_steps = true,
    .requests = {owns_ws, no_body, answer_ws, NULL},
    .start = start,
    .stop = stop,
    .open = open_session,
    .input = input,
    .lost = lost,
    .encode = encode_native,
    .announce = announce,
    .deliver = deliver,
    .flush = flush,
    .check = check,
    .end = end_native,
    .free = free_session,
};

const struct protocol sse_protocol = {
    .id = PROTOCOL_SSE,
    .name = "sse",
    .takes_steps = true,
    .requests = {owns_events, no_body, answer_events, NULL},
    .start = start,
    .stop = stop,
    .open = open_session,
    .input = input,
    .lost = lost,
    .encode = encode_sse,
    .announce = announce,
    .deliver = deliver,
    .flush = flush,
    .check = check,
    .end = end_sse,
    .free = free_session,
};
