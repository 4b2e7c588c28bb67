/* SPDX-License-Identifier: MIT */
/* sending.h - what the calls that send have in common: a message of the body becomes a draft. */
#ifndef DOORBELL_FCGI_APP_ENDPOINTS_SENDING_H
#define DOORBELL_FCGI_APP_ENDPOINTS_SENDING_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/security/user.h"
#include "fcgi-app/http/request.h"
#include "fcgi-app/http/response.h"
#include "fcgi-app/store/messages.h"

/* The ceiling of an array of users: BODY_LIST_MAX ids of USER_ID_MAX bytes, each of them escaped.
 */
enum { SENDING_ARRAY_MAX = BODY_LIST_MAX * (2 * USER_ID_MAX + 3) + 3 };

/* Reads the message that is the whole body of *req. The draft borrows from the arena and from
 * `array`, an empty buf that gets its users. ERR_MALFORMED, ERR_INVALID: the body's fault says
 * why. */
MUST_USE enum err sending_read(const struct request *req, struct buf *array, struct draft *d);

/* Whether such a message is to a group or to everybody. */
bool sending_is_broadcast(const struct body *body);

/* A key for groups sends to groups alone, and one that has a group of its own only to that.
 * ERR_FORBIDDEN, which is logged. */
MUST_USE enum err sending_check_key(const struct request *req, const struct draft *d,
                                    struct response *res);

/* Appends what became of it. */
MUST_USE enum err sending_write(struct response *res, const struct sent *sent);

#endif
