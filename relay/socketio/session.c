/* SPDX-License-Identifier: MIT */
/* session.c - what a session of socket.io does when something happens. eio_session holds the state
 * of the protocol and the packets that wait, and says what is due; here it meets the engine, the
 * parked poll and the WebSockets. Every change of it marks the session dirty, and flush(), once at
 * the end of the turn, does what is due: so nothing here has to remember whose answer is owed.
 * A WebSocket of an upgrade is a second connection of the same session, `probing`, until it either
 * becomes its connection or goes. */
#include "relay/socketio/session.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "common/limits/interval.h"
#include "relay/access/address_limit.h"
#include "relay/access/handshake.h"
#include "relay/socketio/broadcast_log.h"
#include "relay/socketio/packet.h"
#include "relay/socketio/polling.h"
#include "relay/socketio/text.h"

enum {
    ID_LEN = 24, /* of 6 random bits each */
    BYTES_MAX = 1024 * 1024,
    ONLINE_MAX = 64 * 1024,
    REFUSED_LOGINS_MAX = 4, /* of a session: a signature takes long to check */
    FORGET_MS = 1000,       /* between two walks over all sessions for the log's sake */
};

struct entry {
    struct socketio_session session; /* first */
    UT_hash_handle hh;
    char sid[ID_LEN + 1];
};

/* What all of them share. */
struct shared {
    struct entry *by_sid;
    struct broadcast_log log;
    int64_t forget_ms;  /* when it may be walked for what all have been told */
    struct frame frame; /* of the packet that is being written */
};

static struct shared *shared_of(const struct engine *e)
{
    return e->protocols[PROTOCOL_SOCKETIO].state;
}

static struct socketio_session *of(struct session *s)
{
    return (struct socketio_session *)s;
}

static struct eio_limits limits_of(const struct engine *e)
{
    const struct config_relay *relay = &e->config->relay;

    return (struct eio_limits){
        .ping_interval_ms = relay->socketio_ping_interval_ms,
        .ping_timeout_ms = relay->socketio_ping_timeout_ms,
        .upgrade_timeout_ms = relay->socketio_upgrade_timeout_ms,
        .connect_timeout_ms = relay->socketio_connect_timeout_ms,
        .max_payload = (size_t)relay->socketio_max_payload,
        .max_pending = (size_t)relay->socketio_max_pending,
    };
}

/* --- what goes out --- */

void socketio_session_take_answer(struct socketio_session *ss, struct http_response *res)
{
    res->status = 200;
    res->content_type =
        eio_content_type((enum eio_framing)ss->eio.client.framing, ss->eio.client.jsonp >= 0);
    if (!eio_session_take_payload(&ss->eio, &res->body))
        return;
    res->status = 503;
    buf_reset(&res->body);
}

static void answer_poll(struct socketio_session *ss)
{
    struct http_response res = {.headers = ""};
    struct http_conn *poll = ss->poll;

    buf_init(&res.body, BYTES_MAX);
    socketio_session_take_answer(ss, &res);
    ss->poll = NULL;
    ss->engine->ops->answer(poll, &res);
    buf_deinit(&res.body);
}

/* Writes one packet to a WebSocket of the session. */
static enum send_result write_packet(struct engine *e, struct conn *c, struct span packet)
{
    struct frame *frame = &shared_of(e)->frame;
    enum send_result result = SEND_DEAD;

    if (!frame_set(frame, packet))
        result = c->transport->send(c, frame);
    if (result == SEND_DONE)
        engine_count_frame(e, packet.len);
    return result;
}

static void write_waiting(struct engine *e, struct socketio_session *ss)
{
    struct session *s = &ss->base;
    struct span packet;

    while (eio_session_peek(&ss->eio, &packet)) {
        switch (write_packet(e, s->conn, packet)) {
        case SEND_DONE:
            eio_session_pop(&ss->eio);
            break;
        case SEND_BLOCKED:
            return;
        case SEND_DEAD:
            engine_close(e, s, CLOSE_POLICY, "write failed");
            return;
        }
    }
}

