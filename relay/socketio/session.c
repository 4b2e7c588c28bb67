/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getrandom */
#include "relay/socketio/session.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "relay/publish/web_msg_sender.h"
#include "relay/socketio/packet.h"

/* Over what an HTTP answer holds; max_pending keeps what waits below it. */
enum { BYTES_MAX = 1024 * 1024, ONLINE_MAX = 64 * 1024 };

struct page_entry {
    UT_hash_handle hh;
    struct page page;
};

struct pages {
    struct engine *engine;
    struct page_entry *by_sid;
    struct frame frame;
    struct buf packet;
};

const struct protocol socketio_protocol = {
    .id = PROTOCOL_SOCKETIO,
    .name = "socketio",
    .has_own_beat = true,
};

struct pages *pages_new(struct engine *engine)
{
    struct pages *pages = calloc(1, sizeof(*pages));

    if (!pages)
        return NULL;
    pages->engine = engine;
    frame_init(&pages->frame, BYTES_MAX);
    buf_init(&pages->packet, BYTES_MAX);
    return pages;
}

void pages_free(struct pages *pages)
{
    struct page_entry *entry, *next;

    if (!pages)
        return;
    HASH_ITER(hh, pages->by_sid, entry, next)
    {
        hub_remove(pages->engine->hub, entry->page.session);
        page_end(entry->page.session);
    }
    frame_deinit(&pages->frame);
    buf_deinit(&pages->packet);
    free(pages);
}

static struct eio_limits limits_of(const struct engine *engine)
{
    const struct config_relay *relay = &engine->config->relay;

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

void page_take_answer(struct page *page, struct http_response *res)
{
    res->status = 200;
    res->content_type = eio_content_type((enum eio_framing)page->eio.framing, page->eio.jsonp >= 0);
    if (!eio_session_take_payload(&page->eio, &res->body))
        return;
    res->status = 503;
    buf_reset(&res->body);
}

static void answer_poll(struct page *page)
{
    struct http_response res = {.headers = ""};
    struct http_conn *poll = page->poll;

    buf_init(&res.body, BYTES_MAX);
    page_take_answer(page, &res);
    page->poll = NULL;
    http_answer(poll, &res);
    buf_deinit(&res.body);
}

enum send_result page_write(struct page *page, struct session *to, struct span packet)
{
    struct engine *engine = page->engine;
    struct frame *frame = &engine->pages->frame;
    enum send_result result = SEND_DEAD;

