/* SPDX-License-Identifier: MIT */
#include "common/http/cookie.h"

static void read_named(struct span header, struct span name, struct span *value)
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

void cookies_read(struct span header, struct cookies *c)
{
    read_named(header, SPAN("__Host-doorbell_token"), &c->host_token);
    read_named(header, SPAN("doorbell_token"), &c->token);
}

struct span cookies_token(const struct cookies *c)
{
    return c->host_token.p ? c->host_token : c->token;
}
