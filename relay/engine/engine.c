/* SPDX-License-Identifier: MIT */
#include "relay/engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/os/clock.h"
#include "common/os/log.h"

enum { REVOCATIONS_MAX = 10000, TICKS_PER_LOOK = 10 /* at our memory */ };

enum err engine_init(struct engine *engine)
{
    engine->hub = hub_new();
    engine->api.revocations = revocations_new(REVOCATIONS_MAX);
    engine->address_limit = address_limit_new();
    if (!engine->hub || !engine->api.revocations || !engine->address_limit)
        return ERR_NO_MEMORY;
    engine->api.hub = engine->authenticator.hub = engine->hub;
    engine->authenticator.revocations = engine->api.revocations;
    engine->api.metrics = &engine->metrics;
    engine->api.started = engine_now(engine);
    engine->seed = (unsigned)(engine->api.now.ms ^ getpid());
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_init(&engine->broadcasts[i], FRAME_MAX);
    frame_init(&engine->frame, FRAME_MAX);
    broadcast_log_init(&engine->log);
    return ERR_NONE;
}

void engine_deinit(struct engine *engine)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_deinit(&engine->broadcasts[i]);
    frame_deinit(&engine->frame);
    broadcast_log_deinit(&engine->log);
    revocations_free(engine->api.revocations);
    hub_free(engine->hub);
    address_limit_free(engine->address_limit);
}

void engine_configure(struct engine *engine, const struct config *config,
                      const struct secrets *secrets)
{
    engine->config = engine->api.config = config;
    engine->api.secrets = secrets;
    engine->authenticator.keys = secrets->token;
    engine->authenticator.sessions_per_user_max = config->relay.max_sessions_per_user;
    engine->authenticator.takes_bare_ids = config->relay.legacy_login;
}

struct instant engine_now(struct engine *engine)
{
    engine->now_us = clock_us();
    engine->api.now = (struct instant){engine->now_us / 1000, clock_unix()};
    return engine->api.now;
}

/* 0 where the kernel does not tell. */
static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    int64_t pages = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%*s %" SCNd64, &pages) != 1)
        pages = 0;
    (void)fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

void engine_tick(struct engine *engine, int64_t period_ms)
{
    int64_t before_us = engine->tick_us;

    engine_now(engine);
    engine->tick_us = engine->now_us;
    if (before_us)
        histogram_add(&engine->metrics.lag, engine->now_us - before_us - period_ms * 1000);
    if (engine->ticks % TICKS_PER_LOOK == 0)
        engine->metrics.resident_bytes = resident_bytes();
}

void engine_time_rings(struct engine *engine, enum delay delay, int64_t since_us)
{
    engine->delay = delay;
    engine->delay_since_us = since_us;
}

void engine_count_frame(struct engine *engine, const struct event *m, size_t len)
{
    enum delay delay;
    int64_t now_us;

    metrics_count(&engine->metrics, COUNT_FRAMES, 1);
    metrics_count(&engine->metrics, COUNT_BYTES, len);
    if (m->type != EVENT_RING || !engine->delay_since_us)
        return;
    delay = m->as.ring.type == RING_PERSONAL ? DELAY_PERSONAL : engine->delay;
    /* A slice of a broadcast is written in a turn, whose time is good enough for all of it. */
    now_us = delay == DELAY_ALL ? engine->now_us : clock_us();
    histogram_add(&engine->metrics.delays[delay], now_us - engine->delay_since_us);
}

struct session_limits engine_limits(const struct engine *engine)
{
    return (struct session_limits){engine->config->relay.ping_interval_ms,
                                   engine->config->relay.login_timeout_ms};
}

static bool is_reached(int64_t max, size_t count)
{
    return max && (int64_t)count >= max;
}

int engine_check_room(struct engine *engine, const char **why)
{
    const struct config_relay *relay = &engine->config->relay;

    *why = "restarting";
    if (engine->drain_ends_ms)
        return 503;
    *why = "too many sessions";
    if (is_reached(relay->max_sessions, hub_sessions(engine->hub)))
        return 503;
    *why = "too many sessions from this address";
    if (is_reached(relay->max_sessions_per_address,
                   address_limit_count(engine->address_limit, &engine->arrival)))
        return 429;
    *why = "too many at a time";
    return token_bucket_take(&engine->accepts, relay->max_accepts_per_second, engine_now(engine).ms)
               ? 0
               : 503;
}

void engine_publish_online(struct engine *engine)
{
    engine->online =
        (struct online){(uint32_t)hub_users(engine->hub), (uint32_t)hub_pages(engine->hub)};
}

static void log_arrival(const struct session *s)
{
    char address[IP_TEXT_MAX];

    ip_format(&s->peer, address);
    log_debug("C-%" PRIu32 " address=%s: arrived", s->serial, address);
}

struct session *engine_new_session(struct engine *engine, const struct protocol *protocol)
{
    struct session_limits limits = engine_limits(engine);
    struct session *s = malloc(sizeof(*s));

    if (!s)
        return NULL;
    session_init(s, protocol, &limits, engine_now(engine));
    s->serial = ++engine->serial;
    s->peer = engine->arrival;
    if (address_limit_add(engine->address_limit, &s->peer)) {
        free(s);
        return NULL;
    }
    log_arrival(s);
    return s;
}

void engine_forget_session(struct engine *engine, struct session *s)
{
    if (s->state == SESSION_CLOSING)
        metrics_count_close(&engine->metrics, s->close_code, s->close_reason);
    else
        metrics_count_left(&engine->metrics);
    engine_log(s, "gone");
    hub_remove(engine->hub, s);
}

void engine_free_session(struct engine *engine, struct session *s)
{
    address_limit_remove(engine->address_limit, &s->peer);
    session_drop_partial(s);
    free(s);
}

void engine_log(const struct session *s, const char *what)
{
    struct span user = hub_user_id(s);

    log_debug("C-%" PRIu32 " user=%.*s: %s", s->serial, SPAN_ARGS(user), what);
}

void engine_close(struct engine *engine, struct session *s, uint16_t code, const char *reason)
{
    engine_log(s, reason);
    hub_close(engine->hub, s, code, reason);
}