/* Ends what the client has ended, or what has waited only for a last poll. The session may be no
 * more then. */
static void settle(struct engine *e, struct socketio_session *ss)
{
    struct session *s = &ss->base;

    if (!eio_session_is_over(&ss->eio))
        return;
    if (s->state != SESSION_CLOSING)
        engine_close(e, s, ss->eio.is_by_peer ? CLOSE_NORMAL : CLOSE_POLICY, ss->eio.reason);
    else if (s->is_end_told && !s->conn)
        engine_forget(e, s);
}

static void write_due(struct engine *e, struct socketio_session *ss)
{
    if (eio_session_owes_poll(&ss->eio) && ss->poll)
        answer_poll(ss);
    if (ss->base.conn && !ss->base.is_end_told)
        write_waiting(e, ss);
    engine_note_blocked(e, &ss->base, eio_session_has_waiting(&ss->eio));
}

static void flush(struct engine *e, struct session *s)
{
    write_due(e, of(s));
    settle(e, of(s));
}

/* --- login --- */

/* Returns why not; NULL: the session is the user's. */
static const char *end_login(struct socketio_session *ss, enum login_result result)
{
    if (result == LOGIN_REFUSED)
        return "not authorized";
    engine_note_login(ss->engine, &ss->base);
    return NULL;
}

static const char *log_in(struct socketio_session *ss, struct span proof)
{
    struct engine *e = ss->engine;

    return end_login(ss,
                     authenticator_log_in_by_proof(&e->authenticator, &ss->base, proof, e->now));
}

/* Of a token the end is signature, and as good as all of it: nobody can guess that. */
static struct socketio_seal seal_of(struct span token)
{
    struct socketio_seal seal = {{0}};
    size_t len = token.len < sizeof(seal.end) ? token.len : sizeof(seal.end);

    if (len > 0)
        memcpy(seal.end, token.p + token.len - len, len);
    return seal;
}

bool socketio_session_is_of(struct socketio_session *ss, struct span token, const struct ip *peer)
{
    struct ip here = address_limit_place(peer), there = address_limit_place(&ss->base.origin.peer);
    struct socketio_seal seal = seal_of(token);
    struct verdict verdict;

    if (!ss->is_by_cookie)
        return memcmp(&here, &there, sizeof(here)) == 0;
    if (memcmp(&seal, &ss->seal, sizeof(seal)) == 0)
        return true;
    authenticator_check(&ss->engine->authenticator, token, ss->engine->now, &verdict);
    if (verdict.code || !span_equal(verdict_user(&verdict), hub_user_id(&ss->base)))
        return false;
    ss->seal = seal;
    return true;
}

static void note_cookie(struct socketio_session *ss, struct span token)
{
    ss->is_by_cookie = true;
    ss->seal = seal_of(token);
    eio_session_set_logged_in(&ss->eio);
    /* It is told the numbers at the next check that finds it connected. */
    ss->online_seen = (struct online){UINT32_MAX, UINT32_MAX};
}

void socketio_session_log_in(struct socketio_session *ss, struct span token)
{
    if (token.len > 0 && !log_in(ss, token))
        note_cookie(ss, token);
}

/* At the handshake, where the token was looked at already. */
static void log_in_by_cookie(struct socketio_session *ss, const struct upgrade *upgrade)
{
    const struct authenticator *a = &ss->engine->authenticator;

    if (upgrade->token.len > 0 &&
        !end_login(ss,
                   authenticator_log_in_by_checked(a, &ss->base, upgrade->token, upgrade->verdict)))
        note_cookie(ss, upgrade->token);
}

static void tell_online(struct engine *e, struct socketio_session *ss)
{
    struct event event = {.type = EVENT_ONLINE, .as.online = e->online};

    ss->online_seen = e->online;
    engine_tell(e, &ss->base, &event);
}

