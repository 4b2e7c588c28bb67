/* SPDX-License-Identifier: MIT */
#include "relay/socketio/websocket.h"

#include <unistd.h>

void page_socket_expect(struct engine *engine, struct page *upgrading,
                        const struct eio_query *handshake)
{
    engine->admission.protocol = &socketio_protocol;
    engine->upgrading = upgrading;
    engine->handshake = *handshake;
    engine->handshake.sid = SPAN(""); /* that of the request goes with it */
}

static bool is_on_trial(const struct session *s)
{
    return !s->page || s->page->session != s;
}

static struct session *new_session(struct engine *engine)
{
    struct session *s;

    if (!engine->upgrading)
        return page_new_session(engine, &engine->handshake);
    s = engine_new_session(engine, &socketio_protocol);
    if (s)
        s->page = engine->upgrading;
    return s;
}

void page_socket_on_handover(struct engine *engine, int fd)
{
    struct session *s = new_session(engine);

    if (!s) {
        close(fd);
        return;
    }
    if (websocket_adopt(engine->websockets, fd, engine->admission.head, engine->admission.head_len,
                        s))
        return;
    if (is_on_trial(s))
        engine_free_session(engine, s);
    else
        page_end(s);
}

void page_socket_on_open(struct session *s)
{
    struct page *page = s->page;

    if (!is_on_trial(s)) {
        page_open(s);
        page_flush(page);
    } else if (eio_session_start_probe(&page->eio, page->engine->api.now.ms)) {
        page->trial = s;
    } else {
        s->page = NULL;
        s->transport->kill(s);
    }
}

/* The WebSocket on trial becomes the session's own. */
static void take_over(struct page *page)
{
    struct session *trial = page->trial;

    page->trial = NULL;
    websocket_move(trial, page->session);
    engine_free_session(page->engine, trial);
}

static void on_trial_frame(struct page *page, struct span frame, bool is_binary)
{
    switch (eio_session_hear_probe(&page->eio, frame, is_binary, page->engine->api.now.ms)) {
    case EIO_PROBE_PONG:
        session_drop_partial(page->trial);
        if (page_write(page, page->trial, EIO_PROBE_REPLY) != SEND_DONE)
            page_drop_trial(page);
        break;
    case EIO_PROBE_UPGRADED:
        take_over(page);
        break;
    case EIO_PROBE_REFUSED:
        page_drop_trial(page);
        break;
    }
    page_flush(page);
}

static void on_frame(struct page *page, struct span frame, bool is_binary)
{
    struct eio_event event;

    eio_session_hear(&page->eio, frame, is_binary, page->engine->api.now.ms, &event);
    page_on_event(page, &event);
    session_drop_partial(page->session);
    page_flush(page);
}

static void refuse_piece(struct page *page, struct session *s, enum err e)
{
    session_drop_partial(s);
    if (is_on_trial(s))
        page_drop_trial(page);
    else if (e == ERR_TOO_BIG)
        engine_close(page->engine, s, CLOSE_TOO_BIG, "frame too big");
    else
        engine_close(page->engine, s, CLOSE_LATER, "out of memory");
}

void page_socket_on_piece(struct session *s, struct span piece, bool is_binary, bool is_last)
{
    struct page *page = s->page;
    struct span whole;
    enum err e;

    if (!page || (is_on_trial(s) && page->trial != s))
        return;
    e = session_collect(s, piece, is_last, (size_t)page->engine->config->relay.socketio_max_payload,
                        &whole);
    if (e == ERR_INCOMPLETE)
        return;
    if (e)
        refuse_piece(page, s, e);
    else if (is_on_trial(s))
        on_trial_frame(page, whole, is_binary);
    else
        on_frame(page, whole, is_binary);
}

bool page_socket_on_gone(struct engine *engine, struct session *s)
{
    struct page *page = s->page;

    if (!is_on_trial(s))
        return false;
    if (page && page->trial == s) {
        page->trial = NULL;
        eio_session_stop_probe(&page->eio);
        page_flush(page);
    }
    engine_free_session(engine, s);
    return true;
}
