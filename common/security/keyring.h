/* SPDX-License-Identifier: MIT */
/* keyring.h - a key file: one or two lines, each line's bytes taken literally, at least 32 of them.
 * The first signs or is sent, both are accepted, so that keys can be rotated. Pure. */
#ifndef DOORBELL_COMMON_KEYRING_H
#define DOORBELL_COMMON_KEYRING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/owned.h"
#include "common/bytes/span.h"

enum {
    KEY_MIN = 32,
    KEY_MAX = 4096,
    KEYRING_MAX = 2,
    KEYRING_FILE_MAX = KEYRING_MAX * (KEY_MAX + 1),
};

struct keyring {
    struct owned file;
    struct span keys[KEYRING_MAX]; /* in it */
    size_t count;
};

/* From what the file held, at most KEYRING_FILE_MAX bytes, which it takes in any case. On failure
 * *why (static text) says what is wrong with it. */
MUST_USE enum err keyring_init(struct keyring *k, struct owned *file, const char **why);

/* Wipes and frees. */
void keyring_deinit(struct keyring *k);

/* Whether `key` is one of them, in constant time. */
bool keyring_accepts(const struct keyring *k, struct span key);

/* Whether they have a key in common. */
bool keyring_overlaps(const struct keyring *a, const struct keyring *b);

#endif
