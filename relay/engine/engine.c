/* SPDX-License-Identifier: MIT */
/* engine.c - the state that all sessions share, and what happens to a session whatever it speaks:
 * it comes, is told something, fails, goes. What protocol it is shows in one place, s->protocol.
 * Nothing is freed within a walk or a call from below: a session that fails goes on the hub's
 * closing list, one with something to send on its dirty list, and engine_turn() empties both. */
#include "relay/engine/engine.h"

#include "common/bytes/invariant.h"
#include "relay/session/protocol.h"

enum { REVOCATIONS_MAX = 100000, FRAMES_MAX = 1024 * 1024, CLOSING_MS = 5000, HANDOVER_MS = 1000 };

static enum err start_protocols(struct engine *e, const struct protocol *const protocols[])
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        enum err error = protocols[i]->start(e, &e->protocols[i].state);

        if (error)
            return error;
        e->protocols[i].protocol = protocols[i];
    }
    return ERR_NONE;
}

enum err engine_init(struct engine *e, const struct engine_ops *ops,
                     const struct protocol *const protocols[], const struct config *config,
                     const struct secrets *secrets)
{
    e->ops = ops;
    e->hub = e->authenticator.hub = hub_new();
    e->authenticator.untimely = &e->metrics.counters[COUNT_UNTIMELY_TOKENS];
    e->authenticator.revocations = revocations_new(REVOCATIONS_MAX);
    frames_init(&e->frames, FRAMES_MAX);
    frames_init(&e->pings, FRAMES_MAX);
    broadcaster_init(&e->broadcaster);
    if (admission_init(&e->admission) || !e->hub || !e->authenticator.revocations)
        return ERR_NO_MEMORY;
    engine_configure(e, config, secrets);
    return start_protocols(e, protocols);
}

void engine_end_sessions(struct engine *e)
{
    struct session *s;

    while ((s = hub_first(e->hub)) || (s = hub_first_closing(e->hub)))
        engine_forget(e, s);
}

void engine_deinit(struct engine *e)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        if (e->protocols[i].protocol)
            e->protocols[i].protocol->stop(e, e->protocols[i].state);
    frames_deinit(&e->frames);
    frames_deinit(&e->pings);
    broadcaster_deinit(&e->broadcaster);
    revocations_free(e->authenticator.revocations);
    hub_free(e->hub);
    admission_deinit(&e->admission);
}

void engine_configure(struct engine *e, const struct config *config, const struct secrets *secrets)
{
    e->config = config;
    e->authenticator.keys = secrets->token;
    e->authenticator.sessions_per_user_max = config->relay.max_sessions_per_user;
    e->authenticator.takes_bare_ids = config->relay.legacy_login;
}

/* --- what happens to connections --- */

void engine_on_piece(struct engine *e, struct conn *c, const struct piece *piece)
{
    if (c->session)
        c->session->protocol->input(e, c, piece);
}

void engine_on_writable(struct engine *e, struct conn *c)
{
    if (c->session && c->session->conn == c && c->session->state != SESSION_CLOSING)
        c->session->protocol->flush(e, c->session);
}

void engine_on_gone(struct engine *e, struct conn *c)
{
    conn_drop_partial(c);
    if (c->session)
        c->session->protocol->lost(e, c);
}

/* --- a session comes and goes --- */

int engine_check_room(struct engine *e, const struct newcomer *who, const char **why)
{
    return admission_check(&e->admission, &e->config->relay, e->hub, who, e->now.ms, why);
}

enum err engine_add(struct engine *e, struct session *s, const struct ip *peer, struct conn *c)
{
    enum err error = address_limit_add(e->admission.addresses, peer);

    if (error)
        return error;
    s->origin = (struct session_origin){*peer, ++e->serial};
    s->deadline_ms = e->now.ms + e->config->relay.login_timeout_ms;
    s->conn = c;
    if (c)
        c->session = s;
    hub_add(e->hub, s);
    metrics_count(&e->metrics, COUNT_OPENED, 1);
    e->ops->log(s, NULL);
    return ERR_NONE;
}

void engine_note_login(struct engine *e, struct session *s)
{
    if (!e->admission.drain_ends_ms)
        s->deadline_ms = 0;
    s->is_proven = true;
    address_limit_prove(e->admission.addresses, &s->origin.peer);
    metrics_count(&e->metrics, COUNT_LOGINS, 1);
    e->ops->log(s, "logged in");
}

