/* SPDX-License-Identifier: MIT */
/* wire.h - libpq's answers, waited for up to a deadline. */
#ifndef DOORBELL_FCGI_APP_DATABASE_WIRE_H
#define DOORBELL_FCGI_APP_DATABASE_WIRE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes/err.h"

/* Until the socket is ready for `events` of poll(). False: it was not by then. */
bool wire_wait(const PGconn *pg, short events, int64_t deadline_ms);

/* Writes what is still to be written, then reads until the next result is there. After a failure
 * the connection is useless. */
MUST_USE enum err wire_wait_for_result(PGconn *pg, int64_t deadline_ms);

/* Reads to the end of one command; *out is its last result. After a failure the connection is
 * useless. Caller owns *out. */
MUST_USE enum err wire_fetch(PGconn *pg, int64_t deadline_ms, PGresult **out);

#endif
