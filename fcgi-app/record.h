/* SPDX-License-Identifier: MIT */
/* record.h - how much of a FastCGI request has arrived. Only the records' headers are looked at:
 * libfcgi reads the request itself, once it is known that reading will not wait. Pure. */
#ifndef DOORBELL_FCGI_APP_RECORD_H
#define DOORBELL_FCGI_APP_RECORD_H

#include "common/bytes/span.h"

enum record_state {
    RECORD_PARTIAL, /* more must come */
    RECORD_WHOLE,   /* up to the end of the request's body */
    RECORD_BAD,     /* not FastCGI, or records that have no business in a request */
};

/* Looks at the bytes that wait on a connection between two requests. */
enum record_state record_scan(struct span bytes);

#endif
