/* SPDX-License-Identifier: MIT */
#include "relay/engine/clients.h"

#include "relay/engine/sender.h"
#include "relay/socketio/websocket.h"

static bool is_page(const struct session *s)
{
    return s->protocol == &socketio_protocol;
}

static void greet(struct engine *engine, struct session *s)
{
    struct event m = {.type = EVENT_WELCOME, .as.user = hub_user_id(s)};

    engine_log(s, "logged in");
    metrics_count(&engine->metrics, COUNT_LOGINS, 1);
    sender_send(engine, s, &m);
}

static void log_in(struct engine *engine, struct session *s, struct span token)
{
    if (authenticator_log_in(&engine->authenticator, s, token, engine->api.now) == LOGIN_DONE)
        greet(engine, s);
}

static void want_online(struct engine *engine, struct session *s)
{
    s->wants_online = true;
    engine_publish_online(engine);
    sender_send_online(engine, s);
}

static void on_open(void *ctx, struct session *s)
{
    struct engine *engine = ctx;
    struct span token = {engine->admission.token, engine->admission.token_len};

    if (is_page(s)) {
        page_socket_on_open(s);
        return;
    }
    metrics_count(&engine->metrics, COUNT_OPENED, 1);
    hub_add(engine->hub, s);
    if (token.len > 0)
        log_in(engine, s, token);
    if (s->state == SESSION_OPEN && engine->admission.wants_online)
        want_online(engine, s);
}

static void on_heard(void *ctx, struct session *s)
{
    session_heard(s, engine_now(ctx));
}

static void on_login(struct engine *engine, struct session *s, const struct client_frame *f)
{
    bool was_open = s->state == SESSION_OPEN;

    if (f->has_token)
        log_in(engine, s, (struct span){f->token, f->token_len});
    else if (!was_open)
        engine_close(engine, s, CLOSE_TOKEN, "login without a token");
    if (s->state != SESSION_OPEN || !f->has_online)
        return;
    s->wants_online = false;
    if (f->online)
        want_online(engine, s);
}

static void on_frame(struct engine *engine, struct session *s, struct span whole)
{
    struct event unknown = {.type = EVENT_ERROR, .as.fault = FAULT_UNKNOWN_TYPE};
    struct client_frame f;
    enum err e = s->protocol->decode(whole, &f);

    if (e == ERR_NO_MEMORY)
        engine_close(engine, s, CLOSE_LATER, "out of memory");
    else if (e)
        engine_close(engine, s, CLOSE_POLICY, "malformed frame");
    else if (f.type == CLIENT_LOGIN)
        on_login(engine, s, &f);
    else if (s->state == SESSION_NEW)
        engine_close(engine, s, CLOSE_POLICY, "login comes first");
    else if (f.type == CLIENT_UNKNOWN)
        sender_send(engine, s, &unknown);
}

static void on_piece(void *ctx, struct session *s, struct span piece, bool is_binary, bool is_last)
{
    struct engine *engine = ctx;
    struct span whole;
    enum err e;

    if (s->state == SESSION_CLOSING)
        return;
    if (is_page(s)) {
        page_socket_on_piece(s, piece, is_binary, is_last);
        return;
    }
    if (is_binary) {
        engine_close(engine, s, CLOSE_POLICY, "binary frame");
        return;
    }
    e = session_collect(s, piece, is_last, (size_t)engine->config->relay.max_frame, &whole);
    if (e == ERR_INCOMPLETE)
        return;
    if (e == ERR_TOO_BIG)
        engine_close(engine, s, CLOSE_TOO_BIG, "frame too big");
    else if (e)
        engine_close(engine, s, CLOSE_LATER, "out of memory");
    else
        on_frame(engine, s, whole);
    session_drop_partial(s);
}

static void on_writable(void *ctx, struct session *s)
{
    engine_now(ctx);
    if (!is_page(s))
        sender_empty_slot(ctx, s);
    else if (s->page && s->page->session == s)
        page_flush(s->page);
}

static void on_gone(void *ctx, struct session *s)
{
    struct engine *engine = ctx;

    if (is_page(s) && page_socket_on_gone(engine, s))
        return;
    engine_forget_session(engine, s);
    if (s->page)
        page_end(s);
    else
        engine_free_session(engine, s);
}

const struct transport_events clients_events = {on_open, on_heard, on_piece, on_writable, on_gone};
