/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getrandom */
#include "relay/server/site.h"

#include <ev.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/os/log.h"
#include "common/security/user.h"
#include "relay/cluster/link.h"
#include "relay/engine/ringer.h"
#include "relay/publish/elsewhere.h"
#include "relay/server/instant.h"

/* A first session waits so long at most for its user to be subscribed to. */
enum { TICK_MS = 20, HOLD_MS = 1000 };

enum { KEEP_BODY_MAX = 1024, AGES_BODY_MAX = 2048 };

struct site {
    struct cluster cluster;
    struct link *link;
    struct ev_loop *loop;
    struct engine *engine;
    struct api *api;
    const struct config *config;
    struct config share; /* the same, with this relay's part of the site's rates */
    ev_timer tick;
    int64_t held_ms; /* since when somebody is held */
};

static void set_now(struct site *site)
{
    site->engine->now = site->api->now = instant_now();
}

static struct hello own_hello(const struct site *site)
{
    const struct hub *hub = site->engine->hub;

    return (struct hello){.users = (int64_t)hub_users(hub),
                          .pages = (int64_t)hub_pages(hub),
                          .sessions = (int64_t)hub_sessions(hub)};
}

/* --- what this relay does of the site's work --- */

static void take_share(struct site *site)
{
    const struct cluster *c = &site->cluster;
    struct config_relay *relay = &site->share.relay;

    site->share = *site->config;
    relay->pace = cluster_share(c, relay->pace);
    relay->notify_pace = cluster_share(c, relay->notify_pace);
    relay->check_rate = cluster_share(c, relay->check_rate);
    relay->max_accepts_per_second = cluster_share(c, relay->max_accepts_per_second);
    relay->max_anonymous_accepts_per_second =
        cluster_share(c, relay->max_anonymous_accepts_per_second);
    site->engine->config = &site->share;
}

static void ask_all(struct site *site)
{
    static const struct ring ask = {.type = RING_ASK};
    size_t count;

    if (hub_pages(site->engine->hub) == 0)
        return;
    if (ringer_ring_all(site->engine, &ask, &count))
        log_error("pages are not told to ask: out of memory");
    else
        log_info("all %zu pages here are told to ask what they have missed", count);
}

static void release_all(struct site *site)
{
    struct session *s;

    while ((s = hub_release_next(site->engine->hub)))
        engine_release(site->engine, s);
}

/* --- the sessions of one user at all relays --- */

static int64_t limit_of(const struct site *site)
{
    int64_t max = site->config->relay.max_sessions_per_user;

    return max <= SURPLUS_LIMIT_MAX ? max : 0;
}

/* Asks the others, if there are any: what is too many shows when they have answered. */
static void check_limit(struct site *site, struct span user)
{
    struct session *s = hub_find(site->engine->hub, user);
    struct question *one;

    if (!s || limit_of(site) == 0 || site->cluster.peers.count == 0 ||
        cluster_ask_holders(&site->cluster, user, site->engine->now.ms, &one))
        return;
    /* Those for which there is no room are not among the youngest. */
    for (; s && !surplus_add(&one->surplus, site->cluster.id, site->engine->now.ms - s->opened_ms);
         s = s->of_user.next)
        continue;
}

static void keep_youngest(struct site *site, struct span user, size_t keep)
{
    struct session *s;

    while ((s = hub_find(site->engine->hub, user)) && hub_user_sessions(s) > keep)
        engine_close(site->engine, hub_oldest_of_user(s), CLOSE_TOO_MANY,
                     "too many sessions of the user");
}

static void tell_keep(struct site *site, struct span user, int64_t relay, size_t keep)
{
    char name[CLUSTER_NAME_SIZE];
    struct buf body;

    if (relay == site->cluster.id) {
        keep_youngest(site, user, keep);
        return;
    }
    buf_init(&body, KEEP_BODY_MAX);
    if (!surplus_encode_keep(user, keep, &body))
        (void)cluster_tell(&site->cluster, CLUSTER_RELAY, cluster_name(relay, name), ENVELOPE_KEEP,
                           buf_span(&body));
    buf_deinit(&body);
}