void socketio_session_on_event(struct socketio_session *ss, const struct eio_event *event)
{
    struct engine *e = ss->engine;
    struct session *s = &ss->base;
    const char *error;

    if (s->state == SESSION_CLOSING)
        return;
    if (event->type == EIO_EVENT_LEFT)
        engine_close(e, s, CLOSE_NORMAL, "left");
    if (event->type != EIO_EVENT_LOGIN && event->type != EIO_EVENT_AUTH)
        return;
    error = log_in(ss, (struct span){event->text, event->text_len});
    /* Failing, it has ended the session: settle() sees to that. */
    if (!eio_session_answer(&ss->eio, event, error) && !error &&
        e->config->relay.legacy_online_count)
        tell_online(e, ss);
    if (error && ++s->logins == REFUSED_LOGINS_MAX) {
        engine_close(e, s, CLOSE_POLICY, "too many refused logins");
        eio_session_close(&ss->eio, s->end.reason, e->now.ms); /* and hears nothing more */
    }
}

/* --- life --- */

static enum err start(struct engine *e, void **state)
{
    struct shared *shared = calloc(1, sizeof(*shared));

    (void)e;
    if (!shared)
        return ERR_NO_MEMORY;
    broadcast_log_init(&shared->log);
    frame_init(&shared->frame, BYTES_MAX);
    *state = shared;
    return ERR_NONE;
}

static void stop(struct engine *e, void *state)
{
    struct shared *shared = state;

    (void)e;
    broadcast_log_deinit(&shared->log);
    frame_deinit(&shared->frame);
    free(shared);
}

static enum err make_id(const struct engine *e, char out[ID_LEN + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[ID_LEN];

    if (e->ops->random(bytes, sizeof(bytes)))
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < ID_LEN; i++)
        out[i] = alphabet[bytes[i] & 63];
    out[ID_LEN] = '\0';
    return ERR_NONE;
}

static enum err begin_protocol(struct engine *e, struct entry *entry,
                               const struct eio_query *handshake)
{
    struct eio_limits limits = limits_of(e);
    char socket_id[ID_LEN + 1];
    enum err error;

    if ((error = make_id(e, entry->sid)) || (error = make_id(e, socket_id)))
        return error;
    return eio_session_open(&entry->session.eio, handshake, span_of(entry->sid), span_of(socket_id),
                            &limits, e->now.ms);
}

static enum err enter(struct engine *e, struct entry *entry, const struct ip *peer, struct conn *c)
{
    struct session *s = &entry->session.base;

    HASH_ADD_KEYPTR(hh, shared_of(e)->by_sid, entry->sid, ID_LEN, entry);
    if (!entry->hh.tbl)
        return ERR_NO_MEMORY;
    if (engine_add(e, s, peer, c)) {
        HASH_DEL(shared_of(e)->by_sid, entry);
        return ERR_NO_MEMORY;
    }
    if (e->config->relay.legacy_anonymous)
        s->deadline_ms = 0;
    return ERR_NONE;
}

struct socketio_session *socketio_session_open(struct engine *e, const struct eio_query *handshake,
                                               const struct upgrade *upgrade, struct conn *c)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    struct socketio_session *ss = entry ? &entry->session : NULL;

    if (!entry)
        return NULL;
    session_init(&ss->base, &socketio_protocol, e->now);
    ss->engine = e;
    ss->log_position = broadcast_log_end(&shared_of(e)->log);
    ss->online_seen = e->online;
    if (begin_protocol(e, entry, handshake) || enter(e, entry, &upgrade->peer, c)) {
        eio_session_deinit(&ss->eio);
        free(entry);
        return NULL;
    }
    log_in_by_cookie(ss, upgrade);
    engine_mark_dirty(e, &ss->base);
    return ss;
}

struct socketio_session *socketio_session_find(const struct engine *e, struct span sid)
{
    struct entry *entry;

    HASH_FIND(hh, shared_of(e)->by_sid, sid.p, sid.len, entry);
    return entry && !eio_session_is_over(&entry->session.eio) ? &entry->session : NULL;
}

static void drop_probe(struct socketio_session *ss)
{
    struct conn *probing = ss->probing;

    if (!probing)
        return;
    eio_session_stop_probe(&ss->eio);
    ss->probing = NULL;
    conn_cut(probing);
}

