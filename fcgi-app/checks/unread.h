/* SPDX-License-Identifier: MIT */
/* unread.h - the answer to a check, as doorbell.unread() gives it. */
#ifndef DOORBELL_FCGI_APP_CHECKS_UNREAD_H
#define DOORBELL_FCGI_APP_CHECKS_UNREAD_H

#include <stdint.h>

#include "common/bytes/span.h"

/* What a page has to know besides, to compute its number from the step of a ring. */
struct unread_terms {
    int64_t scope, groups;
    struct span muted;               /* names of categories, as a JSON list; borrowed */
    int64_t quiet_from, quiet_until; /* the present or the next quiet hours; 0: none */
};

struct unread {
    int64_t num, hit, latest, version, seq, epoch;
    struct unread_terms terms;
};

#endif
