/* SPDX-License-Identifier: MIT */
/* eio_session.c - the state machine of one client. Two things change it: a packet that is heard,
 * and time; both leave what is to be sent in the outbox and what is to be done in the return value,
 * so nothing here knows whether a poll, a WebSocket or both are there. A session is OPEN, then
 * CLOSING as long as something is yet to be told, then OVER; end() is the one way to OVER, and the
 * first reason stays. The outbox is one buf of packets with separators: a ring and an online count
 * that wait are marked in it, so that a newer one can replace or spare them. */
#include "relay/socketio/eio_session.h"

#include <string.h>

#include "common/bytes/invariant.h"
#include "relay/socketio/packet.h"

#define MAIN SPAN("/")

/* An encoded packet of ours that is not an event. */
enum { ANSWER_MAX = 512 };

static bool is_empty(const struct eio_session *s)
{
    return s->outbox.head == s->outbox.bytes.len;
}

bool eio_session_has_waiting(const struct eio_session *s)
{
    return !is_empty(s);
}

static void drop_outbox(struct eio_session *s)
{
    buf_deinit(&s->outbox.bytes);
    s->outbox.head = 0;
    s->outbox.online = s->outbox.ring = (struct eio_mark){0, 0};
}

/* The one way to the end; the first reason stays. */
static void end(struct eio_session *s, const char *reason)
{
    if (!s->reason)
        s->reason = reason;
    s->state = EIO_STATE_OVER;
    s->probe = EIO_PROBE_NONE;
    drop_outbox(s);
}

bool eio_session_is_over(const struct eio_session *s)
{
    return s->state == EIO_STATE_OVER;
}

static enum err fail(struct eio_session *s, enum err e)
{
    end(s, e == ERR_NO_MEMORY ? "out of memory" : "too much waits for it");
    return e == ERR_NO_MEMORY ? e : ERR_TOO_MANY;
}

static void move_mark(struct eio_mark *mark, uint32_t by)
{
    if (mark->len > 0)
        mark->at -= by;
}

/* What has gone out may take the room below the ceiling. */
static void reclaim(struct eio_session *s, size_t needed)
{
    if (needed <= buf_room(&s->outbox.bytes))
        return;
    buf_consume(&s->outbox.bytes, s->outbox.head);
    move_mark(&s->outbox.online, s->outbox.head);
    move_mark(&s->outbox.ring, s->outbox.head);
    s->outbox.head = 0;
}

static enum err append(struct eio_session *s, struct span packet)
{
    enum err e;

    if (!INVARIANT(s->outbox.head <= s->outbox.bytes.len))
        return fail(s, ERR_NO_MEMORY);
    reclaim(s, packet.len + 1);
    if ((e = buf_reserve(&s->outbox.bytes, packet.len + 1)) ||
        (e = buf_append(&s->outbox.bytes, packet)) ||
        (e = buf_append_char(&s->outbox.bytes, EIO_SEPARATOR)))
        return fail(s, e);
    return ERR_NONE;
}

/* Appends what an encoder of socketio.h has made of a scratch buf. */
static enum err append_encoded(struct eio_session *s, struct buf *scratch, enum err e)
{
    e = e ? fail(s, e) : append(s, buf_span(scratch));
    buf_deinit(scratch);
    return e;
}

static enum err refuse_connect(struct eio_session *s, struct span name_space, const char *message)
{
    struct buf scratch;

    buf_init(&scratch, ANSWER_MAX);
    return append_encoded(
        s, &scratch,
        sio_encode_connect_error(s->client.revision, name_space, span_of(message), &scratch));
}

static enum err connect_main(struct eio_session *s)
{
    struct buf scratch;

    s->is_connected = true;
    s->deadline_ms = 0;
    buf_init(&scratch, ANSWER_MAX);
    return append_encoded(s, &scratch,
                          sio_encode_connect(s->client.revision, span_of(s->socket_id), &scratch));
}

static enum err acknowledge(struct eio_session *s, int64_t ack_id, const char *error)
{
    struct buf scratch;

    buf_init(&scratch, ANSWER_MAX);
    return append_encoded(s, &scratch, sio_encode_ack(ack_id, error, &scratch));
}

static enum err queue_open(struct eio_session *s, struct span sid, const struct eio_limits *limits)
{
    struct eio_open open = {.revision = s->client.revision,
                            .transport = (enum eio_transport)s->transport,
                            .sid = sid,
                            .ping_interval_ms = limits->ping_interval_ms,
                            .ping_timeout_ms = limits->ping_timeout_ms,
                            .max_payload = limits->max_payload};
    struct buf scratch;