/* Each relay that has one of the surplus is told once how many to keep. */
static void enforce_limit(struct site *site, const struct question *one)
{
    const struct surplus *s = &one->surplus;
    struct span user = {one->users, one->users_len};
    size_t max = (size_t)limit_of(site);

    if (max == 0 || s->count <= max)
        return;
    surplus_sort(s);
    for (size_t i = max; i < s->count; i++) {
        bool is_first = true;

        for (size_t j = max; j < i; j++)
            is_first &= s->at[j].relay != s->at[i].relay;
        if (is_first)
            tell_keep(site, user, s->at[i].relay, surplus_keep(s, s->at[i].relay, max));
    }
}

static void answer_ages(struct site *site, struct span user, const struct envelope *asked)
{
    const struct session *s = hub_find(site->engine->hub, user);
    const char *comma = "";
    struct buf body;
    enum err e;

    buf_init(&body, AGES_BODY_MAX);
    e = buf_append(&body, SPAN("{\"ages\":["));
    for (int n = 0; s && !e && n < SURPLUS_LIMIT_MAX; s = s->of_user.next, n++) {
        e = buf_printf(&body, "%s%" PRId64, comma, site->engine->now.ms - s->opened_ms);
        comma = ",";
    }
    if (!e && !buf_append(&body, SPAN("]}")))
        cluster_answer(&site->cluster, asked, buf_span(&body));
    buf_deinit(&body);
}

static void receive_keep(struct site *site, struct span body)
{
    char scratch[USER_ID_MAX];
    struct span user;
    size_t keep;

    if (!surplus_decode_keep(body, scratch, &user, &keep))
        keep_youngest(site, user, keep);
}

/* --- what the link tells --- */

static void on_linked(void *ctx, const struct address *redis)
{
    struct site *site = ctx;
    struct hello own = own_hello(site);
    char before[ADDRESS_TEXT_MAX];
    bool was_linked;

    set_now(site);
    memcpy(before, site->cluster.redis, sizeof(before));
    if (cluster_on_redis(&site->cluster, redis))
        log_info("the master of Redis is now %s, and was %s", site->cluster.redis, before);
    was_linked =
        cluster_on_linked(&site->cluster, site->engine->now.unix_us, &own, site->engine->now.ms);
    log_info("%s to Redis at %s", was_linked ? "linked again" : "linked", site->cluster.redis);
    ask_all(site);
}

static void on_cut(void *ctx)
{
    struct site *site = ctx;

    set_now(site);
    cluster_on_cut(&site->cluster);
    release_all(site);
}

static void on_no_master(void *ctx)
{
    ((struct site *)ctx)->cluster.counts[CLUSTER_NO_MASTER]++;
}

static void on_message(void *ctx, struct span user, struct span payload)
{
    struct site *site = ctx;
    struct hello own = own_hello(site);

    set_now(site);
    cluster_on_message(&site->cluster, user, payload, &own, site->engine->now.ms);
}

/* A user who was not held any more may have missed something. */
static void on_subscribed(void *ctx, struct span user)
{
    static const struct ring ask = {.type = RING_ASK};
    struct site *site = ctx;
    struct session *s = hub_release(site->engine->hub, user);
    size_t ignored;

    set_now(site);
    if (s)
        engine_release(site->engine, s);
    else if (site->cluster.is_linked)
        (void)!ringer_ring_user(site->engine, user, &ask, &ignored);
    check_limit(site, user);
}

static void on_receivers(void *ctx, uint32_t question, int64_t count)
{
    struct site *site = ctx;

    set_now(site);
    cluster_on_receivers(&site->cluster, question, count);
}

static void on_subscribers(void *ctx, uint32_t question, size_t i, int64_t count)
{
    cluster_on_subscribers(&((struct site *)ctx)->cluster, question, i, count);
}

static void on_all_subscribers(void *ctx, uint32_t question, bool is_refused)
{
    struct site *site = ctx;

    set_now(site);
    cluster_on_all_subscribers(&site->cluster, question, is_refused);
}

static bool next_user(void *ctx, bool is_first, struct span *user)
{
    return hub_next_user(((struct site *)ctx)->engine->hub, is_first, user);
}

static const struct link_events link_events = {
    on_linked,    on_cut,         on_no_master,       on_message, on_subscribed,
    on_receivers, on_subscribers, on_all_subscribers, next_user};

/* --- what the cluster wants --- */

static bool publish(void *link, enum cluster_to to, struct span name, struct span payload,
                    uint32_t question)
{
    return link_publish(link, to, name, payload, question);
}

static bool count_subscribers(void *link, const struct question *one)
{
    return link_count_subscribers(link, one);
}

