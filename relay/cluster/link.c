/* SPDX-License-Identifier: MIT */
/* link.c - two connections, since one that has subscribed may not do anything else: `orders`
 * publishes and asks, `news` is told. They are made and cut together. A connection is never cut
 * within a callback of hiredis: it is condemned, and the next tick ends both. Where there are
 * sentinels a connection to one of them, for one question, comes first: each attempt asks again. */
#include "relay/cluster/link.h"

#include <ev.h>
#include <hiredis/adapters/libev.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/redis_url.h"
#include "common/os/clock.h"
#include "common/os/log.h"
#include "common/text/ip.h"
#include "relay/cluster/resolver.h"
#include "relay/cluster/sentinel.h"
#include "relay/cluster/turns.h"
#include "relay/publish/rings.h"

enum {
    LINKING_MS = 15000,
    USERS_PER_TICK = 1000,
    WHY_MAX = 200,
    PREFIX_MAX = 96,
    CHANNEL_MAX = PREFIX_MAX + 8 + USER_ID_MAX,
    WORDS_MAX = QUESTIONS_USERS_MAX + 2,
    ELEMENTS_MAX = 2 * QUESTIONS_USERS_MAX, /* of PUBSUB NUMSUB, whose answer is the longest */
    REDIS_TOLD = 1 << REDIS_URLS_MAX,
};

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

enum link_state {
    LINK_DOWN,      /* until the next turn */
    LINK_RESOLVING, /* the name of the target's host */
    LINK_SENTINEL,  /* is asked where the master is */
    LINK_ORDERS,    /* the first connection is made, and shows whether it is the master */
    LINK_NEWS,      /* and the second one */
    LINK_USERS,     /* that are here are subscribed to */
    LINK_UP,
};

struct link {
    struct ev_loop *loop;
    const struct config *config;
    const struct secrets *secrets;
    const struct link_events *events;
    void *ctx;
    struct redis_urls urls;
    struct turns turns;
    size_t tries;
    const struct address *target; /* of this attempt: one of urls, or the master */
    struct address master;        /* as the sentinel has said */
    struct resolver_query *query;
    enum link_state state;
    int64_t since_ms; /* when this step of the attempt began */
    int64_t role_ms;  /* when it was last asked for */
    redisAsyncContext *sentinel, *orders, *news;
    redisReplyObjectFunctions makers, theirs; /* what hiredis makes replies by; its own */
    char prefix[PREFIX_MAX];
    char own[CHANNEL_MAX]; /* this relay's channel */
    char why[WHY_MAX];     /* it is condemned; empty: it is not */
    unsigned told;         /* of whom the log knows that they fail: a bit a turn, and REDIS_TOLD */
    bool is_walking;       /* over the users */
};

/* --- names --- */

static struct span channel_of(const struct link *l, enum cluster_to to, struct span name,
                              char out[CHANNEL_MAX])
{
    static const char *const kinds[] = {
        [CLUSTER_ALL] = "all", [CLUSTER_RELAY] = "relay:", [CLUSTER_USER] = "user:"};
    int len = snprintf(out, CHANNEL_MAX, "%s:%s%.*s", l->prefix, kinds[to], SPAN_ARGS(name));

    return (struct span){out, len > 0 && len < CHANNEL_MAX ? (size_t)len : 0};
}

/* The user of a user's channel; empty for another one. */
static struct span user_of(const struct link *l, struct span channel)
{
    size_t len = strlen(l->prefix) + sizeof(":user:") - 1;

    if (channel.len <= len || memcmp(channel.p + len - 6, ":user:", 6) != 0)
        return SPAN("");
    return (struct span){channel.p + len, channel.len - len};
}

static struct span text_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS ||
                   r->type == REDIS_REPLY_ERROR
               ? (struct span){r->str, (size_t)r->len}
               : SPAN("");
}