    if (!frame_set(frame, packet))
        result = to->transport->send(to, frame);
    if (result == SEND_DONE) {
        metrics_count(&engine->metrics, COUNT_FRAMES, 1);
        metrics_count(&engine->metrics, COUNT_BYTES, packet.len);
    }
    return result;
}

static void write_waiting(struct page *page)
{
    struct session *s = page->session;
    struct span packet;

    while (eio_session_peek(&page->eio, &packet)) {
        switch (page_write(page, s, packet)) {
        case SEND_DONE:
            eio_session_pop(&page->eio);
            break;
        case SEND_BLOCKED:
            return;
        case SEND_DEAD:
            engine_close(page->engine, s, CLOSE_POLICY, "write failed");
            return;
        }
    }
}

/* Ends what the page itself has ended: its transport follows at the end of the turn, or now, if it
 * has waited only for a last poll. */
static void settle(struct page *page)
{
    struct session *s = page->session;

    if (!eio_session_is_over(&page->eio))
        return;
    if (s->state != SESSION_CLOSING)
        engine_close(page->engine, s, page->eio.is_by_peer ? CLOSE_NORMAL : CLOSE_POLICY,
                     page->eio.reason);
    else if (s->is_transport_closing && page->eio.transport == EIO_POLLING)
        s->transport->close(s);
}

static void note_blocked(struct page *page)
{
    struct session *s = page->session;
    bool waits = eio_session_has_waiting(&page->eio);

    if (s->state != SESSION_CLOSING && waits != (s->blocked_ms != 0))
        hub_set_blocked(page->engine->hub, s, waits ? page->engine->api.now.ms : 0);
}

void page_flush(struct page *page)
{
    struct session *s = page->session;

    if (eio_session_owes_poll(&page->eio) && page->poll)
        answer_poll(page);
    if (page->eio.transport == EIO_WEBSOCKET && !s->is_transport_closing)
        write_waiting(page);
    note_blocked(page);
    settle(page);
}

/* --- login --- */

static void tell_online(struct page *page)
{
    struct event m = {.type = EVENT_ONLINE, .as.online = page->engine->online};

    page->session->online_seen = page->engine->online;
    page_put(page->session, &m);
}

/* Returns why not; NULL: the session is the user's, or was somebody's already. */
static const char *log_in(struct page *page, struct span proof)
{
    struct engine *engine = page->engine;
    struct session *s = page->session;
    enum login_result result =
        authenticator_log_in_by_proof(&engine->authenticator, s, proof, engine->api.now);

    if (result == LOGIN_REFUSED)
        return "not authorized";
    if (result == LOGIN_DONE) {
        engine_log(s, "logged in");
        metrics_count(&engine->metrics, COUNT_LOGINS, 1);
    }
    return NULL;
}

void page_log_in_by_cookie(struct page *page)
{
    struct span token = {page->engine->admission.token, page->engine->admission.token_len};

    if (token.len == 0 || log_in(page, token))
        return;
    eio_session_set_logged_in(&page->eio);
    /* It is told the numbers at the next sweep that finds it connected. */
    page->session->online_seen = (struct online){UINT32_MAX, UINT32_MAX};
}

void page_on_event(struct page *page, const struct eio_event *event)
{
    const char *error;

    if (page->session->state == SESSION_CLOSING)
        return;
    if (event->type == EIO_EVENT_LEFT)
        engine_close(page->engine, page->session, CLOSE_NORMAL, "left");
    if (event->type != EIO_EVENT_LOGIN && event->type != EIO_EVENT_AUTH)
        return;
    error = log_in(page, (struct span){event->text, event->text_len});
    /* Failing, it has ended the session: settle() sees to that. */
    if (!eio_session_answer(&page->eio, event, error) && !error &&
        page->engine->config->relay.legacy_online_count)
        tell_online(page);
}

/* --- life --- */

static enum err make_id(char out[PAGE_ID_LEN + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[PAGE_ID_LEN];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < PAGE_ID_LEN; i++)
        out[i] = alphabet[bytes[i] & 63];
    out[PAGE_ID_LEN] = '\0';
    return ERR_NONE;
}

static struct page_entry *entry_of(struct page *page)
{
    return (struct page_entry *)((char *)page - offsetof(struct page_entry, page));
}

static enum err add_page(struct pages *pages, struct page *page)
{
    struct page_entry *entry = entry_of(page);

    HASH_ADD_KEYPTR(hh, pages->by_sid, page->sid, PAGE_ID_LEN, entry);
    return entry->hh.tbl ? ERR_NONE : ERR_NO_MEMORY;
}

static enum err open_page(struct page *page, const struct eio_query *handshake)
{
    struct eio_limits limits = limits_of(page->engine);
    char socket_id[PAGE_ID_LEN + 1];
    enum err e;

    if ((e = make_id(page->sid)) || (e = make_id(socket_id)))
        return e;
    e = eio_session_open(&page->eio, handshake, span_of(page->sid), span_of(socket_id), &limits,
                         page->engine->api.now.ms);
    if (e)
        return e;
    e = add_page(page->engine->pages, page);
    if (e)
        eio_session_deinit(&page->eio);
    return e;
}

struct session *page_new_session(struct engine *engine, const struct eio_query *handshake)
{
    struct page_entry *entry = calloc(1, sizeof(*entry));
    struct session *s = engine_new_session(engine, &socketio_protocol);
    struct page *page = entry ? &entry->page : NULL;

    if (!page || !s)
        goto failed;
    page->engine = engine;
    page->session = s;
    page->log_position = broadcast_log_end(&engine->log);
    s->page = page;
    s->deadline_ms = 0; /* who has not logged in hears what is for everybody */
    if (!open_page(page, handshake))
        return s;
failed:
    if (s)
        engine_free_session(engine, s);
    free(entry);
    return NULL;
}

struct page *page_find(const struct engine *engine, struct span sid)
{
    struct page_entry *entry;

