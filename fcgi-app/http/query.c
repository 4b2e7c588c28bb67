/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/query.h"

#include <stdbool.h>

#include "common/text/form.h"

static bool is_clean(struct span s)
{
    return span_is_utf8(s) && !span_has_control(s);
}

enum err query_decode(char *bytes, size_t len, struct query *out)
{
    struct form form;
    struct form_field field;
    enum err e = form_init(&form, SPAN(""), bytes, len, QUERY_PARAMS_MAX);

    out->count = 0;
    if (e)
        return e;
    while (!(e = form_next(&form, &field))) {
        if (!is_clean(field.name) || !is_clean(field.value))
            return ERR_MALFORMED;
        out->params[out->count].name = field.name;
        out->params[out->count].value = field.value;
        out->count++;
    }
    return e == ERR_END ? ERR_NONE : ERR_MALFORMED;
}

enum err query_get(const struct query *q, const char *name, struct span *out)
{
    struct span value = {NULL, 0};
    bool is_found = false;

    for (size_t i = 0; i < q->count; i++) {
        if (!span_equal(q->params[i].name, span_of(name)))
            continue;
        if (is_found)
            return ERR_INVALID;
        value = q->params[i].value;
        is_found = true;
    }
    *out = value;
    return ERR_NONE;
}