    buf_init(&scratch, EIO_OPEN_MAX);
    return append_encoded(s, &scratch, eio_open_encode(&open, &scratch));
}

enum err eio_session_open(struct eio_session *s, const struct eio_query *handshake, struct span sid,
                          struct span socket_id, const struct eio_limits *limits, int64_t now_ms)
{
    bool is_4 = handshake->revision == 4;
    enum err e;

    *s = (struct eio_session){
        .beat.at_ms = now_ms,
        .deadline_ms = is_4 && limits->connect_timeout_ms ? now_ms + limits->connect_timeout_ms : 0,
        .client.jsonp = handshake->jsonp,
        .client.revision = (uint8_t)handshake->revision,
        .transport = (uint8_t)handshake->transport,
        .client.framing = (uint8_t)eio_framing_of(handshake),
        .client.ping_interval_ms = (uint16_t)limits->ping_interval_ms,
        .has_poll = handshake->transport == EIO_POLLING,
    };
    if (limits->max_pending < EIO_PENDING_MIN || socket_id.len > EIO_SID_MAX)
        return ERR_TOO_MANY;
    memcpy(s->socket_id, socket_id.p, socket_id.len);
    buf_init(&s->outbox.bytes, limits->max_pending < UINT32_MAX ? limits->max_pending : UINT32_MAX);
    e = queue_open(s, sid, limits);
    if (!e && !is_4)
        e = connect_main(s);
    return e; /* a failure has dropped the outbox */
}

void eio_session_deinit(struct eio_session *s)
{
    drop_outbox(s);
}

static void end_with(struct eio_session *s, const char *reason, struct eio_event *out)
{
    end(s, reason);
    out->type = EIO_EVENT_CLOSED;
}

static bool take_text(struct span text, struct eio_event *out)
{
    if (text.len == 0 || text.len > sizeof(out->text))
        return false;
    memcpy(out->text, text.p, text.len);
    out->text_len = text.len;
    return true;
}

static enum err on_connect(struct eio_session *s, const struct sio_packet *p, struct eio_event *out)
{
    if (!span_equal(p->name_space, MAIN))
        return refuse_connect(s, p->name_space, "Invalid namespace");
    if (s->is_connected) {
        if (s->client.revision == 4)
            end_with(s, "second CONNECT", out);
        return ERR_NONE;
    }
    if (p->token.len == 0 || s->is_logged_in)
        return connect_main(s);
    if (!take_text(p->token, out))
        return refuse_connect(s, MAIN, "not authorized");
    out->type = EIO_EVENT_AUTH;
    return ERR_NONE;
}

static enum err on_login(struct eio_session *s, const struct sio_packet *p, struct eio_event *out)
{
    if (s->is_logged_in)
        return p->has_ack ? acknowledge(s, p->ack_id, NULL) : ERR_NONE;
    if (!take_text(p->argument, out))
        return p->has_ack ? acknowledge(s, p->ack_id, "login takes a token") : ERR_NONE;
    /* Revision 2 writes the data of packets as UTF-8, which a WebSocket does once more. */
    if (s->client.revision == 2 && s->transport == EIO_WEBSOCKET)
        eio_undo_double(out->text, &out->text_len);
    out->type = EIO_EVENT_LOGIN;
    out->has_ack = p->has_ack;
    out->ack_id = p->ack_id;
    return ERR_NONE;
}

static enum err on_socketio(struct eio_session *s, const struct sio_packet *p,
                            struct eio_event *out)
{
    bool is_event = p->type == SIO_EVENT || p->type == SIO_BINARY_EVENT;

    s->attachments = (uint8_t)p->attachments;
    if (p->type == SIO_CONNECT)
        return on_connect(s, p, out);
    if (!s->is_connected || !span_equal(p->name_space, MAIN) || p->type == SIO_CONNECT_ERROR) {
        if (s->client.revision == 4)
            end_with(s, "packet out of place", out);
        return ERR_NONE;
    }
    if (p->type == SIO_DISCONNECT) {
        s->is_connected = s->is_logged_in = false;
        out->type = EIO_EVENT_LEFT;
    }
    return is_event && span_equal(p->event, SPAN("login")) ? on_login(s, p, out) : ERR_NONE;
}

static const char *fault_of(enum err decoding)
{
    if (decoding == ERR_NO_MEMORY)
        return "out of memory";
    return decoding == ERR_INVALID ? "reserved event name" : "malformed packet";
}

static void on_message(struct eio_session *s, const struct eio_packet *message,
                       struct eio_event *out)
{
    struct sio_packet p;
    enum err e;