/* Whether the target is one of them, and not yet the master. */
static bool is_at_sentinel(const struct link *l)
{
    return l->urls.are_sentinels && l->target != &l->master;
}

/* --- the end of an attempt --- */

static void condemn_for(struct link *l, struct span why)
{
    if (!l->why[0])
        (void)snprintf(l->why, sizeof(l->why), "%.*s", SPAN_ARGS(why));
    if (!l->why[0])
        (void)snprintf(l->why, sizeof(l->why), "it failed");
}

void link_condemn(struct link *l, const char *why)
{
    if (l->state != LINK_DOWN && !l->why[0])
        (void)snprintf(l->why, sizeof(l->why), "%s", why);
}

static void drop_connections(struct link *l)
{
    redisAsyncContext *all[] = {l->sentinel, l->orders, l->news};

    /* Their callbacks, which are all called, find nothing to do. */
    l->sentinel = l->orders = l->news = NULL;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i])
            redisAsyncFree(all[i]);
    resolver_cancel(l->query);
    l->query = NULL;
}

/* Redis is told of once until it is back, and so is each sentinel: one that fails is passed over,
 * and what is wrong with the others would not be seen. */
static void tell_log(struct link *l, bool was_up)
{
    unsigned bit = is_at_sentinel(l) ? 1U << l->turns.at : REDIS_TOLD;
    const char *by = is_at_sentinel(l) ? "by the sentinel at" : "at";
    char text[ADDRESS_TEXT_MAX];

    address_format(l->target, text);
    if (was_up)
        log_warn("the link to Redis at %s is cut: %s; this relay rings its own pages alone until "
                 "it is back, then all of them ask",
                 text, l->why);
    else if (!(l->told & bit))
        log_warn("no link to Redis %s %s: %s; this relay rings its own pages alone, and goes on "
                 "trying",
                 by, text, l->why);
    else
        log_debug("no link to Redis %s %s: %s", by, text, l->why);
    l->told |= bit;
}

static void fall(struct link *l, int64_t now_ms)
{
    bool was_up = l->state == LINK_UP;

    drop_connections(l);
    l->state = LINK_DOWN;
    tell_log(l, was_up);
    l->why[0] = '\0';
    if (was_up && l->urls.are_sentinels)
        turns_cut(&l->turns, now_ms, clock_chance());
    else
        turns_failed(&l->turns, now_ms, clock_chance());
    if (is_at_sentinel(l))
        l->events->on_no_master(l->ctx);
    if (was_up)
        l->events->on_cut(l->ctx);
}

/* --- callbacks of hiredis --- */

static bool is_ours(const struct link *l, const redisAsyncContext *c)
{
    return c == l->sentinel || c == l->orders || c == l->news;
}

/* hiredis frees it. */
static void forget(struct link *l, const redisAsyncContext *c)
{
    redisAsyncContext **all[] = {&l->sentinel, &l->orders, &l->news};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (*all[i] == c)
            *all[i] = NULL;
}

static void on_connect(const redisAsyncContext *c, int status)
{
    struct link *l = c->data;

    if (status == REDIS_OK || !is_ours(l, c))
        return;
    condemn_for(l, span_of(c->errstr));
    forget(l, c);
}

static void on_disconnect(const redisAsyncContext *c, int status)
{
    struct link *l = c->data;

    (void)status;
    if (!is_ours(l, c))
        return;
    condemn_for(l, c->errstr && c->errstr[0] ? span_of(c->errstr)
                                             : SPAN("it has closed the connection"));
    forget(l, c);
}

/* The link of a reply that counts; NULL: its connection is being dropped. An error condemns it. */
static struct link *link_of(const redisAsyncContext *c, const redisReply *r)
{
    struct link *l = c->data;

    if (!r || !is_ours(l, c))
        return NULL;
    if (r->type == REDIS_REPLY_ERROR)
        condemn_for(l, text_of(r));
    return l;
}

