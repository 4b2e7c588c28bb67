/* SPDX-License-Identifier: MIT */
#include "relay/socketio/text.h"

#include "relay/socketio/packet.h"

static struct span escape_of(char c)
{
    switch (c) {
    case '&':
        return SPAN("&amp;");
    case '<':
        return SPAN("&lt;");
    case '>':
        return SPAN("&gt;");
    case '"':
        return SPAN("&quot;");
    case '\'':
        return SPAN("&#039;");
    default:
        return (struct span){NULL, 0};
    }
}

enum err text_escape(struct span content, struct buf *out)
{
    enum err e = ERR_NONE;

    while (content.len > 0 && !e) {
        size_t n = span_utf8_len(content);
        struct span piece = {content.p, n};
        struct span escape = escape_of(content.p[0]);

        if (n == 0)
            piece = SPAN("\xef\xbf\xbd");
        else if (escape.p)
            piece = escape;
        e = buf_append(out, piece);
        n = n ? n : 1;
        content.p += n;
        content.len -= n;
    }
    return e;
}

enum err text_encode(struct span content, size_t max, struct buf *out)
{
    size_t before = out->len;
    struct buf text;
    enum err e;

    buf_init(&text, max);
    e = text_escape(content, &text);
    if (!e)
        e = sio_encode_event(SPAN("new_msg"), buf_span(&text), out);
    buf_deinit(&text);
    return !e && out->len - before > max ? ERR_TOO_BIG : e;
}

size_t texts_max(const struct config_relay *relay)
{
    return (size_t)relay->socketio_max_pending / CONFIG_TEXTS_SHARE;
}
