/* SPDX-License-Identifier: MIT */
/* load.c - HTTP load on kept connections, one request at a time on each.
 *
 *     load ADDRESS REQUESTS-FILE CONNECTIONS SECONDS [RATE]
 *
 * The file holds whole requests, each behind a line with its length; they are sent round and round.
 * The first run of sixteen '@' in a request becomes the time of its sending (now_us()), padded by
 * blanks. Without RATE the next request follows an answer at once. With it, requests are due at
 * even times, and a time is counted from when the request was due: one that had to wait for a free
 * connection shows it. Prints one line of JSON. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/kit.h"

enum {
    CONNECTIONS_MAX = 1024,
    REQUESTS_MAX = 100000,
    REQUEST_LEN_MAX = 64 * 1024,
    ANSWER_MAX = 64 * 1024,
    MARK_LEN = 16,
    EVENTS_PER_TURN = 256,
};

static const char mark[MARK_LEN + 1] = "@@@@@@@@@@@@@@@@";

struct request {
    char *bytes;
    size_t len;
    char *mark; /* within bytes; NULL: it carries no time */
};

struct conn {
    int fd; /* -1: not connected */
    bool is_busy;
    bool is_used; /* has had an answer: a close now is the server's right */
    int64_t due_us;
    const struct request *request;
    size_t in_len;
    char in[ANSWER_MAX + 1];
};

struct load {
    int epoll_fd;
    struct sockaddr_in server;
    struct request *requests;
    size_t request_count, next_request;
    struct conn *conns;
    size_t conn_count;
    int64_t rate; /* a second; 0: as fast as they are answered */
    int64_t started_us, ends_us;
    int64_t due_count; /* of a given rate: how many were started */
    size_t busy, ok, refused, broken;
    struct samples times;
};

static void connect_conn(struct load *l, struct conn *c)
{
    c->fd = connect_from(0, &l->server, 0);
    c->is_used = false;
    watch_add(l->epoll_fd, c->fd, EPOLLIN, c);
}

static void disconnect(struct conn *c)
{
    close(c->fd);
    c->fd = -1;
    c->in_len = 0;
}

/* A connection under way takes no bytes yet: waits for it as the few connections of a start may. */
static bool send_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static void fail(struct load *l, struct conn *c)
{
    l->broken++;
    l->busy--;
    c->is_busy = false;
    disconnect(c);
}

static void put_time(char *where)
{
    char text[MARK_LEN + 1];

    snprintf(text, sizeof(text), "%16" PRId64, now_us());
    memcpy(where, text, MARK_LEN);
}

static void transmit(struct load *l, struct conn *c)
{
    if (c->fd < 0)
        connect_conn(l, c);
    if (c->request->mark)
        put_time(c->request->mark);
    if (!send_all(c->fd, c->request->bytes, c->request->len))
        fail(l, c);
}

static void start_request(struct load *l, struct conn *c, int64_t due_us)
{
    c->request = &l->requests[l->next_request++ % l->request_count];
    c->due_us = due_us;
    c->is_busy = true;
    l->busy++;
    transmit(l, c);
}

/* The length of the answer, 0 if it is not there as a whole. */
static size_t answer_len(const struct conn *c)
{
    const char *end = strstr(c->in, "\r\n\r\n");
    const char *length = strcasestr(c->in, "\r\nContent-Length:");
    size_t head;

    if (!end)
        return 0;
    head = (size_t)(end - c->in) + 4;
    if (length && length < end)
        return head + (size_t)strtoul(length + 17, NULL, 10);
    if (strcasestr(c->in, "\r\nTransfer-Encoding: chunked")) {
        const char *last = strstr(end, "\r\n0\r\n\r\n");

        return last ? (size_t)(last - c->in) + 7 : 0;
    }
    return head;
}

static void finish_request(struct load *l, struct conn *c)
{
    bool is_ok = c->in_len > 9 && c->in[9] == '2';
    bool closes = strcasestr(c->in, "\r\nConnection: close") != NULL;

    samples_add(&l->times, now_us() - c->due_us);
    l->ok += is_ok;
    l->refused += !is_ok;
    l->busy--;
    c->is_busy = false;
    c->is_used = true;
    c->in_len = 0;
    if (closes)
        disconnect(c);
}

