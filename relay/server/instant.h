/* SPDX-License-Identifier: MIT */
/* instant.h - what time it is, read for each event of the loop, and nowhere else. */
#ifndef DOORBELL_RELAY_SERVER_INSTANT_H
#define DOORBELL_RELAY_SERVER_INSTANT_H

#include "common/os/clock.h"
#include "relay/session/session.h"

static inline struct instant instant_now(void)
{
    int64_t us = clock_us();
    int64_t unix_us = clock_unix_us();

    return (struct instant){us / 1000, unix_us / 1000000, us, unix_us};
}

#endif
