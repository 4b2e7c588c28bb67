/* SPDX-License-Identifier: MIT */
/* service_keys.h - the keys of the site's back ends, and what each may do. Their file has one of
 * two forms. A plain one is a keyring whose keys may do everything. One with names looks like this:
 *
 *     [shop]
 *     may = send statistics
 *     key = 6OhPmZkqz4Vh0fC1iJxv8dGtqkVw2n1sB3yYt5uRrEo=
 *
 * It cannot be mistaken: a line shorter than 32 bytes, as "[shop]" is, makes a plain file invalid,
 * and so no key that was ever valid changes its meaning. Pure. */
#ifndef DOORBELL_COMMON_SERVICE_KEYS_H
#define DOORBELL_COMMON_SERVICE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/owned.h"
#include "common/bytes/span.h"
#include "common/security/keyring.h"

/* What a key may be for: bits, since a key may have several. */
enum purpose {
    PURPOSE_SEND = 1,       /* send to anybody */
    PURPOSE_SEND_GROUP = 2, /* send to groups, or to the key's one group */
    PURPOSE_MANAGE = 4,     /* groups, categories, users, tokens, recall */
    PURPOSE_STATISTICS = 8, /* what became of a message */
    PURPOSE_METRICS = 16,   /* metrics, and the details of health */
    PURPOSE_ALL = 31,
};

enum {
    SERVICE_KEYS_MAX = 16, /* names in a file */
    SERVICE_KEY_NAME_MAX = 24,
    SERVICE_KEY_GROUP_MAX = 255,
    SERVICE_KEYS_FILE_MAX = 64 * 1024,
};

struct service_key {
    struct span name;              /* empty in a plain file */
    struct span group;             /* the only one that PURPOSE_SEND_GROUP is for; empty: any */
    struct span keys[KEYRING_MAX]; /* two while it is rotated */
    size_t count;
    unsigned purposes;
};

struct service_keys {
    struct owned file; /* which all spans borrow from */
    struct service_key named[SERVICE_KEYS_MAX];
    size_t count;
};

/* From what the file held, at most SERVICE_KEYS_FILE_MAX bytes, which it takes in any case. On
 * failure *why (static text) says what is wrong, and *line where; 0 is the file as a whole. */
MUST_USE enum err service_keys_init(struct service_keys *s, struct owned *file, const char **why,
                                    size_t *line);

/* Wipes and frees. */
void service_keys_deinit(struct service_keys *s);

/* The one that has this key, in a time that does not tell which; NULL if none has. */
const struct service_key *service_keys_find(const struct service_keys *s, struct span key);

/* Whether a key is also in the ring. */
bool service_keys_overlap(const struct service_keys *s, const struct keyring *ring);

/* The word for a purpose in the file. */
const char *purpose_name(enum purpose purpose);

#endif
