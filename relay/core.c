/* SPDX-License-Identifier: MIT */
#include "relay/core.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

enum { KICKS_MAX = 10000 };

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
        frame_init(&core->broadcasts[i]);
    frame_init(&core->frame);
    return ERR_NONE;
}

void core_deinit(struct core *core)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_deinit(&core->broadcasts[i]);
    frame_deinit(&core->frame);
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
}

struct instant core_now(struct core *core)
{
    struct timespec mono, wall;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    core->api.now =
        (struct instant){(int64_t)mono.tv_sec * 1000 + mono.tv_nsec / 1000000, wall.tv_sec};
    return core->api.now;
}

struct session_limits core_limits(const struct core *core)
{
    return (struct session_limits){core->config->relay.ping_interval_ms,
                                   core->config->relay.login_timeout_ms};
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
