/* SPDX-License-Identifier: MIT */
/* languages.h - the languages that a browser accepts (RFC 9110 12.5.4). Pure. */
#ifndef DOORBELL_FCGI_APP_HTTP_LANGUAGES_H
#define DOORBELL_FCGI_APP_HTTP_LANGUAGES_H

#include <stddef.h>

#include "common/bytes/span.h"

enum { LANGUAGES_MAX = 16 };

struct languages {
    struct span tags[LANGUAGES_MAX];
    size_t count;
};

/* Those of a value of Accept-Language, the best first, equals in the order given. Passed by: "*",
 * what is refused by q=0, what is no language tag or no weight, and what comes after LANGUAGES_MAX.
 * Borrows. */
void languages_read(struct span accept, struct languages *out);

#endif