static void receive(void *here, struct span user, const struct envelope *e)
{
    struct site *site = here;

    if (e->kind == ENVELOPE_LOGIN)
        answer_ages(site, user, e);
    else if (e->kind == ENVELOPE_KEEP)
        receive_keep(site, e->body);
    else
        elsewhere_receive(site->api, user, e);
}

static void finish(void *here, const struct question *one, bool is_partial)
{
    struct site *site = here;

    if (one->kind == QUESTION_LIMIT)
        enforce_limit(site, one);
    else
        elsewhere_finish(site->api, one, is_partial);
}

static void lose(void *here)
{
    struct site *site = here;

    log_warn("another relay is silent, and has not said that it goes: see whether it still runs; "
             "pages here ask for what it may not have passed on");
    ask_all(site);
}

static const struct cluster_ops cluster_ops = {publish, count_subscribers, receive, finish, lose};

/* --- who comes and goes --- */

/* One who is here first is told nothing until other relays can ring them: what their page asks
 * after the welcome is then asked in time. */
static bool on_user(void *ctx, struct span user, enum hub_user_event event)
{
    struct site *site = ctx;

    if (event == HUB_USER_WENT)
        link_unsubscribe(site->link, user);
    if (event == HUB_USER_CAME_AGAIN && !hub_is_held(hub_find(site->engine->hub, user)))
        check_limit(site, user);
    if (event != HUB_USER_CAME || !link_subscribe(site->link, user))
        return false;
    if (hub_held(site->engine->hub) == 0)
        site->held_ms = site->engine->now.ms;
    return true;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct site *site = timer->data;
    struct engine *e = site->engine;
    struct hello own = own_hello(site), there;

    (void)loop;
    (void)events;
    set_now(site);
    if (cluster_is_deaf(&site->cluster, e->now.ms))
        link_condemn(site->link, "nothing comes back any more");
    link_tick(site->link, e->now.ms);
    if (cluster_tick(&site->cluster, &own, e->now.ms)) {
        take_share(site);
        log_info("%zu relays share the rates of the site", site->cluster.relays);
    }
    if (hub_held(e->hub) > 0 && e->now.ms - site->held_ms >= HOLD_MS)
        release_all(site);
    there = peers_totals(&site->cluster.peers);
    e->elsewhere = (struct online){(uint32_t)there.users, (uint32_t)there.pages};
}

/* --- life --- */

/* Positive, as JSON and Redis show it. */
static enum err draw_id(int64_t *id)
{
    uint64_t n;

    if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
        return ERR_UNAVAILABLE;
    *id = (int64_t)(n >> 1) | 1;
    return ERR_NONE;
}

enum err site_new(struct ev_loop *loop, struct engine *e, struct api *api,
                  const struct config *config, const struct secrets *secrets, struct site **out)
{
    struct site *site = calloc(1, sizeof(*site));
    enum err error;
    int64_t id;

    if (!site)
        return ERR_NO_MEMORY;
    error = draw_id(&id);
    if (!error) {
        site->link = link_new(loop, config, secrets, id, &link_events, site);
        error = site->link ? ERR_NONE : ERR_NO_MEMORY;
    }
    if (error) {
        free(site);
        return error;
    }
    cluster_init(&site->cluster, &cluster_ops, id, (size_t)config->relay.cluster_max_pending);
    site->cluster.link = site->link;
    site->cluster.here = site;
    site->loop = loop;
    site->engine = e;
    site->api = api;
    site->config = config;
    api->cluster = &site->cluster;
    take_share(site);
    hub_watch(e->hub, on_user, site);
    ev_timer_init(&site->tick, on_tick, 0., TICK_MS / 1e3);
    site->tick.data = site;
    ev_timer_start(loop, &site->tick);
    *out = site;
    return ERR_NONE;
}

void site_free(struct site *site)
{
    if (!site)
        return;
    cluster_leave(&site->cluster);
    link_flush(site->link);
    hub_watch(site->engine->hub, NULL, NULL);
    site->api->cluster = NULL;
    site->engine->config = site->config;
    ev_timer_stop(site->loop, &site->tick);
    link_free(site->link);
    cluster_deinit(&site->cluster);
    free(site);
}

void site_configure(struct site *site, const struct config *config, const struct secrets *secrets)
{
    site->config = config;
    buf_set_max(&site->cluster.out, (size_t)config->relay.cluster_max_pending);
    link_configure(site->link, config, secrets);
    take_share(site);
}