static void free_session(struct engine *e, struct session *s)
{
    struct socketio_session *ss = of(s);
    struct entry *entry = (struct entry *)ss;

    eio_session_close(&ss->eio, "over", e->now.ms);
    if (ss->poll)
        answer_poll(ss);
    drop_probe(ss);
    eio_session_deinit(&ss->eio);
    HASH_DEL(shared_of(e)->by_sid, entry);
    free(entry);
}

/* --- connections --- */

static enum err open_conn(struct engine *e, struct conn *c, const struct upgrade *upgrade)
{
    struct socketio_session *ss;
    struct eio_query query;
    enum eio_fault fault;

    if (eio_query_decode(upgrade->query, &query, &fault))
        return ERR_CONFLICT;
    if (query.sid.len == 0)
        return socketio_session_open(e, &query, upgrade, c) ? ERR_NONE : ERR_NO_MEMORY;
    ss = socketio_session_find(e, query.sid);
    if (!ss || !eio_session_start_probe(&ss->eio, e->now.ms))
        return ERR_CONFLICT;
    ss->probing = c;
    c->session = &ss->base;
    return ERR_NONE;
}

static void on_probe_frame(struct engine *e, struct socketio_session *ss, struct span frame,
                           bool is_binary)
{
    switch (eio_session_hear_probe(&ss->eio, frame, is_binary, e->now.ms)) {
    case EIO_PROBE_PONG:
        if (write_packet(e, ss->probing, EIO_PROBE_REPLY) != SEND_DONE)
            drop_probe(ss);
        break;
    case EIO_PROBE_UPGRADED:
        ss->base.conn = ss->probing;
        ss->probing = NULL;
        break;
    case EIO_PROBE_REFUSED:
        drop_probe(ss);
        break;
    }
}

static void on_frame(struct engine *e, struct socketio_session *ss, struct span frame,
                     bool is_binary)
{
    struct eio_event event;

    eio_session_hear(&ss->eio, frame, is_binary, e->now.ms, &event);
    socketio_session_on_event(ss, &event);
}

static void refuse_piece(struct engine *e, struct socketio_session *ss, bool is_probe,
                         enum err error)
{
    if (is_probe)
        drop_probe(ss);
    else if (error == ERR_TOO_BIG)
        engine_close(e, &ss->base, CLOSE_TOO_BIG, "frame too big");
    else
        engine_close(e, &ss->base, CLOSE_LATER, "out of memory");
}

static void input(struct engine *e, struct conn *c, const struct piece *piece)
{
    struct socketio_session *ss = of(c->session);
    bool is_binary = piece->kind == PIECE_BINARY, is_probe = ss->probing == c;
    struct span whole;
    enum err error;

    if (piece->kind == PIECE_PONG || ss->base.state == SESSION_CLOSING)
        return;
    error = conn_collect(c, piece, (size_t)e->config->relay.socketio_max_payload, &whole);
    if (error == ERR_INCOMPLETE)
        return;
    if (error)
        refuse_piece(e, ss, is_probe, error);
    else if (is_probe)
        on_probe_frame(e, ss, whole, is_binary);
    else
        on_frame(e, ss, whole, is_binary);
    conn_drop_partial(c);
    engine_mark_dirty(e, &ss->base);
}

static void lost(struct engine *e, struct conn *c)
{
    struct socketio_session *ss = of(c->session);

    if (ss->probing != c) {
        engine_forget(e, &ss->base);
        return;
    }
    ss->probing = NULL;
    eio_session_stop_probe(&ss->eio);
    engine_mark_dirty(e, &ss->base);
}

/* --- what the relay says --- */

/* Writes `format` with its {users} and {pages} filled in. */
static enum err fill_in(struct span format, const struct online *online, struct buf *out)
{
    while (format.len > 0) {
        size_t len = 7; /* of either placeholder */
        enum err e;

        if (span_starts_with(format, SPAN("{users}"))) {
            e = buf_append_int(out, online->users);
        } else if (span_starts_with(format, SPAN("{pages}"))) {
            e = buf_append_int(out, online->pages);
        } else {
            len = 1;
            e = buf_append_char(out, format.p[0]);
        }
        if (e)
            return e;
        format = (struct span){format.p + len, format.len - len};
    }
    return ERR_NONE;
}

