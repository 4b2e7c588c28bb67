/* SPDX-License-Identifier: MIT */
#include "relay/clients.h"

#include "relay/delivery.h"
#include "relay/page_socket.h"

static bool is_page(const struct session *s)
{
    return s->protocol == &socketio_protocol;
}

static void greet(struct core *core, struct session *s)
{
    struct message m = {.type = MESSAGE_WELCOME, .as.user = hub_user_id(s)};

    core_log(s, "logged in");
    stats_count(&core->stats, COUNT_LOGINS, 1);
    delivery_send(core, s, &m);
}

static void log_in(struct core *core, struct session *s, struct span token)
{
    if (login_with_token(&core->desk, s, token, core->api.now) == LOGIN_DONE)
        greet(core, s);
}

static void want_online(struct core *core, struct session *s)
{
    s->wants_online = true;
    core_publish_online(core);
    delivery_send_online(core, s);
}

static void on_open(void *ctx, struct session *s)
{
    struct core *core = ctx;
    struct span token = {core->admission.token, core->admission.token_len};

    if (is_page(s)) {
        page_socket_on_open(s);
        return;
    }
    stats_count(&core->stats, COUNT_OPENED, 1);
    hub_add(core->hub, s);
    if (token.len > 0)
        log_in(core, s, token);
    if (s->state == SESSION_OPEN && core->admission.wants_online)
        want_online(core, s);
}

static void on_heard(void *ctx, struct session *s)
{
    session_heard(s, core_now(ctx));
}

static void on_login(struct core *core, struct session *s, const struct client_frame *f)
{
    bool was_open = s->state == SESSION_OPEN;

    if (f->has_token)
        log_in(core, s, (struct span){f->token, f->token_len});
    else if (!was_open)
        core_close(core, s, CLOSE_TOKEN, "login without a token");
    if (s->state != SESSION_OPEN || !f->has_online)
        return;
    s->wants_online = false;
    if (f->online)
        want_online(core, s);
}

static void on_frame(struct core *core, struct session *s, struct span whole)
{
    struct message unknown = {.type = MESSAGE_ERROR, .as.fault = FAULT_UNKNOWN_TYPE};
    struct client_frame f;
    enum err e = s->protocol->decode(whole, &f);

    if (e == ERR_NO_MEMORY)
        core_close(core, s, CLOSE_LATER, "out of memory");
    else if (e)
        core_close(core, s, CLOSE_POLICY, "malformed frame");
    else if (f.type == CLIENT_LOGIN)
        on_login(core, s, &f);
    else if (s->state == SESSION_NEW)
        core_close(core, s, CLOSE_POLICY, "login comes first");
    else if (f.type == CLIENT_UNKNOWN)
        delivery_send(core, s, &unknown);
}

static void on_piece(void *ctx, struct session *s, struct span piece, bool is_binary, bool is_last)
{
    struct core *core = ctx;
    struct span whole;
    enum err e;

    if (s->state == SESSION_CLOSING)
        return;
    if (is_page(s)) {
        page_socket_on_piece(s, piece, is_binary, is_last);
        return;
    }
    if (is_binary) {
        core_close(core, s, CLOSE_POLICY, "binary frame");
        return;
    }
    e = session_collect(s, piece, is_last, (size_t)core->config->relay.max_frame, &whole);
    if (e == ERR_INCOMPLETE)
        return;
    if (e == ERR_TOO_BIG)
        core_close(core, s, CLOSE_TOO_BIG, "frame too big");
    else if (e)
        core_close(core, s, CLOSE_LATER, "out of memory");
    else
        on_frame(core, s, whole);
    session_drop_partial(s);
}

static void on_writable(void *ctx, struct session *s)
{
    core_now(ctx);
    if (!is_page(s))
        delivery_empty_slot(ctx, s);
    else if (s->page && s->page->session == s)
        page_flush(s->page);
}

static void on_gone(void *ctx, struct session *s)
{
    struct core *core = ctx;

    if (is_page(s) && page_socket_on_gone(core, s))
        return;
    core_forget_session(core, s);
    if (s->page)
        page_end(s);
    else
        core_free_session(core, s);
}

const struct transport_events clients_events = {on_open, on_heard, on_piece, on_writable, on_gone};
