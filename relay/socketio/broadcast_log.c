/* SPDX-License-Identifier: MIT */
#include "relay/socketio/broadcast_log.h"

#include "common/bytes/invariant.h"
#include "relay/socketio/engineio.h"

/* A ring, which has no text, is never refused because of the texts before it. */
enum { ITEMS_MAX = 2 * 1024 * 1024 };

void broadcast_log_init(struct broadcast_log *b)
{
    buf_init(&b->items, ITEMS_MAX);
}

void broadcast_log_deinit(struct broadcast_log *b)
{
    buf_deinit(&b->items);
}

enum err broadcast_log_add(struct broadcast_log *b, struct span packet, size_t texts_max)
{
    enum err e;

    if (packet.len > 0 && (b->items.len >= texts_max || packet.len >= texts_max - b->items.len))
        return ERR_TOO_BIG;
    if ((e = buf_reserve(&b->items, packet.len + 1)) || (e = buf_append(&b->items, packet)))
        return e;
    return buf_append_char(&b->items, EIO_SEPARATOR);
}

uint64_t broadcast_log_end(const struct broadcast_log *b)
{
    return b->start + b->items.len;
}

bool broadcast_log_next(const struct broadcast_log *b, uint64_t *place, struct span *out)
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

void broadcast_log_forget(struct broadcast_log *b, uint64_t place)
{
    size_t n = place > b->start ? (size_t)(place - b->start) : 0;

    if (!INVARIANT(n <= b->items.len))
        return;
    b->start += n;
    buf_consume(&b->items, n);
}

void broadcast_log_clear(struct broadcast_log *b)
{
    b->start += b->items.len;
    buf_deinit(&b->items);
}