    if (message->is_binary != (s->attachments > 0)) {
        end_with(s, message->is_binary ? "binary without an event" : "attachment missing", out);
        return;
    }
    if (message->is_binary) {
        s->attachments--;
        return;
    }
    if ((e = sio_decode(message->data, &p))) {
        end_with(s, fault_of(e), out);
        return;
    }
    if (on_socketio(s, &p, out))
        out->type = EIO_EVENT_CLOSED;
    sio_packet_deinit(&p);
}

static void on_heartbeat(struct eio_session *s, enum eio_type type, int64_t now_ms,
                         struct eio_event *out)
{
    if ((type == EIO_PONG) != (s->client.revision == 4)) {
        end_with(s, "heartbeat in the wrong direction", out);
    } else if (type == EIO_PONG) {
        s->beat.is_pinged = false;
        s->beat.at_ms = now_ms;
    } else if (append(s, SPAN("3"))) {
        out->type = EIO_EVENT_CLOSED;
    }
}

static void on_packet(struct eio_session *s, const struct eio_packet *p, int64_t now_ms,
                      struct eio_event *out)
{
    if (p->type == EIO_CLOSE) {
        s->is_by_peer = true;
        end_with(s, "closed by the page", out);
        return;
    }
    if (s->state != EIO_STATE_OPEN)
        return;
    if (s->client.revision != 4)
        s->beat.at_ms = now_ms;
    if (p->type == EIO_PING || p->type == EIO_PONG)
        on_heartbeat(s, p->type, now_ms, out);
    else if (p->type == EIO_MESSAGE)
        on_message(s, p, out);
}

/* All but the text, which is long, and of which only text_len bytes count. */
static void clear(struct eio_event *out)
{
    out->type = EIO_EVENT_NOTHING;
    out->has_ack = false;
    out->ack_id = 0;
    out->text_len = 0;
}

enum err eio_session_start_payload(struct eio_session *s, struct span content_type, char *body,
                                   size_t len, struct eio_payload *payload)
{
    enum err e;

    if (s->state == EIO_STATE_OVER || s->transport != EIO_POLLING)
        return ERR_CONFLICT;
    e = eio_payload_init(payload, s->client.revision, s->client.jsonp >= 0, content_type, body,
                         len);
    if (e)
        end(s, "malformed payload");
    return e;
}

void eio_session_refuse_payload(struct eio_session *s)
{
    end(s, "payload too long");
}

bool eio_session_hear_next(struct eio_session *s, struct eio_payload *payload, int64_t now_ms,
                           struct eio_event *out)
{
    struct eio_packet p;
    enum err e;

    if (s->state == EIO_STATE_OVER)
        return false;
    e = eio_payload_next(payload, &p);
    if (e == ERR_END)
        return false;
    clear(out);
    if (e)
        end_with(s, "malformed payload", out);
    else
        on_packet(s, &p, now_ms, out);
    return true;
}

void eio_session_hear(struct eio_session *s, struct span frame, bool is_binary, int64_t now_ms,
                      struct eio_event *out)
{
    struct eio_packet p;

    clear(out);
    if (s->state == EIO_STATE_OVER)
        out->type = EIO_EVENT_CLOSED;
    else if (eio_packet_decode(frame, is_binary, s->client.revision, &p))
        end_with(s, "malformed frame", out);
    else
        on_packet(s, &p, now_ms, out);
}

enum err eio_session_answer(struct eio_session *s, const struct eio_event *event, const char *error)
{
    if (s->state != EIO_STATE_OPEN)
        return ERR_NONE;
    if (!error)
        s->is_logged_in = true;
    if (event->type == EIO_EVENT_AUTH)
        return error ? refuse_connect(s, MAIN, error) : connect_main(s);
    return event->has_ack ? acknowledge(s, event->ack_id, error) : ERR_NONE;
}

void eio_session_set_logged_in(struct eio_session *s)
{
    s->is_logged_in = true;
}

enum eio_poll eio_session_poll(struct eio_session *s)
{
    if (s->state == EIO_STATE_OVER || s->transport != EIO_POLLING)
        return EIO_POLL_REFUSED;
    if (s->has_poll) {
        end(s, "overlapping polls");
        return EIO_POLL_OVERLAP;
    }
    s->has_poll = true;
    return EIO_POLL_PENDING;
}

void eio_session_lose_poll(struct eio_session *s)
{
    s->has_poll = false;
    s->is_by_peer = true;
    end(s, "lost the connection of its poll");
}

/* While it is probed, each poll ends at once: the client waits for its end before it upgrades. */
bool eio_session_owes_poll(const struct eio_session *s)
{
    return s->has_poll && (s->state != EIO_STATE_OPEN || s->transport != EIO_POLLING ||
                           s->probe == EIO_PROBE_ANSWERED || !is_empty(s));
}

