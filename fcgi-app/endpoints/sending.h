/* SPDX-License-Identifier: MIT */
/* sending.h - what the calls that send have in common: a message of the body becomes a draft. */
#ifndef DOORBELL_FCGI_APP_ENDPOINTS_SENDING_H
#define DOORBELL_FCGI_APP_ENDPOINTS_SENDING_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/http/response.h"
#include "fcgi-app/store/messages.h"

/* The lists of a message, as PostgreSQL arrays. */
struct sending_lists {
    struct buf to, groups, except, except_groups;
};

void sending_lists_init(struct sending_lists *lists);
void sending_lists_reset(struct sending_lists *lists); /* keeps the memory */
void sending_lists_deinit(struct sending_lists *lists);

/* Reads the message that is the whole body of *req. The draft borrows from the arena and from
 * `lists`, which are empty. ERR_MALFORMED, ERR_INVALID: the body's fault says why. */
MUST_USE enum err sending_read(const struct request *req, struct sending_lists *lists,
                               struct draft *d);

/* Whether a field of this name says to whom a message goes, and whether such a message says it. */
bool sending_names_audience(const char *name);
bool sending_has_audience(const struct body *body);

/* Whether such a message is to groups or to everybody. */
bool sending_is_broadcast(const struct body *body);

/* A key for groups sends to groups alone, and one that has a group of its own only to that.
 * ERR_FORBIDDEN, which is logged. */
MUST_USE enum err sending_check_key(const struct request *req, const struct draft *d,
                                    struct response *res);

/* Appends what became of it. */
MUST_USE enum err sending_write(struct response *res, const struct sent *sent);

#endif
