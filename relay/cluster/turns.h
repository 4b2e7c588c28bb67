/* SPDX-License-Identifier: MIT */
/* turns.h - which of several addresses is tried next, and when: each in turn at once, and after a
 * round in vain a pause with full jitter, so that many relays do not come back at the same time.
 * Pure: time and chance are arguments. */
#ifndef DOORBELL_RELAY_CLUSTER_TURNS_H
#define DOORBELL_RELAY_CLUSTER_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TURNS_FIRST_MS = 1000, TURNS_MAX_MS = 60000 };

struct turns {
    size_t count;       /* of the addresses */
    size_t at;          /* the one to try */
    size_t failed;      /* since the last pause */
    int64_t ceiling_ms; /* of the last pause; 0: there was none since it went well */
    int64_t not_before_ms;
};

bool turns_is_due(const struct turns *t, int64_t now_ms);

/* The one that was tried failed, or a link over it was cut. */
void turns_failed(struct turns *t, int64_t now_ms, uint32_t chance);

/* What came of it was good and is cut: the same one is tried again, after such a pause. */
void turns_cut(struct turns *t, int64_t now_ms, uint32_t chance);

/* It is good. */
void turns_succeeded(struct turns *t);

#endif
