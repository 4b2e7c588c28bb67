/* SPDX-License-Identifier: MIT */
#include "fcgi-app/postgres/array.h"

#include <stdbool.h>

enum err array_open(struct buf *out)
{
    return buf_append_char(out, '{');
}

static enum err append_comma(struct buf *out)
{
    if (out->len > 0 && out->data[out->len - 1] == '{')
        return ERR_NONE;
    return buf_append_char(out, ',');
}

enum err array_append_int(struct buf *out, int64_t n)
{
    enum err e = append_comma(out);

    return e ? e : buf_append_int(out, n);
}

enum err array_append_text(struct buf *out, struct span text)
{
    enum err e = append_comma(out);

    if (e || (e = buf_append_char(out, '"')))
        return e;
    for (size_t i = 0; i < text.len; i++) {
        bool is_special = text.p[i] == '"' || text.p[i] == '\\';

        if (is_special && (e = buf_append_char(out, '\\')))
            return e;
        if ((e = buf_append_char(out, text.p[i])))
            return e;
    }
    return buf_append_char(out, '"');
}

enum err array_close(struct buf *out)
{
    return buf_append(out, (struct span){"}", 2});
}
