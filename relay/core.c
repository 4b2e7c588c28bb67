/* SPDX-License-Identifier: MIT */
#include "relay/core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/os/clock.h"
#include "common/os/log.h"

enum { KICKS_MAX = 10000, TICKS_PER_LOOK = 10 /* at our memory */ };

enum err core_init(struct core *core)
{
    core->hub = hub_new();
    core->api.kicks = kicks_new(KICKS_MAX);
    core->crowd = crowd_new();
    if (!core->hub || !core->api.kicks || !core->crowd)
        return ERR_NO_MEMORY;
    core->api.hub = core->desk.hub = core->hub;
    core->desk.kicks = core->api.kicks;
    core->api.stats = &core->stats;
    core->api.started = core_now(core);
    core->seed = (unsigned)(core->api.now.ms ^ getpid());
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_init(&core->broadcasts[i], FRAME_MAX);
    frame_init(&core->frame, FRAME_MAX);
    bulletin_init(&core->bulletin);
    return ERR_NONE;
}

void core_deinit(struct core *core)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_deinit(&core->broadcasts[i]);
    frame_deinit(&core->frame);
    bulletin_deinit(&core->bulletin);
    kicks_free(core->api.kicks);
    hub_free(core->hub);
    crowd_free(core->crowd);
}

void core_configure(struct core *core, const struct config *config, const struct secrets *secrets)
{
    core->config = core->api.config = config;
    core->api.secrets = secrets;
    core->desk.keys = secrets->token;
    core->desk.sessions_per_user_max = config->relay.max_sessions_per_user;
    core->desk.takes_bare_ids = config->relay.legacy_login;
}

struct instant core_now(struct core *core)
{
    core->now_us = clock_us();
    core->api.now = (struct instant){core->now_us / 1000, clock_unix()};
    return core->api.now;
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

void core_tick(struct core *core, int64_t period_ms)
{
    int64_t before_us = core->tick_us;

    core_now(core);
    core->tick_us = core->now_us;
    if (before_us)
        histogram_add(&core->stats.lag, core->now_us - before_us - period_ms * 1000);
    if (core->ticks % TICKS_PER_LOOK == 0)
        core->stats.resident_bytes = resident_bytes();
}

void core_time_rings(struct core *core, enum delay delay, int64_t since_us)
{
    core->delay = delay;
    core->delay_since_us = since_us;
}

void core_count_frame(struct core *core, const struct message *m, size_t len)
{
    enum delay delay;
    int64_t now_us;

    stats_count(&core->stats, COUNT_FRAMES, 1);
    stats_count(&core->stats, COUNT_BYTES, len);
    if (m->type != MESSAGE_RING || !core->delay_since_us)
        return;
    delay = m->as.ring.type == RING_PERSONAL ? DELAY_PERSONAL : core->delay;
    /* A slice of a broadcast is written in a turn, whose time is good enough for all of it. */
    now_us = delay == DELAY_ALL ? core->now_us : clock_us();
    histogram_add(&core->stats.delays[delay], now_us - core->delay_since_us);
}

struct session_limits core_limits(const struct core *core)
{
    return (struct session_limits){core->config->relay.ping_interval_ms,
                                   core->config->relay.login_timeout_ms};
}

static bool is_reached(int64_t max, size_t count)
{
    return max && (int64_t)count >= max;
}

int core_check_room(struct core *core, const char **why)
{
    const struct config_relay *relay = &core->config->relay;

    *why = "restarting";
    if (core->drain_ends_ms)
        return 503;
    *why = "too many sessions";
    if (is_reached(relay->max_sessions, hub_sessions(core->hub)))
        return 503;
    *why = "too many sessions from this address";
    if (is_reached(relay->max_sessions_per_address, crowd_count(core->crowd, &core->arrival)))
        return 429;
    *why = "too many at a time";
    return rate_take(&core->accepts, relay->max_accepts_per_second, core_now(core).ms) ? 0 : 503;
}

void core_publish_online(struct core *core)
{
    core->online = (struct online){(uint32_t)hub_users(core->hub), (uint32_t)hub_pages(core->hub)};
}

static void log_arrival(const struct session *s)
{
    char address[IP_TEXT_MAX];

    ip_format(&s->peer, address);
    log_debug("C-%" PRIu32 " address=%s: arrived", s->serial, address);
}

struct session *core_new_session(struct core *core, const struct protocol *protocol)
{
    struct session_limits limits = core_limits(core);
    struct session *s = malloc(sizeof(*s));

    if (!s)
        return NULL;
    session_init(s, protocol, &limits, core_now(core));
    s->serial = ++core->serial;
    s->peer = core->arrival;
    if (crowd_add(core->crowd, &s->peer)) {
        free(s);
        return NULL;
    }
    log_arrival(s);
    return s;
}

void core_forget_session(struct core *core, struct session *s)
{
    if (s->state == SESSION_CLOSING)
        stats_count_close(&core->stats, s->close_code, s->close_reason);
    else
        stats_count_left(&core->stats);
    core_log(s, "gone");
    hub_remove(core->hub, s);
}

void core_free_session(struct core *core, struct session *s)
{
    crowd_remove(core->crowd, &s->peer);
    session_drop_partial(s);
    free(s);
}

void core_log(const struct session *s, const char *what)
{
    struct span user = hub_user_id(s);

    log_debug("C-%" PRIu32 " user=%.*s: %s", s->serial, SPAN_ARGS(user), what);
}

void core_close(struct core *core, struct session *s, uint16_t code, const char *reason)
{
    core_log(s, reason);
    hub_close(core->hub, s, code, reason);
}
