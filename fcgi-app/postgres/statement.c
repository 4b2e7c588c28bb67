/* SPDX-License-Identifier: MIT */
#include "fcgi-app/postgres/statement.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool statement_is_sound(const struct statement *s)
{
    uint64_t seen = 0;

    if (s->params < 0 || s->params > 63)
        return false;
    for (const char *p = strchr(s->sql, '$'); p; p = strchr(p + 1, '$')) {
        long n = strtol(p + 1, NULL, 10);

        if (n < 1 || n > s->params)
            return false;
        seen |= UINT64_C(1) << n;
    }
    return seen == (UINT64_C(1) << (s->params + 1)) - 2;
}