static bool send_words(struct link *l, redisAsyncContext *c, redisCallbackFn *fn, void *data,
                       const struct span *words, size_t count)
{
    const char *texts[WORDS_MAX];
    size_t lens[WORDS_MAX], sum = 0;

    if (!c || l->why[0] || count > WORDS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        texts[i] = words[i].p ? words[i].p : "";
        lens[i] = words[i].len;
        sum += words[i].len;
    }
    if ((int64_t)(sdslen(c->c.obuf) + sum) > l->config->relay.cluster_max_pending) {
        link_condemn(l, "more than cluster_max_pending bytes wait");
        return false;
    }
    if (redisAsyncCommandArgv(c, fn, data, (int)count, texts, lens) == REDIS_OK)
        return true;
    link_condemn(l, "out of memory");
    return false;
}

static bool log_in(struct link *l, redisAsyncContext *c, redisCallbackFn *fn)
{
    const struct config_relay *relay = &l->config->relay;
    const struct owned *password = c == l->sentinel ? &l->secrets->sentinel : &l->secrets->cluster;
    const char *user = c == l->sentinel ? relay->cluster_sentinel_user : relay->cluster_user;
    struct span words[3] = {SPAN("AUTH")};
    size_t count = 1;

    if (password->len == 0)
        return true;
    if (user[0])
        words[count++] = span_of(user);
    words[count++] = owned_span(password);
    return send_words(l, c, fn, NULL, words, count);
}

/* --- the connection that is told --- */

static void on_news(redisAsyncContext *c, void *reply, void *data)
{
    const redisReply *r = reply;
    struct link *l = link_of(c, r);
    struct span kind, channel, user;

    (void)data;
    if (!l || r->type != REDIS_REPLY_ARRAY || r->elements < 3)
        return;
    kind = text_of(r->element[0]);
    channel = text_of(r->element[1]);
    user = user_of(l, channel);
    if (span_equal(kind, SPAN("message"))) {
        if (l->state == LINK_UP)
            l->events->on_message(l->ctx, user, text_of(r->element[2]));
    } else if (span_equal(kind, SPAN("subscribe"))) {
        if (user.len > 0)
            l->events->on_subscribed(l->ctx, user);
        else if (span_equal(channel, span_of(l->own)) && l->state == LINK_USERS) {
            l->state = LINK_UP;
            l->told = 0;
            turns_succeeded(&l->turns);
            l->events->on_linked(l->ctx, l->target);
        }
    }
}

static void subscribe_to(struct link *l, struct span channel)
{
    struct span words[] = {SPAN("SUBSCRIBE"), channel};

    (void)send_words(l, l->news, on_news, NULL, words, 2);
}

/* The own channel is the last: once it is subscribed to, all are. */
static void subscribe_users(struct link *l)
{
    char channel[CHANNEL_MAX];
    struct span user;

    for (int n = 0; n < USERS_PER_TICK && !l->why[0]; n++) {
        if ((size_t)l->config->relay.cluster_max_pending / 2 < sdslen(l->news->c.obuf))
            return;
        if (!l->events->next_user(l->ctx, !l->is_walking, &user)) {
            subscribe_to(l, span_of(l->own));
            l->is_walking = false;
            l->since_ms = clock_ms();
            return;
        }
        l->is_walking = true;
        subscribe_to(l, channel_of(l, CLUSTER_USER, user, channel));
    }
    l->since_ms = clock_ms();
}

static void begin_users(struct link *l)
{
    char channel[CHANNEL_MAX];

    l->state = LINK_USERS;
    subscribe_to(l, channel_of(l, CLUSTER_ALL, SPAN(""), channel));
    l->is_walking = false;
    subscribe_users(l);
}

static void on_news_login(redisAsyncContext *c, void *reply, void *data)
{
    struct link *l = link_of(c, reply);

    (void)data;
    if (l && !l->why[0] && l->state == LINK_NEWS)
        begin_users(l);
}

/* --- connecting --- */