/* The packet at `at` in the outbox, which has one there. */
static struct span packet_at(const struct eio_session *s, size_t at)
{
    struct span rest = {s->outbox.bytes.data + at, s->outbox.bytes.len - at};

    return span_cut(&rest, EIO_SEPARATOR);
}

static enum err encode_outbox(struct eio_session *s, struct buf *payload)
{
    enum eio_framing framing = (enum eio_framing)s->client.framing;
    enum err e = ERR_NONE;

    while (!is_empty(s) && !e) {
        struct span packet = packet_at(s, s->outbox.head);

        e = eio_payload_append(framing, packet, payload);
        s->outbox.head += (uint32_t)packet.len + 1;
    }
    drop_outbox(s);
    return e;
}

/* What ends a poll besides the packets that waited: a close, or a noop where there were none. */
static enum err encode_last(const struct eio_session *s, struct buf *payload)
{
    enum eio_framing framing = (enum eio_framing)s->client.framing;

    if (s->state != EIO_STATE_OPEN && !s->is_by_peer)
        return eio_payload_append(framing, SPAN("1"), payload);
    return payload->len == 0 ? eio_payload_append(framing, SPAN("6"), payload) : ERR_NONE;
}

static enum err encode_payload(struct eio_session *s, struct buf *payload)
{
    enum err e = s->transport == EIO_POLLING ? encode_outbox(s, payload) : ERR_NONE;

    if (!e)
        e = encode_last(s, payload);
    if (s->state == EIO_STATE_CLOSING && s->transport == EIO_POLLING)
        end(s, NULL);
    return e;
}

static enum err encode_script(struct eio_session *s, struct buf *body)
{
    struct buf payload;
    enum err e;

    buf_init(&payload, body->max);
    e = encode_payload(s, &payload);
    if (!e)
        e = eio_jsonp_encode(s->client.jsonp, buf_span(&payload), body);
    buf_deinit(&payload);
    return e;
}

enum err eio_session_take_payload(struct eio_session *s, struct buf *body)
{
    enum err e = s->client.jsonp >= 0 ? encode_script(s, body) : encode_payload(s, body);

    s->has_poll = false;
    if (e)
        end(s, "its payload could not be written");
    return e;
}

bool eio_session_peek(const struct eio_session *s, struct span *packet)
{
    if (s->transport != EIO_WEBSOCKET || is_empty(s))
        return false;
    *packet = packet_at(s, s->outbox.head);
    return true;
}

static void forget_mark(struct eio_mark *mark, uint32_t head)
{
    if (mark->at < head)
        mark->len = 0;
}

void eio_session_pop(struct eio_session *s)
{
    if (is_empty(s))
        return;
    s->outbox.head += (uint32_t)packet_at(s, s->outbox.head).len + 1;
    forget_mark(&s->outbox.online, s->outbox.head);
    forget_mark(&s->outbox.ring, s->outbox.head);
    if (!is_empty(s))
        return;
    drop_outbox(s);
    if (s->state == EIO_STATE_CLOSING)
        end(s, NULL);
}

/* Takes the one that waits out of the outbox, wherever it is. */
static void remove_online(struct eio_session *s)
{
    struct eio_mark *mark = &s->outbox.online;
    size_t after = s->outbox.bytes.len - mark->at - mark->len;

    if (mark->len == 0)
        return;
    memmove(s->outbox.bytes.data + mark->at, s->outbox.bytes.data + mark->at + mark->len, after);
    s->outbox.bytes.len -= mark->len;
    if (s->outbox.ring.at > mark->at)
        move_mark(&s->outbox.ring, mark->len);
    mark->len = 0;
}

static enum err append_marked(struct eio_session *s, struct eio_mark *mark, struct span packet)
{
    enum err e = append(s, packet);

    if (!e)
        *mark = (struct eio_mark){(uint32_t)(s->outbox.bytes.len - packet.len - 1),
                                  (uint32_t)packet.len + 1};
    return e;
}

void eio_session_let_wait(struct eio_session *s, size_t max_pending)
{
    if (max_pending > s->outbox.bytes.max && max_pending < UINT32_MAX)
        buf_set_max(&s->outbox.bytes, max_pending);
}

enum err eio_session_put(struct eio_session *s, enum eio_kind kind, struct span packet)
{
    if (s->state != EIO_STATE_OPEN || !s->is_connected)
        return ERR_NONE;
    switch (kind) {
    case EIO_KIND_ONLINE:
        remove_online(s);
        return append_marked(s, &s->outbox.online, packet);
    case EIO_KIND_RING:
        return s->outbox.ring.len > 0 ? ERR_NONE : append_marked(s, &s->outbox.ring, packet);
    default:
        return append(s, packet);
    }
}

