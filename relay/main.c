/* SPDX-License-Identifier: MIT */
/* main.c - options, config, signals, and the one loop of the program. */
#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/config/paths.h"
#include "common/os/load.h"
#include "common/os/log.h"
#include "relay/server.h"

struct options {
    const char *config_path;
    bool is_check; /* -n */
};

/* What a reload replaces as one. */
struct settled {
    struct config *config;
    struct secrets secrets;
};

struct relay {
    struct options options;
    struct settled settled;
    struct config *first; /* owned; whose settings that cannot be reloaded stay in force */
    struct server *server;
    ev_signal on_term, on_int, on_hup;
    bool is_draining;
};

static void print_help(void)
{
    (void)fputs("usage: doorbell-relay [-n] [-c file]\n\n"
                "  -c file     the configuration (" PATHS_CONFIG ")\n"
                "  -n          check the configuration and exit\n"
                "  --help      this text\n"
                "  --version\n\n",
                stdout);
    config_print_help(stdout, PROGRAM_RELAY);
}

static void parse_options(int argc, char **argv, struct options *out)
{
    static const struct option long_options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *out = (struct options){.config_path = PATHS_CONFIG};
    while ((c = getopt_long(argc, argv, "c:n", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            out->config_path = optarg;
            break;
        case 'n':
            out->is_check = true;
            break;
        case 'h':
            print_help();
            exit(EXIT_SUCCESS);
        case 'v':
            puts("doorbell-relay " DOORBELL_VERSION);
            exit(EXIT_SUCCESS);
        default:
            fputs("try doorbell-relay --help\n", stderr);
            exit(CONFIG_EXIT);
        }
    }
    if (optind == argc)
        return;
    fprintf(stderr, "unexpected argument: %s\n", argv[optind]);
    exit(CONFIG_EXIT);
}

/* Writes what is wrong to stderr. *out is untouched on failure. */
static bool settle(const char *path, struct settled *out)
{
    struct settled s;

    if (load_config(path, stderr, &s.config))
        return false;
    if (load_secrets(s.config, PROGRAM_RELAY, stderr, &s.secrets)) {
        config_free(s.config);
        return false;
    }
    *out = s;
    return true;
}

static void unsettle(struct relay *p, struct settled *s)
{
    secrets_deinit(&s->secrets);
    if (s->config != p->first)
        config_free(s->config);
}

/* By name only, as doorbell-app does: a value is nobody's business in a log. */
static void log_kept(const struct config *now, const struct config *next)
{
    const struct setting *s = NULL;

    while ((s = config_next_kept(now, next, PROGRAM_RELAY, s)))
        log_warn("reload: [%s] %s stays as it was: it needs a restart", s->section, s->name);
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
    struct settled before = p->settled;

    (void)loop;
    (void)events;
    if (!settle(p->options.config_path, &p->settled)) {
        log_error("the configuration is not reloaded: the one before stays");
        return;
    }
    log_kept(p->first, p->settled.config);
    server_reconfigure(p->server, p->settled.config, &p->settled.secrets);
    unsettle(p, &before);
    log_info("the configuration is reloaded");
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
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    enum err e;

    if (!loop) {
        log_error("there is no event loop");
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    watch_signal(loop, p, &p->on_term, SIGTERM, on_stop);
    watch_signal(loop, p, &p->on_int, SIGINT, on_stop);
    watch_signal(loop, p, &p->on_hup, SIGHUP, on_reload);
    e = server_new(loop, p->settled.config, &p->settled.secrets, &p->server);
    if (e)
        return e == ERR_INVALID ? CONFIG_EXIT : EXIT_FAILURE;
    log_info("serving");
    ev_run(loop, 0);
    server_free(p->server);
    ev_loop_destroy(loop);
    log_info("stopped");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct relay p = {0};
    int status = EXIT_SUCCESS;

    log_bugs();
    parse_options(argc, argv, &p.options);
    if (!settle(p.options.config_path, &p.settled))
        return CONFIG_EXIT;
    p.first = p.settled.config;
    if (!p.options.is_check)
        status = serve(&p);
    unsettle(&p, &p.settled);
    config_free(p.first);
    return status;
}
