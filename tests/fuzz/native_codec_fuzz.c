/* SPDX-License-Identifier: MIT */
/* What decodes, written anew, decodes to the same. */
#include "relay/native/codec.h"

#include <stdlib.h>
#include <string.h>

#include "common/text/json.h"

static void append(struct buf *out, struct span s)
{
    if (buf_append(out, s))
        abort();
}

static void write_login(const struct native_frame *f, struct buf *out)
{
    append(out, SPAN("{\"type\":\"login\""));
    if (f->has_token) {
        append(out, SPAN(",\"token\":"));
        if (json_append_text(out, (struct span){f->token, f->token_len}))
            abort();
    }
    if (f->has_online)
        append(out, f->online ? SPAN(",\"online\":true") : SPAN(",\"online\":false"));
    append(out, SPAN("}"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct native_frame f, again;
    struct buf out;

    if (native_decode((struct span){(const char *)data, size}, &f) || f.type != NATIVE_LOGIN)
        return 0;
    buf_init(&out, 6 * TOKEN_MAX + 100);
    write_login(&f, &out);
    if (native_decode(buf_span(&out), &again) || again.has_token != f.has_token ||
        again.has_online != f.has_online || again.online != f.online ||
        again.token_len != f.token_len || memcmp(again.token, f.token, f.token_len) != 0)
        abort();
    buf_deinit(&out);
    return 0;
}
