/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK, IP_BIND_ADDRESS_NO_PORT */
#include "tests/bench/kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

int64_t number_of(const char *text, int64_t min, int64_t max, const char *what)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || *end || errno || n < min || n > max) {
        fprintf(stderr, "%s: not a number from %" PRId64 " to %" PRId64 "\n", what, min, max);
        exit(64);
    }
    return n;
}

/* Not resident before it is used. */
static void *reserve(size_t len)
{
    void *p =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        die("memory for samples");
    return p;
}

void samples_init(struct samples *s)
{
    s->values = reserve(SAMPLES_MAX * sizeof(*s->values));
    s->count = 0;
}

void samples_add(struct samples *s, int64_t us)
{
    if (s->count < SAMPLES_MAX)
        s->values[s->count] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    s->count++;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void samples_print(struct samples *s)
{
    size_t kept = s->count < SAMPLES_MAX ? s->count : SAMPLES_MAX;

    if (kept == 0) {
        printf("{\"count\":0}");
        return;
    }
    qsort(s->values, kept, sizeof(*s->values), compare);
    printf("{\"count\":%zu,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"max\":%u}", s->count,
           s->values[kept / 2], s->values[kept * 9 / 10], s->values[kept * 99 / 100],
           s->values[kept - 1]);
}

void moments_init(struct moments *m)
{
    m->values = reserve(SAMPLES_MAX * sizeof(*m->values));
    m->count = 0;
}

void moments_add(struct moments *m, int64_t us)
{
    if (m->count < SAMPLES_MAX)
        m->values[m->count] = us;
    m->count++;
}

size_t moments_peak(const struct moments *m)
{
    size_t kept = m->count < SAMPLES_MAX ? m->count : SAMPLES_MAX;
    size_t first = 0, peak = 0;

    for (size_t i = 0; i < kept; i++) {
        while (m->values[i] - m->values[first] >= 1000000)
            first++;
        if (i - first + 1 > peak)
            peak = i - first + 1;
    }
    return peak;
}

struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN];

    if (!colon || (size_t)(colon - text) >= sizeof(host)) {
        fprintf(stderr, "%s: not an address like 127.0.0.1:2120\n", text);
        exit(64);
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    a.sin_port = htons((uint16_t)number_of(colon + 1, 1, 65535, "port"));
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
        fprintf(stderr, "%s: not an address like 127.0.0.1:2120\n", text);
        exit(64);
    }
    return a;
}

size_t raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        die("setrlimit");
    return (size_t)limit.rlim_cur;
}

int listen_local(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, SOMAXCONN) ||
        getsockname(fd, (struct sockaddr *)&a, &len))
        die("listen");
    *port = ntohs(a.sin_port);
    return fd;
}

int connect_from(uint32_t source, const struct sockaddr_in *to, int receive_buffer)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        die("socket");
    /* Before the connection tells its window. */
    if (receive_buffer)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    if (source) {
        /* The port is chosen at connect(), when the kernel knows both ends: each address has all
         * of them for itself. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
        if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
            die("bind");
    }
    /* A refusal that comes at once is told by the descriptor as one that comes late. */
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS &&
        errno != ECONNREFUSED)
        die("connect");
    set_nodelay(fd);
    return fd;
}

void set_nodelay(int fd)
{
    int one = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
        die("TCP_NODELAY");
}

int watch_new(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        die("epoll_create1");
    return fd;
}

static void watch(int epoll_fd, int operation, int fd, uint32_t events, void *ptr)
{
    struct epoll_event event = {.events = events, .data.ptr = ptr};

    if (epoll_ctl(epoll_fd, operation, fd, &event))
        die("epoll_ctl");
}

void watch_add(int epoll_fd, int fd, uint32_t events, void *ptr)
{
    watch(epoll_fd, EPOLL_CTL_ADD, fd, events, ptr);
}

void watch_change(int epoll_fd, int fd, uint32_t events, void *ptr)
{
    watch(epoll_fd, EPOLL_CTL_MOD, fd, events, ptr);
}