/* hiredis makes room for as many elements as an array says that it has, at any depth. */
static void *make_array(const redisReadTask *task, element_count count)
{
    struct link *l = task->privdata;
    bool is_sentinel = l->state == LINK_SENTINEL;
    element_count max = is_sentinel ? SENTINEL_WORDS : ELEMENTS_MAX;

    if (count <= max && !(is_sentinel && task->parent))
        return l->theirs.createArray(task, count);
    link_condemn(l, "it sends an array that is too long");
    return NULL;
}

static void limit_arrays(struct link *l, redisReader *reader)
{
    l->theirs = l->makers = *reader->fn;
    l->makers.createArray = make_array;
    reader->fn = &l->makers;
    reader->privdata = l;
}

static redisAsyncContext *connect_to(struct link *l, const char *numeric)
{
    const struct address *a = l->target;
    redisAsyncContext *c = a->type == ADDRESS_UNIX ? redisAsyncConnectUnix(a->host)
                                                   : redisAsyncConnect(numeric, a->port);

    if (!c) {
        link_condemn(l, "out of memory");
        return NULL;
    }
    c->data = l;
    limit_arrays(l, c->c.reader);
    if (c->err || redisLibevAttach(l->loop, c) != REDIS_OK) {
        condemn_for(l, span_of(c->errstr));
        redisAsyncFree(c);
        return NULL;
    }
    redisAsyncSetConnectCallback(c, on_connect);
    redisAsyncSetDisconnectCallback(c, on_disconnect);
    return c;
}

/* --- the connection that orders --- */

static void connect_news(struct link *l)
{
    char numeric[RESOLVER_TEXT_MAX] = "";

    if (l->orders->c.tcp.host)
        (void)snprintf(numeric, sizeof(numeric), "%s", l->orders->c.tcp.host);
    l->state = LINK_NEWS;
    l->news = connect_to(l, numeric);
    if (!l->news)
        return;
    if (l->secrets->cluster.len > 0)
        (void)log_in(l, l->news, on_news_login);
    else
        begin_users(l);
}

/* A replica hands on what its master says, and nothing to it. */
static void on_role(redisAsyncContext *c, void *reply, void *data)
{
    const redisReply *r = reply;
    struct link *l = link_of(c, r);

    (void)data;
    if (!l || l->why[0])
        return;
    if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 ||
        !span_equal(text_of(r->element[0]), SPAN("master")))
        link_condemn(l, l->urls.are_sentinels ? "it is a replica, though a sentinel has named it"
                                              : "it is a replica");
    else if (l->state == LINK_ORDERS)
        connect_news(l);
}

static void on_login(redisAsyncContext *c, void *reply, void *data)
{
    (void)data;
    (void)link_of(c, reply);
}

static void ask_role(struct link *l, int64_t now_ms)
{
    struct span role = SPAN("ROLE");

    l->role_ms = now_ms;
    (void)send_words(l, l->orders, on_role, NULL, &role, 1);
}

static void connect_orders(struct link *l, const char *numeric, int64_t now_ms)
{
    l->state = LINK_ORDERS;
    l->orders = connect_to(l, numeric);
    if (l->orders && log_in(l, l->orders, on_login))
        ask_role(l, now_ms);
}

/* --- the sentinel that is asked --- */

static void approach(struct link *l, const struct address *target, int64_t now_ms);

/* hiredis asserts that nothing comes unasked, so that this connection ends with its answer: once it
 * is free, hiredis reads nothing more of it. */
static void on_master(redisAsyncContext *c, void *reply, void *data)
{
    const redisReply *r = reply;
    struct link *l = link_of(c, r);

    (void)data;
    if (!l)
        return;
    l->sentinel = NULL;
    redisAsyncFree(c);
    if (l->why[0])
        return;
    if (r->type == REDIS_REPLY_NIL)
        link_condemn(l, "it knows no master of the name in cluster_sentinel_master");
    else if (r->type != REDIS_REPLY_ARRAY || r->elements != SENTINEL_WORDS ||
             sentinel_parse_master(text_of(r->element[0]), text_of(r->element[1]), &l->master))
        link_condemn(l, "its answer is not a host and a port");
    else
        approach(l, &l->master, clock_ms());
}

