/* SPDX-License-Identifier: MIT */
#include "relay/bulletin.h"

#include "relay/protocol/engineio.h"

/* A ring, which has no text, is never refused because of the texts before it. */
enum { ITEMS_MAX = 2 * 1024 * 1024 };

void bulletin_init(struct bulletin *b)
{
    buf_init(&b->items, ITEMS_MAX);
}

void bulletin_deinit(struct bulletin *b)
{
    buf_deinit(&b->items);
}

enum err bulletin_add(struct bulletin *b, struct span packet, size_t texts_max)
{
    enum err e;

    if (packet.len > 0 && (b->items.len >= texts_max || packet.len >= texts_max - b->items.len))
        return ERR_TOO_BIG;
    if ((e = buf_reserve(&b->items, packet.len + 1)) || (e = buf_append(&b->items, packet)))
        return e;
    return buf_append_char(&b->items, EIO_SEPARATOR);
}

uint64_t bulletin_end(const struct bulletin *b)
{
    return b->start + b->items.len;
}

bool bulletin_next(const struct bulletin *b, uint64_t *place, struct span *out)
{
    /* What was there before the start was told to all who were here then. */
    size_t at = *place > b->start ? (size_t)(*place - b->start) : 0;
    struct span rest;

    if (at >= b->items.len)
        return false;
    rest = (struct span){b->items.data + at, b->items.len - at};
    *out = span_cut(&rest, EIO_SEPARATOR);
    *place = b->start + at + out->len + 1;
    return true;
}

void bulletin_clear(struct bulletin *b)
{
    b->start += b->items.len;
    buf_deinit(&b->items);
}