    HASH_FIND(hh, engine->pages->by_sid, sid.p, sid.len, entry);
    return entry ? &entry->page : NULL;
}

void page_drop_trial(struct page *page)
{
    struct session *trial = page->trial;

    if (!trial)
        return;
    eio_session_stop_probe(&page->eio);
    page->trial = NULL;
    trial->page = NULL;
    trial->transport->kill(trial);
}

void page_open(struct session *s)
{
    struct engine *engine = s->page->engine;

    metrics_count(&engine->metrics, COUNT_OPENED, 1);
    hub_add(engine->hub, s);
    s->wants_online = engine->config->relay.legacy_online_count;
    s->online_seen = engine->online;
    page_log_in_by_cookie(s->page);
}

void page_end(struct session *s)
{
    struct page *page = s->page;
    struct page_entry *entry = entry_of(page);
    struct engine *engine = page->engine;

    if (page->poll)
        answer_poll(page);
    page_drop_trial(page);
    eio_session_deinit(&page->eio);
    HASH_DEL(engine->pages->by_sid, entry);
    free(entry);
    s->page = NULL;
    engine_free_session(engine, s);
}

/* --- what the relay says --- */

/* Writes `format` with its {users} and {pages} filled in. */
static enum err fill_in(struct span format, int64_t users, int64_t pages, struct buf *out)
{
    while (format.len > 0) {
        enum err e;

        if (span_starts_with(format, SPAN("{users}"))) {
            e = buf_append_int(out, users);
            format = (struct span){format.p + 7, format.len - 7};
        } else if (span_starts_with(format, SPAN("{pages}"))) {
            e = buf_append_int(out, pages);
            format = (struct span){format.p + 7, format.len - 7};
        } else {
            e = buf_append_char(out, format.p[0]);
            format = (struct span){format.p + 1, format.len - 1};
        }
        if (e)
            return e;
    }
    return ERR_NONE;
}

static enum err encode_online(const struct engine *engine, const struct online *online,
                              struct buf *out)
{
    struct buf text;
    enum err e;

    buf_init(&text, ONLINE_MAX);
    e = fill_in(span_of(engine->config->relay.legacy_online_format), online->users, online->pages,
                &text);
    if (!e)
        e = sio_encode_event(SPAN("update_online_count"), buf_span(&text), out);
    buf_deinit(&text);
    return e;
}

static enum err put_ring(struct page *page, struct span packet)
{
    struct buf *own = &page->engine->pages->packet;
    enum err e;

    if (packet.len > 0)
        return eio_session_put(&page->eio, EIO_KIND_PLAIN, packet);
    buf_reset(own);
    e = web_msg_sender_encode(span_of(page->engine->config->relay.legacy_text), own);
    return e ? e : eio_session_put(&page->eio, EIO_KIND_RING, buf_span(own));
}

static enum err put_online(struct page *page, const struct online *online)
{
    struct buf *own = &page->engine->pages->packet;
    enum err e;

    buf_reset(own);
    e = encode_online(page->engine, online, own);
    return e ? e : eio_session_put(&page->eio, EIO_KIND_ONLINE, buf_span(own));
}

void page_put(struct session *s, const struct event *m)
{
    struct engine *engine = s->page->engine;
    enum err e = ERR_NONE;

    if (m->type == EVENT_RING)
        e = put_ring(s->page, m->as.ring.packet);
    else if (m->type == EVENT_ONLINE)
        e = put_online(s->page, &m->as.online);
    if (e && s->state != SESSION_CLOSING)
        engine_close(engine, s, CLOSE_POLICY, "too much waits for it");
}

bool page_is_connected(const struct session *s)
{
    return s->page->eio.is_connected;
}

void page_tell_bulletin(struct session *s)
{
    struct engine *engine = s->page->engine;
    struct event m = {.type = EVENT_RING, .as.ring = {.type = RING_ASK}};

    while (broadcast_log_next(&engine->log, &s->page->log_position, &m.as.ring.packet)) {
        /* A text is for every page, a message in the inbox for those who have one. */
        if (m.as.ring.packet.len > 0 || s->state == SESSION_OPEN)
            page_put(s, &m);
    }
    page_flush(s->page);
}

void page_farewell(struct session *s)
{
    struct eio_session *eio = &s->page->eio;

    page_drop_trial(s->page);
    /* Any end but this one a client takes for a mishap, and comes back. It closes the session
     * itself; told of that as well, some forget why. */
    if ((s->close_code != CLOSE_KICKED && s->close_code != CLOSE_TOO_MANY) ||
        eio_session_leave(eio))
        eio_session_close(eio, s->close_reason, s->page->engine->api.now.ms);
    page_flush(s->page);
}

void page_check(struct session *s)
{
    struct page *page = s->page;
    struct eio_limits limits = limits_of(page->engine);

    switch (eio_session_check(&page->eio, &limits, page->engine->api.now.ms)) {
    case EIO_DUE_NOTHING:
        return;
    case EIO_DUE_FLUSH:
    case EIO_DUE_CLOSE:
        break;
    case EIO_DUE_DROP_PROBE:
        page_drop_trial(page);
        break;
    }
    page_flush(page);
}