static void on_end(struct load *l, struct conn *c)
{
    bool was_idle_close = c->is_busy && c->is_used && c->in_len == 0;

    if (!c->is_busy) {
        disconnect(c);
    } else if (was_idle_close) {
        disconnect(c);
        transmit(l, c);
    } else {
        fail(l, c);
    }
}

static void on_conn(struct load *l, struct conn *c)
{
    ssize_t n;
    size_t len;

    if (c->fd < 0)
        return;
    n = recv(c->fd, c->in + c->in_len, ANSWER_MAX - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        on_end(l, c);
        return;
    }
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    len = answer_len(c);
    if (c->is_busy && len && c->in_len >= len)
        finish_request(l, c);
    else if (c->in_len == ANSWER_MAX)
        fail(l, c);
}

/* Returns when the next one is due; now, if it waits for a free connection. */
static int64_t next_due(const struct load *l)
{
    return l->rate ? l->started_us + l->due_count * 1000000 / l->rate : now_us();
}

static void start_due(struct load *l)
{
    for (size_t i = 0; i < l->conn_count; i++) {
        int64_t due = next_due(l);

        if (due > now_us() || now_us() >= l->ends_us)
            return;
        if (l->conns[i].is_busy)
            continue;
        l->due_count++;
        start_request(l, &l->conns[i], due);
    }
}

static int wait_ms(const struct load *l)
{
    int64_t left = next_due(l) - now_us();

    if (!l->rate || l->busy == l->conn_count)
        return 100;
    /* A wait is of whole milliseconds: the rest is spun away, so that what is due is on time. */
    return left < 1000 ? 0 : (int)(left / 1000);
}

static void run(struct load *l)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int64_t patience_us = 10 * 1000 * 1000;

    while (now_us() < l->ends_us || (l->busy > 0 && now_us() < l->ends_us + patience_us)) {
        int n;

        start_due(l);
        n = epoll_wait(l->epoll_fd, events, EVENTS_PER_TURN, wait_ms(l));
        for (int i = 0; i < n; i++)
            on_conn(l, events[i].data.ptr);
    }
    l->broken += l->busy;
}

static void report(struct load *l)
{
    double seconds = (double)(now_us() - l->started_us) / 1e6;

    printf("{\"ok\":%zu,\"refused\":%zu,\"broken\":%zu,\"seconds\":%.3f,\"rate\":%.1f,\"us\":",
           l->ok, l->refused, l->broken, seconds, (double)(l->ok + l->refused) / seconds);
    samples_print(&l->times);
    printf("}\n");
}

static void read_requests(struct load *l, const char *path)
{
    FILE *f = fopen(path, "r");
    size_t len;

    l->requests = calloc(REQUESTS_MAX, sizeof(*l->requests));
    if (!f || !l->requests)
        die(path);
    while (l->request_count < REQUESTS_MAX && fscanf(f, "%zu", &len) == 1) {
        struct request *r = &l->requests[l->request_count++];

        if (fgetc(f) != '\n' || len > REQUEST_LEN_MAX || !(r->bytes = malloc(len)) ||
            fread(r->bytes, 1, len, f) != len)
            die(path);
        r->len = len;
        r->mark = memmem(r->bytes, len, mark, MARK_LEN);
    }
    fclose(f);
    if (l->request_count == 0) {
        fprintf(stderr, "%s: no request in it\n", path);
        exit(64);
    }
}

int main(int argc, char **argv)
{
    static struct load l;

    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: load ADDRESS REQUESTS-FILE CONNECTIONS SECONDS [RATE]\n");
        return 64;
    }
    l.server = address_of(argv[1]);
    read_requests(&l, argv[2]);
    l.conn_count = (size_t)number_of(argv[3], 1, CONNECTIONS_MAX, "connections");
    l.rate = argc == 6 ? number_of(argv[5], 1, 1000000, "rate") : 0;
    if (!(l.conns = calloc(l.conn_count, sizeof(*l.conns))))
        die("memory");
    samples_init(&l.times);
    l.epoll_fd = watch_new();
    for (size_t i = 0; i < l.conn_count; i++)
        connect_conn(&l, &l.conns[i]);
    l.started_us = now_us();
    l.ends_us = l.started_us + number_of(argv[4], 1, 3600, "seconds") * 1000000;
    run(&l);
    report(&l);
    return 0;
}
