/* SPDX-License-Identifier: MIT */
#include "relay/frame.h"

void frame_init(struct frame *f)
{
    buf_init(&f->bytes, FRAME_ROOM + FRAME_MAX);
}

void frame_deinit(struct frame *f)
{
    buf_deinit(&f->bytes);
}

enum err frame_encode(struct frame *f, const struct protocol *protocol, const struct message *m)
{
    static const char room[FRAME_ROOM];
    enum err e;

    buf_reset(&f->bytes);
    if ((e = buf_append(&f->bytes, (struct span){room, sizeof(room)})))
        return e;
    return protocol->encode(m, &f->bytes);
}

size_t frame_len(const struct frame *f)
{
    return f->bytes.len - FRAME_ROOM;
}