void engine_forget(struct engine *e, struct session *s)
{
    if (s->state == SESSION_CLOSING)
        metrics_count_close(&e->metrics, s->end.code, s->end.reason);
    else
        metrics_count_left(&e->metrics);
    e->ops->log(s, "gone");
    hub_remove(e->hub, s);
    address_limit_remove(e->admission.addresses, &s->origin.peer, s->is_proven);
    s->protocol->free(e, s);
}

void engine_close(struct engine *e, struct session *s, uint16_t code, const char *reason)
{
    e->ops->log(s, reason);
    hub_close(e->hub, s, code, reason);
}

void engine_drain(struct engine *e, bool has_successor)
{
    int64_t window_ms = e->config->relay.drain_window_ms;
    size_t count = hub_sessions(e->hub);
    struct session *s = hub_first(e->hub), *next;

    e->admission.drain_ends_ms = e->now.ms + (has_successor ? HANDOVER_MS : window_ms + CLOSING_MS);
    for (size_t i = 0; i < count; i++, s = next) {
        struct event event = {.type = EVENT_CLOSE_NOTICE};
        uint32_t n = 0;

        next = s->all.next;
        if (window_ms && e->ops->random(&n, sizeof(n)) == ERR_NONE)
            event.as.after_ms = (uint32_t)(n % window_ms);
        s->deadline_ms = e->now.ms + (has_successor ? 0 : event.as.after_ms);
        engine_tell(e, s, &event);
    }
}

bool engine_is_drained(const struct engine *e)
{
    return e->admission.drain_ends_ms &&
           (e->now.ms >= e->admission.drain_ends_ms ||
            (hub_sessions(e->hub) == 0 && !hub_first_closing(e->hub)));
}

/* --- the end of a turn --- */

static void flush_dirty(struct engine *e)
{
    struct session *s;

    while ((s = hub_next_listed(e->hub, HUB_DIRTY)))
        s->protocol->flush(e, s);
}

static void end_listed(struct engine *e)
{
    /* Those of this turn are last on the list. */
    struct session *s = hub_last_closing(e->hub);

    while (s && !s->is_end_told) {
        struct session *before = s->all.prev;

        if (!INVARIANT(s->state == SESSION_CLOSING && s->user == NULL))
            return;
        s->deadline_ms = e->now.ms + CLOSING_MS;
        s->protocol->end(e, s);
        s = before;
    }
}

void engine_turn(struct engine *e)
{
    e->rung_in_turn = 0;
    flush_dirty(e);
    end_listed(e);
}

void engine_mark_dirty(struct engine *e, struct session *s)
{
    hub_list(e->hub, s, HUB_DIRTY);
}

/* --- what goes out --- */

bool engine_deliver(struct engine *e, struct session *s, struct frames *frames)
{
    return s->state != SESSION_CLOSING && s->protocol->deliver(e, s, frames);
}

void engine_release(struct engine *e, struct session *newest)
{
    struct session *next;

    for (struct session *s = newest; s; s = next) {
        next = s->of_user.next;
        s->protocol->flush(e, s);
    }
}

void engine_tell(struct engine *e, struct session *s, const struct event *event)
{
    frames_begin(&e->frames, event, 0);
    (void)engine_deliver(e, s, &e->frames);
}

void engine_note_blocked(struct engine *e, struct session *s, bool is_blocked)
{
    if (s->state != SESSION_CLOSING && is_blocked != (s->blocked_ms != 0))
        hub_set_blocked(e->hub, s, is_blocked ? e->now.ms : 0);
}

void engine_count_frame(struct engine *e, size_t len)
{
    metrics_count(&e->metrics, COUNT_FRAMES, 1);
    metrics_count(&e->metrics, COUNT_BYTES, len);
}

bool engine_has_news(const struct engine *e, const struct online *seen)
{
    return e->online.users != seen->users || e->online.pages != seen->pages;
}

void engine_publish_online(struct engine *e)
{
    e->online = (struct online){(uint32_t)hub_users(e->hub) + e->elsewhere.users,
                                (uint32_t)hub_pages(e->hub) + e->elsewhere.pages};
}
