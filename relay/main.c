/* SPDX-License-Identifier: MIT */
/* main.c - signals, reload, and the one loop of the program. */
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/os/log.h"
#include "common/os/program.h"
#include "common/os/sandbox.h"
#include "relay/server/loop_memory.h"
#include "relay/server/server.h"

struct relay {
    const struct program_start *start;
    struct program_settings settled;
    struct config *first; /* owned; whose settings that cannot be reloaded stay in force */
    struct server *server;
    ev_signal on_term, on_int, on_hup;
    bool is_draining;
};

static void unsettle(struct relay *p, struct program_settings *s)
{
    secrets_deinit(&s->secrets);
    if (s->config != p->first)
        config_free(s->config);
}

/* Every session is a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_warn("the limit of open files cannot be raised");
}

static void on_stop(struct ev_loop *loop, ev_signal *signal, int events)
{
    struct relay *p = signal->data;

    (void)events;
    if (p->is_draining) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    log_info("stopping");
    p->is_draining = true;
    server_drain(p->server);
}

static void on_reload(struct ev_loop *loop, ev_signal *signal, int events)
{
    struct relay *p = signal->data;
    struct program_settings before = p->settled;

    (void)loop;
    (void)events;
    if (program_reload(p->start, p->first, &p->settled))
        return;
    server_reconfigure(p->server, p->settled.config, &p->settled.secrets);
    unsettle(p, &before);
    log_info("reloaded");
}

static void watch_signal(struct ev_loop *loop, struct relay *p, ev_signal *watcher, int number,
                         void (*callback)(struct ev_loop *, ev_signal *, int))
{
    ev_signal_init(watcher, callback, number);
    watcher->data = p;
    ev_signal_start(loop, watcher);
}

static int serve(struct relay *p)
{
    struct ev_loop *loop;
    enum err e;

    raise_descriptor_limit();
    loop = loop_memory_reserve() ? NULL : ev_default_loop(EVFLAG_AUTO);
    if (!loop) {
        log_error("there is no event loop");
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    watch_signal(loop, p, &p->on_term, SIGTERM, on_stop);
    watch_signal(loop, p, &p->on_int, SIGINT, on_stop);
    watch_signal(loop, p, &p->on_hup, SIGHUP, on_reload);
    e = server_new(loop, p->settled.config, &p->settled.secrets, &p->server);
    if (!e && p->first->relay.seccomp)
        e = sandbox_enter(PROGRAM_RELAY, p->first->relay.cluster[0] != '\0');
    if (e)
        return e == ERR_INVALID ? CONFIG_EXIT : EXIT_FAILURE;
    log_info("serving");
    ev_run(loop, 0);
    server_free(p->server);
    ev_loop_destroy(loop);
    log_info("stopped");
    return EXIT_SUCCESS;
}

static int run(const struct program_start *start, struct program_settings *loaded)
{
    struct relay p = {.start = start, .settled = *loaded, .first = loaded->config};
    int status = serve(&p);

    unsettle(&p, &p.settled);
    config_free(p.first);
    return status;
}

int main(int argc, char **argv)
{
    return program_main(PROGRAM_RELAY, "doorbell-relay", argc, argv, run);
}