static void ask_sentinel(struct link *l, const char *numeric)
{
    struct span words[] = {SPAN("SENTINEL"), SPAN("get-master-addr-by-name"),
                           span_of(l->config->relay.cluster_sentinel_master)};

    l->state = LINK_SENTINEL;
    l->sentinel = connect_to(l, numeric);
    if (l->sentinel && log_in(l, l->sentinel, on_login))
        (void)send_words(l, l->sentinel, on_master, NULL, words, 3);
}

/* --- an attempt --- */

static void reach(struct link *l, const char *numeric, int64_t now_ms)
{
    if (is_at_sentinel(l))
        ask_sentinel(l, numeric);
    else
        connect_orders(l, numeric, now_ms);
}

static bool is_numeric(const char *host)
{
    struct ip ip;

    return ip_parse(span_of(host), &ip) == ERR_NONE;
}

static void approach(struct link *l, const struct address *target, int64_t now_ms)
{
    l->target = target;
    l->since_ms = now_ms;
    if (target->type == ADDRESS_UNIX || is_numeric(target->host)) {
        reach(l, target->host, now_ms);
        return;
    }
    l->state = LINK_RESOLVING;
    l->query = resolver_ask(target->host);
    if (!l->query)
        link_condemn(l, "out of memory");
}

static void begin(struct link *l, int64_t now_ms)
{
    l->tries++;
    approach(l, &l->urls.at[l->turns.at], now_ms);
}

static void take_address(struct link *l, int64_t now_ms)
{
    char numeric[RESOLVER_TEXT_MAX];
    enum err e = resolver_take(l->query, l->tries, numeric);

    if (e == ERR_INCOMPLETE)
        return;
    l->query = NULL;
    if (e)
        link_condemn(l, "its name has no address");
    else
        reach(l, numeric, now_ms);
}

/* A message is held until all of it is there; hiredis itself has no limit. */
static bool holds_too_much(const struct link *l, const redisAsyncContext *c)
{
    return c && (int64_t)c->c.reader->len > 2 * l->config->relay.cluster_max_pending;
}

void link_tick(struct link *l, int64_t now_ms)
{
    if (l->state == LINK_DOWN && turns_is_due(&l->turns, now_ms))
        begin(l, now_ms);
    if (l->state == LINK_RESOLVING && l->query)
        take_address(l, now_ms);
    if (l->state == LINK_USERS && l->is_walking && l->news)
        subscribe_users(l);
    if (l->state != LINK_DOWN && l->state != LINK_UP && now_ms - l->since_ms >= LINKING_MS)
        link_condemn(l, "it does not answer");
    if (l->sentinel && l->sentinel->c.reader->len > SENTINEL_ANSWER_MAX)
        link_condemn(l, "its answer is too long");
    if (holds_too_much(l, l->orders) || holds_too_much(l, l->news))
        link_condemn(l, "it sends a message of more than twice cluster_max_pending bytes");
    if (l->state == LINK_UP && now_ms - l->role_ms >= CLUSTER_HELLO_MS)
        ask_role(l, now_ms);
    if (l->state != LINK_DOWN && l->why[0])
        fall(l, now_ms);
}

/* --- what is said --- */

static void on_published(redisAsyncContext *c, void *reply, void *data)
{
    const redisReply *r = reply;
    struct link *l = link_of(c, r);
    uint32_t question = (uint32_t)(uintptr_t)data;

    if (l && question)
        l->events->on_receivers(l->ctx, question, r->type == REDIS_REPLY_INTEGER ? r->integer : -1);
}

