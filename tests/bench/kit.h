/* SPDX-License-Identifier: MIT */
/* kit.h - what the tools of the benchmarks share: the clock, samples, addresses, epoll. A tool has
 * no one to report a failure to but who started it: every helper here succeeds or ends it. */
#ifndef DOORBELL_BENCH_KIT_H
#define DOORBELL_BENCH_KIT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC: the same in every process of the machine, so that a message can carry the time
 * of its sending. */
int64_t now_us(void);

/* Prints `what` with errno's text, exits 1. */
_Noreturn void die(const char *what);

/* A decimal number within the limits, or the end with `what`. */
int64_t number_of(const char *text, int64_t min, int64_t max, const char *what);

/* Times in microseconds. Beyond SAMPLES_MAX only their number is kept. */
enum { SAMPLES_MAX = 1 << 21 };

struct samples {
    size_t count;
    uint32_t *values; /* SAMPLES_MAX, in memory that is not resident before it is used */
};

void samples_init(struct samples *s);
void samples_add(struct samples *s, int64_t us);

/* Prints {"count":…,"p50":…,"p90":…,"p99":…,"max":…}. Sorts the samples. */
void samples_print(struct samples *s);

/* When something happened, in the order of time; beyond SAMPLES_MAX only their number is kept. */
struct moments {
    size_t count;
    int64_t *values;
};

void moments_init(struct moments *m);
void moments_add(struct moments *m, int64_t us);

/* The most of them within any second. */
size_t moments_peak(const struct moments *m);

/* "127.0.0.1:2120" */
struct sockaddr_in address_of(const char *text);

/* The soft limit of open files becomes the hard one. Returns it. */
size_t raise_descriptor_limit(void);

/* A non-blocking listener on a port of the kernel's choice at 127.0.0.1; the port in *port. */
int listen_local(uint16_t *port);

/* Starts a non-blocking connection from `source` (host order), with so many bytes for what is not
 * read; 0 leaves either to the kernel. */
int connect_from(uint32_t source, const struct sockaddr_in *to, int receive_buffer);

void set_nodelay(int fd);
int watch_new(void);
void watch_add(int epoll_fd, int fd, uint32_t events, void *ptr);
void watch_change(int epoll_fd, int fd, uint32_t events, void *ptr);

#endif
