/* SPDX-License-Identifier: MIT */
/* exchange.h - one request between a web server's connection and libfcgi. libfcgi stays the
 * FastCGI library, but it never reads the connection: all its bytes come out of an exchange, which
 * has checked them first. Nor does it close one. Each thread that serves has one. */
#ifndef DOORBELL_FCGI_APP_SERVER_EXCHANGE_H
#define DOORBELL_FCGI_APP_SERVER_EXCHANGE_H

#include <fcgiapp.h>
#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "fcgi-app/http/fcgi_parser.h"

struct exchange {
    FCGX_Request fcgi; /* begun, while the exchange is open */
    int fd;
    struct buf head; /* checked, and not yet given to libfcgi */
    struct fcgi_parser parser;
    bool has_excess;  /* more came than the request */
    bool is_begun;    /* libfcgi has taken the request */
    bool is_given_up; /* libfcgi wants the connection closed */
};

/* What is to become of the connection. */
enum exchange_fate {
    EXCHANGE_KEEP,
    EXCHANGE_CLOSE,
    EXCHANGE_LINGER, /* close it, but unread bytes may wait or still come */
};

/* Once in the process, after the signal handlers are set. ERR_UNSUPPORTED: this libfcgi does not
 * let us read for it, so it must not be used. */
MUST_USE enum err exchange_init_library(void);

void exchange_init(struct exchange *x);
void exchange_deinit(struct exchange *x);

/* Reads the parameters of the request that waits on `fd`, and hands it to libfcgi. Its body is read
 * when libfcgi asks for it. ERR_TOO_BIG: the parameters are over a limit, and are not there; as
 * after ERR_NONE, a reply can be written. After any other failure it cannot. exchange_close() is
 * due in any case. */
MUST_USE enum err exchange_open(struct exchange *x, int fd);

/* The parameters of the request, "NAME=value", ended by NULL. */
char **exchange_params(const struct exchange *x);

/* Reads its body, which may come in pieces, up to `max` bytes or to its end. ERR_MALFORMED if that
 * is never reached: the peer has gone, or sends what is no body. */
MUST_USE enum err exchange_read(struct exchange *x, char *bytes, size_t max, size_t *len);

/* Writes a part of the reply. If that fails, the connection is closed when the exchange is. */
void exchange_write(struct exchange *x, struct span bytes);

/* Ends the reply, and logs what was wrong with the request if anything was. */
enum exchange_fate exchange_close(struct exchange *x);

#endif
