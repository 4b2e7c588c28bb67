/* SPDX-License-Identifier: MIT */
#include "common/http/error.h"

#include "common/text/json.h"

void error_encode(struct buf *out, const char *code, const char *message)
{
    enum err e = buf_printf(out, "{\"error\":{\"code\":\"%s\",\"message\":", code);

    if (!e)
        e = json_append_text(out, span_of(message));
    if (!e)
        e = buf_append(out, SPAN("}}"));
    if (e)
        buf_reset(out);
}
