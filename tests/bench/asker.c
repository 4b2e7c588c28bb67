/* SPDX-License-Identifier: MIT */
#include "tests/bench/asker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    QUESTIONS_MAX = 6000, /* on the way: a descriptor each; more wait */
    WAITING_MAX = 200000,
    REQUEST_MAX = 4096 + 512,
};

struct question {
    int fd; /* -1: free */
    bool is_sent;
    const char *token;
    void *asked_by;
    int64_t since_us;
    size_t in_len;
    char in[ASKER_ANSWER_MAX];
};

struct waiting {
    uint32_t source;
    const char *token;
    void *asked_by;
    int64_t since_us;
};

struct asker {
    int epoll_fd;
    struct asker_site site;
    struct sockaddr_in server;
    struct question *questions;
    struct question **free;
    size_t free_count;
    struct waiting *waiting; /* a ring */
    size_t waiting_first, waiting_count;
    size_t failed;
    struct samples times;
    struct moments starts;
};

struct asker *asker_new(int epoll_fd, const struct asker_site *site)
{
    struct asker *a = calloc(1, sizeof(*a));

    if (!a || !(a->questions = calloc(QUESTIONS_MAX, sizeof(*a->questions))) ||
        !(a->free = calloc(QUESTIONS_MAX, sizeof(struct question *))) ||
        !(a->waiting = calloc(WAITING_MAX, sizeof(*a->waiting))))
        die("memory");
    a->epoll_fd = epoll_fd;
    a->site = *site;
    a->server = address_of(site->address);
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        a->free[a->free_count++] = &a->questions[i];
    samples_init(&a->times);
    moments_init(&a->starts);
    return a;
}

static void start_question(struct asker *a, const struct waiting *w)
{
    struct question *q = a->free[--a->free_count];

    q->fd = connect_from(w->source, &a->server, 0);
    q->is_sent = false;
    q->token = w->token;
    q->asked_by = w->asked_by;
    q->since_us = w->since_us;
    q->in_len = 0;
    watch_add(a->epoll_fd, q->fd, EPOLLOUT, q);
}

static void start_waiting(struct asker *a)
{
    while (a->free_count > 0 && a->waiting_count > 0) {
        start_question(a, &a->waiting[a->waiting_first]);
        a->waiting_first = (a->waiting_first + 1) % WAITING_MAX;
        a->waiting_count--;
    }
}

void asker_ask(struct asker *a, uint32_t source, const char *token, void *asked_by)
{
    int64_t now = now_us();

    if (a->waiting_count == WAITING_MAX) {
        fprintf(stderr, "asker: too many questions wait\n");
        exit(1);
    }
    moments_add(&a->starts, now);
    a->waiting[(a->waiting_first + a->waiting_count++) % WAITING_MAX] =
        (struct waiting){source, token, asked_by, now};
    start_waiting(a);
}

static void finish(struct asker *a, struct question *q)
{
    bool is_ok = q->in_len > 12 && memcmp(q->in + 8, " 200", 4) == 0; /* "HTTP/1.1 200" */

    close(q->fd);
    q->fd = -1;
    a->failed += !is_ok;
    samples_add(&a->times, now_us() - q->since_us);
    if (is_ok)
        a->site.on_answer(a->site.ctx, q->asked_by, q->in, q->in_len);
    a->free[a->free_count++] = q;
    start_waiting(a);
}

static void send_request(struct asker *a, struct question *q)
{
    char text[REQUEST_MAX];
    int len = snprintf(text, sizeof(text),
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                       "Authorization: Bearer %s\r\n\r\n",
                       a->site.path, q->token);

    q->is_sent = true;
    watch_change(a->epoll_fd, q->fd, EPOLLIN, q);
    if (send(q->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        finish(a, q);
}

/* Until the server closes; what is more than an answer of ours is passed over. */
void asker_on_event(struct asker *a, void *ptr)
{
    struct question *q = ptr;
    char bytes[4096];
    ssize_t n;
    size_t kept;

    if (q->fd < 0)
        return;
    if (!q->is_sent) {
        send_request(a, q);
        return;
    }
    n = recv(q->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        finish(a, q);
        return;
    }
    kept = sizeof(q->in) - q->in_len < (size_t)n ? sizeof(q->in) - q->in_len : (size_t)n;
    memcpy(q->in + q->in_len, bytes, kept);
    q->in_len += kept;
}

bool asker_owns(const struct asker *a, const void *ptr)
{
    uintptr_t first = (uintptr_t)a->questions, at = (uintptr_t)ptr;

    return at >= first && at < first + QUESTIONS_MAX * sizeof(struct question);
}

size_t asker_pending(const struct asker *a)
{
    return QUESTIONS_MAX - a->free_count + a->waiting_count;
}

void asker_reset(struct asker *a)
{
    a->failed = 0;
    a->times.count = 0;
    a->starts.count = 0;
}

void asker_print(struct asker *a)
{
    printf("{\"asked\":%zu,\"failed\":%zu,\"peak\":%zu,\"us\":", a->starts.count, a->failed,
           moments_peak(&a->starts));
    samples_print(&a->times);
    printf("}");
}
