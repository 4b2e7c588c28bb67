/* SPDX-License-Identifier: MIT */
/* answer.h - the relay's answers to POST /online and /revocations. Pure. */
#ifndef DOORBELL_FCGI_APP_PUBLISH_ANSWER_H
#define DOORBELL_FCGI_APP_PUBLISH_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* Appends the users of {"users":["42"]} to an open array in PostgreSQL's form, and adds their
 * number to *count. ERR_INVALID: this is no such answer, or one that other relays have not
 * completed (partial); the array is of no use then. */
MUST_USE enum err answer_read_users(struct span json, struct buf *array, size_t *count);

/* The number of {"instance":1700000000123456}, another one for each start of the relay. */
MUST_USE enum err answer_read_instance(struct span json, int64_t *instance);

#endif
