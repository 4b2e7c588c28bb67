/* SPDX-License-Identifier: MIT */
/* app.c - doorbell-app's publisher as it is, with store, teller and relay_client: what is not real
 * is libpq (database.c), libcurl (curl.c), and here the clock and the waiting. It asks the
 * simulator for each of these, and goes on when it has been told. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/os/log.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/workers/publisher.h"
#include "tests/sim/wire.h"

#define KEY "the-key-of-all-simulated-programs"

static struct publisher *publisher;

/* The linker puts these in the place of libc's. */
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t us = wire_now_us();

    (void)id;
    *t = (struct timespec){us / 1000000, us % 1000000 * 1000};
    return 0;
}

void log_at(enum log_level level, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wire_say("log\t%d\t%s", (int)level, text);
}

static struct snapshot *take_settings(char *const lines[])
{
    char text[4096] = "[app]\nrelay_url = http://relay:2121\n";
    char *const no_environment[] = {NULL};
    struct secrets secrets = {0};
    struct config *config;
    struct snapshot *snapshot;
    struct owned key;
    const char *why;

    for (; *lines; lines++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", *lines);
    if (config_parse(span_of(text), NULL, no_environment, stderr, &config) ||
        owned_copy(&key, SPAN(KEY)) || keyring_init(&secrets.publish, &key, &why) ||
        snapshot_new(config, &secrets, &snapshot))
        wire_fail("these settings are wrong");
    return snapshot;
}

static void reload(char *const lines[])
{
    struct snapshot *snapshot = take_settings(lines);

    publisher_offer(publisher, snapshot);
    snapshot_unref(snapshot);
}

/* "wait MS" until somebody wakes the publisher, or "linger MS"; in return: nothing, or what woke
 * it: "wake", "stop", "config LINE…". */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct wire_line line;

    (void)fds;
    wire_say("%s\t%d", count > 0 ? "wait" : "linger", timeout_ms);
    wire_flush();
    wire_hear(&line);
    if (line.count == 0)
        return 0;
    if (strcmp(line.fields[0], "stop") == 0)
        publisher_stop(publisher);
    else if (strcmp(line.fields[0], "config") == 0)
        reload(line.fields + 1);
    return 1;
}

int main(void)
{
    struct wire_line line;
    struct snapshot *snapshot;
    struct metrics *metrics;

    wire_hear(&line);
    snapshot = take_settings(line.fields + 1); /* after "config" */
    if (metrics_new(1, NULL, 0, &metrics) || publisher_new(snapshot, metrics, &publisher))
        wire_fail("out of memory");
    publisher_run(publisher);
    publisher_free(publisher);
    metrics_free(metrics);
    snapshot_unref(snapshot);
    return 0;
}
