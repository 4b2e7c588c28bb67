/* SPDX-License-Identifier: MIT */
/* main.c - doorbell-app: signals, reload, and the life of the threads. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/os/clock.h"
#include "common/os/listen.h"
#include "common/os/log.h"
#include "common/os/program.h"
#include "common/os/sandbox.h"
#include "fcgi-app/database/hosts.h"
#include "fcgi-app/endpoints/routes.h"
#include "fcgi-app/front/front.h"
#include "fcgi-app/jobs/exchange.h"
#include "fcgi-app/jobs/queue.h"
#include "fcgi-app/shared/health_cache.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/shared/snapshot.h"
#include "fcgi-app/workers/check_standby.h"
#include "fcgi-app/workers/checker.h"
#include "fcgi-app/workers/publisher.h"
#include "fcgi-app/workers/webhook_sender.h"
#include "fcgi-app/workers/worker.h"

enum {
    DRAIN_MS = 30000,
    OTHER_THREADS = 5, /* than the workers': the publisher's, the checker's, that of its standby,
                        * the front's, and the webhook sender's */
};

struct thread {
    pthread_t id;
    bool is_started;
    struct app *app;
    void (*run)(void *what);
    void *what;
};

struct app {
    const struct program_start *start;
    struct snapshot *snapshot; /* the newest */
    struct snapshot *first;    /* what cannot be reloaded stays as it is here */
    int listener, signals;
    int ended; /* counts the threads that have returned */
    struct metrics *metrics;
    struct health_cache health;
    struct queue *queue;
    struct publisher *publisher;
    struct webhook_sender *webhook_sender; /* NULL: there are no webhooks */
    struct front *front;
    struct check_standby *check_standby; /* NULL: there are no standbys */
    struct checker *checker;
    struct worker *workers;
    struct thread *threads; /* one for each worker, and the others' */
    size_t workers_count, threads_count;
};

static void reload(struct app *app)
{
    struct program_settings loaded;
    struct snapshot *snapshot;

    if (program_reload(app->start, app->first->config, &loaded) ||
        snapshot_new(loaded.config, &loaded.secrets, &snapshot))
        return;
    front_offer(app->front, snapshot);
    publisher_offer(app->publisher, snapshot);
    if (app->webhook_sender)
        webhook_sender_offer(app->webhook_sender, snapshot);
    snapshot_unref(app->snapshot);
    app->snapshot = snapshot;
    log_info("reloaded");
}

static void ignore_signal(int number)
{
    (void)number;
}

/* Before FCGX_Init(), which puts its own handlers where it finds the default. They are blocked in
 * all threads and read from a descriptor; only that they have a handler keeps libfcgi away. */
static enum err take_signals(int *fd)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction handler = {.sa_handler = ignore_signal};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        (void)sigaction(taken[i], &handler, NULL);
        sigaddset(&set, taken[i]);
    }
    (void)sigaction(SIGPIPE, &ignored, NULL);
    (void)sigaction(SIGUSR1, &ignored, NULL);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return ERR_NO_MEMORY;
    *fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *fd >= 0 ? ERR_NONE : ERR_NO_MEMORY;
}

