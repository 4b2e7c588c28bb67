/* SPDX-License-Identifier: MIT */
#include "common/http/bearer.h"

bool bearer_read(struct span authorization, struct span *key)
{
    struct span rest = span_trim(authorization);

    /* RFC 7235 2.1: the scheme's name in any case. */
    if (!span_equal_nocase(span_cut(&rest, ' '), SPAN("Bearer")))
        return false;
    *key = span_trim(rest);
    return true;
}