bool link_publish(struct link *l, enum cluster_to to, struct span name, struct span payload,
                  uint32_t question)
{
    char channel[CHANNEL_MAX];
    struct span words[] = {SPAN("PUBLISH"), channel_of(l, to, name, channel), payload};

    return l->state == LINK_UP &&
           send_words(l, l->orders, on_published, (void *)(uintptr_t)question, words, 3);
}

static void on_counted(redisAsyncContext *c, void *reply, void *data)
{
    const redisReply *r = reply;
    struct link *l = link_of(c, r);
    uint32_t question = (uint32_t)(uintptr_t)data;

    if (!l)
        return;
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2)
        if (r->element[i + 1]->type == REDIS_REPLY_INTEGER)
            l->events->on_subscribers(l->ctx, question, i / 2, r->element[i + 1]->integer);
    l->events->on_all_subscribers(l->ctx, question, r->type != REDIS_REPLY_ARRAY);
}

bool link_count_subscribers(struct link *l, const struct question *one)
{
    struct rings_users users = {.rest = {one->users, one->users_len}};
    struct span words[WORDS_MAX] = {SPAN("PUBSUB"), SPAN("NUMSUB")}, user;
    char(*channels)[CHANNEL_MAX] = calloc(one->count + 1, sizeof(*channels));
    size_t n = 2;
    bool is_sent;

    while (channels && n < WORDS_MAX && n < one->count + 2 && rings_next_user(&users, &user)) {
        words[n] = channel_of(l, CLUSTER_USER, user, channels[n - 2]);
        n++;
    }
    is_sent = channels && l->state == LINK_UP &&
              send_words(l, l->orders, on_counted, (void *)(uintptr_t)one->id, words, n);
    free(channels);
    return is_sent;
}

bool link_subscribe(struct link *l, struct span user)
{
    char channel[CHANNEL_MAX];

    /* Those who come while users are walked over are walked over as well. */
    if (l->state != LINK_UP && !(l->state == LINK_USERS && !l->is_walking))
        return false;
    subscribe_to(l, channel_of(l, CLUSTER_USER, user, channel));
    return l->state == LINK_UP && !l->why[0];
}

void link_unsubscribe(struct link *l, struct span user)
{
    char channel[CHANNEL_MAX];
    struct span words[] = {SPAN("UNSUBSCRIBE"), channel_of(l, CLUSTER_USER, user, channel)};

    if (l->state == LINK_UP || l->state == LINK_USERS)
        (void)send_words(l, l->news, NULL, NULL, words, 2);
}

/* --- life --- */

struct link *link_new(struct ev_loop *loop, const struct config *config,
                      const struct secrets *secrets, int64_t id, const struct link_events *events,
                      void *ctx)
{
    struct link *l = calloc(1, sizeof(*l));
    char name[CLUSTER_NAME_SIZE];
    const char *why;

    if (!l)
        return NULL;
    l->loop = loop;
    l->events = events;
    l->ctx = ctx;
    link_configure(l, config, secrets);
    if (redis_urls_parse(span_of(config->relay.cluster), &l->urls, &why) || l->urls.count == 0) {
        free(l); /* config_check() has passed it */
        return NULL;
    }
    l->turns.count = l->urls.count;
    (void)snprintf(l->prefix, sizeof(l->prefix), l->urls.db ? "%s:%" PRId64 : "%s",
                   config->relay.cluster_prefix, l->urls.db);
    (void)channel_of(l, CLUSTER_RELAY, cluster_name(id, name), l->own);
    return l;
}

void link_free(struct link *l)
{
    if (!l)
        return;
    drop_connections(l);
    free(l);
}

void link_configure(struct link *l, const struct config *config, const struct secrets *secrets)
{
    l->config = config;
    l->secrets = secrets;
}

void link_flush(struct link *l)
{
    if (l->state == LINK_UP && l->orders)
        redisAsyncHandleWrite(l->orders);
}
