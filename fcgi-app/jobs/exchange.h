/* SPDX-License-Identifier: MIT */
/* exchange.h - one request between bytes in memory and libfcgi. libfcgi stays the FastCGI library,
 * but it touches no socket: it reads bytes that fcgi_parser has passed, and what it writes is
 * collected. So nothing here waits. One thread at a time may use an exchange. */
#ifndef DOORBELL_FCGI_APP_JOBS_EXCHANGE_H
#define DOORBELL_FCGI_APP_JOBS_EXCHANGE_H

#include <fcgiapp.h>
#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

struct exchange {
    FCGX_Request fcgi; /* begun, until the reply has ended */
    struct buf in;     /* passed, and not yet read by libfcgi */
    struct buf out;    /* the reply, as FastCGI */
    bool is_begun;     /* libfcgi has taken the request */
    bool is_broken;    /* a part of the reply did not fit into `out` */
};

/* Once in the process, after the signal handlers are set. ERR_UNSUPPORTED: this libfcgi does not
 * let us read and write for it, so it must not be used. */
MUST_USE enum err exchange_init_library(void);

void exchange_init(struct exchange *x);
void exchange_deinit(struct exchange *x);

/* Makes it ready for the next request. */
void exchange_reset(struct exchange *x);

/* Adds bytes of the request that have passed the parser. */
MUST_USE enum err exchange_add(struct exchange *x, struct span bytes);

/* Decodes the parameters, all of which have been added. */
MUST_USE enum err exchange_begin(struct exchange *x);

/* In place of that, for a request that libfcgi must not see: a reply to it can be written. */
MUST_USE enum err exchange_begin_unseen(struct exchange *x, unsigned request_id);

/* The parameters of the request, "NAME=value", ended by NULL. */
char **exchange_params(const struct exchange *x);

/* Reads the next `len` bytes of the body, which have been added. */
MUST_USE enum err exchange_read(struct exchange *x, char *bytes, size_t len);

/* Appends to the reply. */
void exchange_write(struct exchange *x, struct span bytes);

/* Ends the reply, which is then whole in `out`, and with it libfcgi's part. False: the web server
 * does not keep the connection, or the reply cannot be given. */
bool exchange_end(struct exchange *x);

/* After that: appends a record that belongs to no request. A web server that finds it after the
 * reply does not use the connection again, and so loses no request when it is closed. */
void exchange_dismiss(struct exchange *x);

#endif