static enum err encode_online(const struct engine *e, const struct online *online, struct buf *out)
{
    struct buf text;
    enum err error;

    buf_init(&text, ONLINE_MAX);
    error = fill_in(span_of(e->config->relay.legacy_online_format), online, &text);
    if (!error)
        error = sio_encode_event(SPAN("update_online_count"), buf_span(&text), out);
    buf_deinit(&text);
    return error;
}

static enum err encode_ring(const struct engine *e, const struct ring *ring, struct buf *out)
{
    if (ring->text.p)
        return text_encode(ring->text, texts_max(&e->config->relay) - 1, out);
    return text_encode(span_of(e->config->relay.legacy_text), BYTES_MAX, out);
}

static enum err encode(const struct engine *e, const struct event *event, struct buf *out)
{
    switch (event->type) {
    case EVENT_RING:
    case EVENT_BROADCAST:
        return encode_ring(e, &event->as.ring, out);
    case EVENT_ONLINE:
        return encode_online(e, &event->as.online, out);
    default:
        return ERR_NONE; /* its clients know no such thing */
    }
}

static void forget_told(struct engine *e, struct broadcast_log *log)
{
    struct session *first = hub_first(e->hub), *s = first;
    uint64_t place = broadcast_log_end(log);

    while (s) {
        if (s->protocol == &socketio_protocol && of(s)->log_position < place)
            place = of(s)->log_position;
        s = s->all.next == first ? NULL : s->all.next;
    }
    broadcast_log_forget(log, place);
}

/* Broadcasts that overlap may leave no moment at which all of it has been told. */
static enum err add_to_log(struct engine *e, struct span packet)
{
    struct shared *shared = shared_of(e);
    size_t max = texts_max(&e->config->relay);
    enum err error = broadcast_log_add(&shared->log, packet, max);

    if (error != ERR_TOO_BIG || !interval_take(&shared->forget_ms, e->now.ms, FORGET_MS))
        return error;
    forget_told(e, &shared->log);
    return broadcast_log_add(&shared->log, packet, max);
}

/* Texts do not merge as rings do: each page is told each one, in their order. */
static enum err announce(struct engine *e, struct frames *frames)
{
    const struct frame *frame;
    enum err error;

    if (hub_due(e->hub) == 0)
        broadcast_log_clear(&shared_of(e)->log); /* all that it holds has been told */
    if (!frames->event.as.ring.text.p)
        return add_to_log(e, SPAN(""));
    if ((error = frames_get(frames, e, &socketio_protocol, &frame)))
        return error;
    error = add_to_log(e, frame_span(frame));
    return error == ERR_TOO_BIG ? ERR_TOO_MANY : error;
}

static void put(struct engine *e, struct socketio_session *ss, enum eio_kind kind,
                struct span packet)
{
    /* A text may be as long as a reload has let it. */
    eio_session_let_wait(&ss->eio, (size_t)e->config->relay.socketio_max_pending);
    if (packet.len > 0 && eio_session_put(&ss->eio, kind, packet) &&
        ss->base.state != SESSION_CLOSING)
        engine_close(e, &ss->base, CLOSE_POLICY, "too much waits for it");
}

/* False: none of it is for this session. */
static bool tell_log(struct engine *e, struct socketio_session *ss, struct span ring)
{
    bool has_inbox = ss->base.state == SESSION_OPEN;
    bool hears_texts = has_inbox || e->config->relay.legacy_anonymous;
    bool is_told = false;
    struct span text;

    while (broadcast_log_next(&shared_of(e)->log, &ss->log_position, &text)) {
        if (!(text.len > 0 ? hears_texts : has_inbox))
            continue;
        put(e, ss, text.len > 0 ? EIO_KIND_PLAIN : EIO_KIND_RING, text.len > 0 ? text : ring);
        is_told = true;
    }
    return is_told;
}

