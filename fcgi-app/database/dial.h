/* SPDX-License-Identifier: MIT */
/* dial.h - opens a session of the database, at the first of its hosts where it can write, or of a
 * standby. */
#ifndef DOORBELL_FCGI_APP_DATABASE_DIAL_H
#define DOORBELL_FCGI_APP_DATABASE_DIAL_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "common/bytes/err.h"

enum { DIAL_FAULTS_SIZE = 512 };

struct dialed {
    PGconn *pg;        /* does not block */
    bool is_read_only; /* none of the hosts can be written: this one can be read */
    bool is_pooled;    /* a pooler is in between: the next transaction may be in another session */
};

/* Of `url`, but no standby. On failure *out is untouched, and `faults` says what each host did.
 * Caller finishes out->pg. */
MUST_USE enum err dial(const char *url, struct dialed *out, char faults[DIAL_FAULTS_SIZE]);

/* Of the standbys of `url`, tried in turn from number `first` on, none for longer than a second. */
MUST_USE enum err dial_standby(const char *url, size_t first, struct dialed *out,
                               char faults[DIAL_FAULTS_SIZE]);

#endif