static void *run_thread(void *context)
{
    struct thread *t = context;
    const uint64_t one = 1;

    t->run(t->what);
    while (write(t->app->ended, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    return NULL;
}

static void run_worker(void *worker)
{
    worker_run(worker);
}

static void run_front(void *front)
{
    front_run(front);
}

static void run_checker(void *checker)
{
    checker_run(checker);
}

static void run_check_standby(void *check_standby)
{
    check_standby_run(check_standby);
}

static void run_publisher(void *publisher)
{
    publisher_run(publisher);
}

static void run_webhook_sender(void *webhook_sender)
{
    webhook_sender_run(webhook_sender);
}

static enum err start_thread(struct app *app, void (*run)(void *), void *what)
{
    struct thread *t = &app->threads[app->threads_count++];

    *t = (struct thread){.app = app, .run = run, .what = what};
    if (pthread_create(&t->id, NULL, run_thread, t) != 0)
        return ERR_NO_MEMORY;
    t->is_started = true;
    return ERR_NONE;
}

static enum err start_threads(struct app *app)
{
    enum err e = ERR_NONE;

    for (size_t i = 0; i < app->workers_count && !e; i++)
        e = start_thread(app, run_worker, &app->workers[i]);
    if (!e && app->check_standby)
        e = start_thread(app, run_check_standby, app->check_standby);
    if (!e)
        e = start_thread(app, run_checker, app->checker);
    if (!e)
        e = start_thread(app, run_publisher, app->publisher);
    if (!e && app->webhook_sender)
        e = start_thread(app, run_webhook_sender, app->webhook_sender);
    return e ? e : start_thread(app, run_front, app->front);
}

static enum err make_workers(struct app *app)
{
    const struct config_database *database = &app->first->config->database;
    enum err e = ERR_NONE;

    app->workers = calloc(app->workers_count, sizeof(*app->workers));
    app->threads = calloc(app->workers_count + OTHER_THREADS, sizeof(*app->threads));
    if (!app->workers || !app->threads)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < app->workers_count && !e; i++)
        e = worker_init(&app->workers[i], i, database, app->queue, app->publisher, app->metrics,
                        &app->health);
    return e;
}

/* A statement that the database refuses stops the start; an unreachable database does not: it is
 * asked again at each request, which is a 503 until then. */
static enum err try_database(struct app *app)
{
    enum err e = store_connect(&app->workers[0].store);

    if (e == ERR_UNAVAILABLE)
        return ERR_NONE;
    if (e)
        log_error("the schema or the rights do not fit this program: run doorbell-migrate as the "
                  "schema's owner, and GRANT doorbell_app TO the user of [database] url");
    return e;
}

/* Without its text, which may hold a password. */
static enum err prepare_standbys(struct app *app)
{
    const char *url = app->first->config->database.read_url;

    if (url[0] == '\0')
        return ERR_NONE;
    if (!hosts_is_url(url)) {
        log_error("[database] read_url: libpq cannot read it: it must be "
                  "postgresql://user@host,host/database or keywords such as host=a,b dbname=c");
        return ERR_INVALID;
    }
    metrics_show_standbys(app->metrics);
    return check_standby_new(&app->first->config->database, app->metrics, &app->check_standby);
}

static enum err open_front(struct app *app)
{
    const struct config_app *config = &app->snapshot->config->app;
    enum err e =
        listen_open(&config->listen, config->listen_mode, config->listen_group, &app->listener);

    return e ? e
             : front_new(app->listener, app->snapshot, app->queue, app->checker, app->metrics,
                         &app->front);
}

/* The listener comes last: a web server that can connect gets an answer. */
static enum err start_app(struct app *app)
{
    const struct route *routes;
    size_t routes_count;
    enum err e = take_signals(&app->signals);

    app->workers_count = (size_t)app->snapshot->config->app.workers;
    routes = routes_all(&routes_count);
    if (!e)
        e = exchange_init_library();
    if (!e)
        e = metrics_new(app->workers_count, routes, routes_count, &app->metrics);
    if (!e)
        e = prepare_standbys(app);
    if (!e)
        e = queue_new(&app->queue);
    if (!e)
        e = checker_new(&app->first->config->database, app->queue, app->metrics, app->check_standby,
                        &app->checker);
    if (!e)
        e = publisher_new(app->snapshot, app->metrics, &app->publisher);
    if (!e && app->snapshot->secrets.webhook.count > 0)
        e = webhook_sender_new(app->snapshot, app->metrics, &app->webhook_sender);
    if (!e)
        e = make_workers(app);
    if (!e)
        e = try_database(app);
    if (!e)
        e = open_front(app);
    if (!e && app->first->config->app.seccomp)
        e = sandbox_enter(PROGRAM_APP, true);
    return e ? e : start_threads(app);
}

/* The next signal; 0 if none came before one of the threads ended or time ran out. */
static int wait_for_signal(struct app *app, int64_t deadline_ms, uint64_t *ended)
{
    struct pollfd fds[] = {{.fd = app->signals, .events = POLLIN},
                           {.fd = app->ended, .events = POLLIN}};
    int64_t left_ms = deadline_ms - clock_ms();
    struct signalfd_siginfo info;
    uint64_t count;

    if (poll(fds, 2, deadline_ms == 0 ? -1 : left_ms > 0 ? (int)left_ms : 0) <= 0)
        return 0;
    if (fds[1].revents && read(app->ended, &count, sizeof(count)) == sizeof(count))
        *ended += count;
    if (fds[0].revents && read(app->signals, &info, sizeof(info)) == sizeof(info))
        return (int)info.ssi_signo;
    return 0;
}

/* As if the signal had never been taken: no thread is waited for, nothing is cleaned up. */
static _Noreturn void leave_at_once(void)
{
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigset_t set;

    (void)sigaction(SIGTERM, &fallback, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(SIGTERM);
    _exit(EXIT_FAILURE);
}

/* The first SIGTERM drains, within a deadline; the second leaves at once. The front ends first,
 * then the workers; what they have committed is published. */
static int supervise(struct app *app)
{
    const size_t before_publisher = app->threads_count - 1;
    int64_t deadline_ms = 0;
    uint64_t ended = 0;

    while (ended < app->threads_count) {
        uint64_t ended_before = ended;
        int number = wait_for_signal(app, deadline_ms, &ended);

        if (number == SIGHUP && deadline_ms == 0)
            reload(app);
        if (number == SIGTERM || number == SIGINT) {
            if (deadline_ms != 0)
                leave_at_once();
            log_info("stopping");
            deadline_ms = clock_ms() + DRAIN_MS;
            front_stop(app->front);
            if (app->webhook_sender)
                webhook_sender_stop(app->webhook_sender);
        }
        if (ended_before < before_publisher && ended >= before_publisher)
            publisher_stop(app->publisher);
        if (deadline_ms != 0 && clock_ms() >= deadline_ms) {
            log_warn("requests were cut off: they took longer than %d ms", DRAIN_MS);
            leave_at_once();
        }
    }
    return EXIT_SUCCESS;
}

/* Also of an app that was started half; its threads have been told to end. */
static void clean_up(struct app *app)
{
    for (size_t i = 0; i < app->threads_count; i++)
        if (app->threads[i].is_started)
            (void)pthread_join(app->threads[i].id, NULL);
    for (size_t i = 0; app->workers && i < app->workers_count; i++)
        worker_deinit(&app->workers[i]);
    front_free(app->front);
    checker_free(app->checker);
    check_standby_free(app->check_standby);
    queue_free(app->queue);
    publisher_free(app->publisher);
    webhook_sender_free(app->webhook_sender);
    metrics_free(app->metrics);
    if (app->listener >= 0) {
        (void)close(app->listener);
        listen_unlink(&app->first->config->app.listen);
    }
    (void)close(app->signals);
    (void)close(app->ended);
    free(app->workers);
    free(app->threads);
    snapshot_unref(app->snapshot);
    snapshot_unref(app->first);
}

static int run_app(const struct program_start *how, struct program_settings *loaded)
{
    struct app app = {.start = how, .listener = -1, .signals = -1};
    int status;
    enum err e;

    if (snapshot_new(loaded->config, &loaded->secrets, &app.snapshot))
        return EXIT_FAILURE;
    app.first = snapshot_ref(app.snapshot);
    app.ended = eventfd(0, EFD_CLOEXEC);
    e = app.ended >= 0 ? start_app(&app) : ERR_NO_MEMORY;
    if (!e) {
        log_info("serving with %zu workers", app.workers_count);
        status = supervise(&app);
    } else {
        status = e == ERR_INVALID ? CONFIG_EXIT : EXIT_FAILURE;
        if (app.front)
            front_stop(app.front);
        if (app.checker)
            checker_stop(app.checker);
        if (app.check_standby)
            check_standby_stop(app.check_standby);
        if (app.queue)
            queue_stop(app.queue);
        if (app.publisher)
            publisher_stop(app.publisher);
        if (app.webhook_sender)
            webhook_sender_stop(app.webhook_sender);
    }
    clean_up(&app);
    return status;
}

int main(int argc, char **argv)
{
    return program_main(PROGRAM_APP, "doorbell-app", argc, argv, run_app);
}
