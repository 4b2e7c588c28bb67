/* SPDX-License-Identifier: MIT */
/* clock.h - the two clocks and a bit of chance, for the files that do I/O: all others are told the
 * time. */
#ifndef DOORBELL_COMMON_CLOCK_H
#define DOORBELL_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds that only go forward. */
static inline int64_t clock_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The same in milliseconds. */
static inline int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

/* Unix time in microseconds. */
static inline int64_t clock_unix_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The same in seconds. */
static inline int64_t clock_unix(void)
{
    return clock_unix_us() / 1000000;
}

/* Enough to keep threads and processes from acting in step; for no secret. */
static inline uint32_t clock_chance(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return ((uint32_t)t.tv_nsec ^ (uint32_t)t.tv_sec) * 2654435761u >> 4;
}

#endif
