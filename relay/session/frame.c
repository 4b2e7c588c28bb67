/* SPDX-License-Identifier: MIT */
#include "relay/session/frame.h"

void frame_init(struct frame *f, size_t max)
{
    buf_init(&f->bytes, FRAME_ROOM + max);
}

void frame_deinit(struct frame *f)
{
    buf_deinit(&f->bytes);
}

static enum err make_room(struct frame *f)
{
    static const char room[FRAME_ROOM];

    buf_reset(&f->bytes);
    return buf_append(&f->bytes, (struct span){room, sizeof(room)});
}

enum err frame_encode(struct frame *f, const struct protocol *protocol, const struct event *m)
{
    enum err e = make_room(f);

    return e ? e : protocol->encode(m, &f->bytes);
}

enum err frame_set(struct frame *f, struct span bytes)
{
    enum err e = make_room(f);

    return e ? e : buf_append(&f->bytes, bytes);
}

size_t frame_len(const struct frame *f)
{
    return f->bytes.len - FRAME_ROOM;
}
