/* SPDX-License-Identifier: MIT */
/* redis_url.h - where a Redis is, as written in doorbell.conf: redis://host:port/db or
 * unix:///path?db=N, or where its sentinels are, sentinel://host:port/db; several of them separated
 * by blanks or commas. Pure. */
#ifndef DOORBELL_COMMON_REDIS_URL_H
#define DOORBELL_COMMON_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/address.h"

enum { REDIS_URLS_MAX = 8, REDIS_DB_MAX = 9999 };

struct redis_urls {
    struct address at[REDIS_URLS_MAX]; /* ADDRESS_TCP or ADDRESS_UNIX */
    bool are_sentinels;                /* all of them, and then ADDRESS_TCP */
    size_t count;                      /* 0: none is named */
    int64_t db;                        /* the same for all */
};

/* ERR_INVALID: *why (static text) says what is wrong with one of them, and what to write. */
MUST_USE enum err redis_urls_parse(struct span text, struct redis_urls *out, const char **why);

#endif
