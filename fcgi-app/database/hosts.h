/* SPDX-License-Identifier: MIT */
/* hosts.h - where the database of a URL may be: each host, and of a name that has several addresses
 * each of them, in order. */
#ifndef DOORBELL_FCGI_APP_DATABASE_HOSTS_H
#define DOORBELL_FCGI_APP_DATABASE_HOSTS_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"

/* As libpq's parameters of these names; empty where libpq knows best. */
struct host {
    char name[256], address[64], port[16];
};

struct hosts {
    char *names, *addresses, *ports; /* lists with commas */
    int64_t timeout_ms;              /* for each */
    size_t count, next;              /* of the list */
    size_t first;                  /* the one that it begins with, and after which it goes round */
    struct addrinfo *found, *left; /* the addresses of a name, and those not yet returned */
    struct host current;
};

/* Reads `url` as libpq does, with the environment and service files. Caller deinits *h, also after
 * a failure. */
MUST_USE enum err hosts_init(struct hosts *h, const char *url);
void hosts_deinit(struct hosts *h);

/* Whether libpq can read it. */
bool hosts_is_url(const char *url);

/* The next one, borrowed until the one after; NULL if there is none. Looks names up, and waits for
 * that as long as the resolver does. */
const struct host *hosts_next(struct hosts *h);

#endif