enum err eio_session_leave(struct eio_session *s)
{
    if (s->state != EIO_STATE_OPEN || !s->is_connected)
        return ERR_NONE;
    s->is_connected = s->is_logged_in = false;
    return append(s, SPAN("41"));
}

void eio_session_close(struct eio_session *s, const char *reason, int64_t now_ms)
{
    if (s->state != EIO_STATE_OPEN)
        return;
    s->reason = reason;
    s->state = EIO_STATE_CLOSING;
    s->probe = EIO_PROBE_NONE;
    s->deadline_ms = now_ms + EIO_LINGER_MS;
    if (s->transport == EIO_WEBSOCKET && is_empty(s))
        end(s, NULL);
}

/* A deadline that was set, and has come. */
static bool is_deferred(const struct eio_session *s, int64_t now_ms)
{
    return s->deadline_ms && now_ms >= s->deadline_ms;
}

static bool is_silent(const struct eio_session *s, const struct eio_limits *limits, int64_t now_ms)
{
    int64_t silence_ms = now_ms - s->beat.at_ms;

    if (s->client.revision == 4)
        return s->beat.is_pinged && silence_ms >= limits->ping_timeout_ms;
    return silence_ms >= limits->ping_interval_ms + limits->ping_timeout_ms;
}

/* Its client expects a ping, and no later than it was told. */
static bool is_ping_due(const struct eio_session *s, const struct eio_limits *limits,
                        int64_t now_ms)
{
    int64_t quiet_ms = now_ms - s->beat.at_ms;

    return s->client.revision == 4 && !s->beat.is_pinged &&
           (quiet_ms >= limits->ping_interval_ms || quiet_ms >= s->client.ping_interval_ms);
}

static enum eio_due ping(struct eio_session *s, int64_t now_ms)
{
    s->beat.is_pinged = true;
    s->beat.at_ms = now_ms;
    return append(s, SPAN("2")) ? EIO_DUE_CLOSE : EIO_DUE_FLUSH;
}

enum eio_due eio_session_check(struct eio_session *s, const struct eio_limits *limits,
                               int64_t now_ms)
{
    if (s->state != EIO_STATE_OVER && is_deferred(s, now_ms))
        end(s, "no CONNECT in time");
    else if (s->state == EIO_STATE_OPEN && is_silent(s, limits, now_ms))
        end(s, "ping timeout");
    if (s->state == EIO_STATE_OVER)
        return EIO_DUE_CLOSE;
    if (s->probe != EIO_PROBE_NONE && limits->upgrade_timeout_ms &&
        now_ms - s->probed_ms >= limits->upgrade_timeout_ms) {
        s->probe = EIO_PROBE_NONE;
        return EIO_DUE_DROP_PROBE;
    }
    if (s->state == EIO_STATE_OPEN && is_ping_due(s, limits, now_ms))
        return ping(s, now_ms);
    return EIO_DUE_NOTHING;
}

bool eio_session_start_probe(struct eio_session *s, int64_t now_ms)
{
    if (s->state != EIO_STATE_OPEN || s->transport != EIO_POLLING || s->probe != EIO_PROBE_NONE)
        return false;
    s->probe = EIO_PROBE_OPEN;
    s->probed_ms = now_ms;
    return true;
}

enum eio_probe_answer eio_session_hear_probe(struct eio_session *s, struct span frame,
                                             bool is_binary, int64_t now_ms)
{
    struct eio_packet p;

    if (s->probe == EIO_PROBE_NONE)
        return EIO_PROBE_REFUSED;
    if (!eio_packet_decode(frame, is_binary, s->client.revision, &p) && !p.is_binary) {
        if (p.type == EIO_PING && span_equal(p.data, SPAN("probe"))) {
            s->probe = EIO_PROBE_ANSWERED;
            return EIO_PROBE_PONG;
        }
        /* A client that knows its way leaves the probe away, and the reference takes that too. */
        if (p.type == EIO_UPGRADE) {
            s->probe = EIO_PROBE_NONE;
            s->transport = EIO_WEBSOCKET;
            if (s->client.revision != 4)
                s->beat.at_ms = now_ms;
            return EIO_PROBE_UPGRADED;
        }
    }
    s->probe = EIO_PROBE_NONE;
    return EIO_PROBE_REFUSED;
}

void eio_session_stop_probe(struct eio_session *s)
{
    s->probe = EIO_PROBE_NONE;
}