static bool deliver(struct engine *e, struct session *s, struct frames *frames)
{
    const struct event *event = &frames->event;
    struct socketio_session *ss = of(s);
    const struct frame *frame;

    if (frames_get(frames, e, &socketio_protocol, &frame))
        engine_close(e, s, CLOSE_POLICY, "too much waits for it");
    else if (event->type == EVENT_BROADCAST && !tell_log(e, ss, frame_span(frame)))
        return false;
    else if (event->type == EVENT_ONLINE)
        put(e, ss, EIO_KIND_ONLINE, frame_span(frame));
    else if (event->type == EVENT_RING)
        put(e, ss, event->as.ring.text.p ? EIO_KIND_PLAIN : EIO_KIND_RING, frame_span(frame));
    if (s->pending_on == HUB_NOT_LISTED)
        engine_mark_dirty(e, s);
    return true;
}

/* --- time, and the end --- */

static bool check(struct engine *e, struct session *s)
{
    static const struct session_end no_login = {"no login in time", CLOSE_NO_LOGIN};
    static const struct session_end restarting = {"restarting", CLOSE_RESTART};
    struct eio_limits limits = limits_of(e);
    struct socketio_session *ss = of(s);
    struct session_end end;
    bool is_news;

    if (session_is_over(s, e->now, e->admission.drain_ends_ms ? &restarting : &no_login, &end)) {
        engine_close(e, s, end.code, end.reason);
        return true;
    }
    switch (eio_session_check(&ss->eio, &limits, e->now.ms)) {
    case EIO_DUE_NOTHING:
        break;
    case EIO_DUE_DROP_PROBE:
        drop_probe(ss);
        engine_mark_dirty(e, s);
        break;
    case EIO_DUE_FLUSH:
    case EIO_DUE_CLOSE:
        engine_mark_dirty(e, s);
        break;
    }
    is_news = e->config->relay.legacy_online_count && ss->eio.is_connected &&
              engine_has_news(e, &ss->online_seen);
    if (is_news)
        tell_online(e, ss);
    return is_news;
}

/* A code of 1012 or 1013 ends the process of a client of socket.io 1.x in node: its ws throws. */
static uint16_t close_code_of(const struct session *s)
{
    return s->end.code == CLOSE_RESTART || s->end.code == CLOSE_LATER ? CLOSE_GOING_AWAY
                                                                      : s->end.code;
}

/* Whether the client goes on to close the session itself: one that has left does, and finding it
 * gone would be an error to its user; one that is told to leave does as well, and takes any other
 * end for a mishap, and comes back. Told of a close as well, some forget why. */
static bool is_closed_by_client(const struct socketio_session *ss)
{
    uint16_t code = ss->base.end.code;

    return code == CLOSE_NORMAL || code == CLOSE_KICKED || code == CLOSE_TOO_MANY ||
           (code == CLOSE_NO_LOGIN && ss->eio.is_connected);
}

static void end(struct engine *e, struct session *s)
{
    struct socketio_session *ss = of(s);

    drop_probe(ss);
    if (!is_closed_by_client(ss) || eio_session_leave(&ss->eio))
        eio_session_close(&ss->eio, s->end.reason, e->now.ms);
    write_due(e, ss);
    s->is_end_told = true;
    if (s->conn)
        s->conn->transport->close(s->conn, close_code_of(s), s->end.reason);
    /* What is yet to be told waits for the next poll, unless none can come any more. */
    else if (eio_session_is_over(&ss->eio) || e->admission.drain_ends_ms)
        engine_forget(e, s);
}

const struct protocol socketio_protocol = {
    .id = PROTOCOL_SOCKETIO,
    .name = "socketio",
    .requests = {polling_owns, polling_body_max, polling_answer, polling_on_refusal},
    .start = start,
    .stop = stop,
    .open = open_conn,
    .input = input,
    .lost = lost,
    .encode = encode,
    .announce = announce,
    .deliver = deliver,
    .flush = flush,
    .check = check,
    .end = end,
    .free = free_session,
};
