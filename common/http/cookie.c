/* SPDX-License-Identifier: MIT */
#include "common/http/cookie.h"

void cookie_read(struct span header, struct span name, struct span *value)
{
    while (header.p) {
        struct span rest = span_cut(&header, ';');
        struct span key = span_trim(span_cut(&rest, '='));

        if (!rest.p || !span_equal(key, name))
            continue;
        rest = span_trim(rest);
        *value = !value->p || span_equal(*value, rest) ? rest : SPAN("");
    }
}
