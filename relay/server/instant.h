/* SPDX-License-Identifier: MIT */
/* instant.h - what time it is, read for each event of the loop, and nowhere else. */
#ifndef DOORBELL_RELAY_SERVER_INSTANT_H
#define DOORBELL_RELAY_SERVER_INSTANT_H

#include "common/os/clock.h"
#include "relay/session/session.h"

static inline struct instant instant_now(void)
{
    int64_t us = clock_us();

    return (struct instant){us / 1000, clock_unix(), us};
}

#endif
