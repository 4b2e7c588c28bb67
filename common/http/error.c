/* SPDX-License-Identifier: MIT */
#include "common/http/error.h"

#include "common/text/json.h"

static enum err append(struct buf *out, const char *code, const char *message)
{
    enum err e = buf_printf(out, "{\"error\":{\"code\":\"%s\",\"message\":", code);

    return e ? e : json_append_text(out, span_of(message));
}

void error_encode(struct buf *out, const char *code, const char *message)
{
    enum err e = append(out, code, message);

    if (!e)
        e = buf_append(out, SPAN("}}"));
    if (e)
        buf_reset(out);
}

void error_encode_at(struct buf *out, const char *code, const char *message, size_t index)
{
    enum err e = append(out, code, message);

    if (!e)
        e = buf_printf(out, ",\"index\":%zu}}", index);
    if (e)
        buf_reset(out);
}
