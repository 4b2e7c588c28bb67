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

enum err frame_set(struct frame *f, struct span bytes)
{
    enum err e = make_room(f);

    return e ? e : buf_append(&f->bytes, bytes);
}

struct span frame_span(const struct frame *f)
{
    return (struct span){f->bytes.data + FRAME_ROOM, frame_len(f)};
}

size_t frame_len(const struct frame *f)
{
    return f->bytes.len - FRAME_ROOM;
}

void frames_init(struct frames *f, size_t max)
{
    *f = (struct frames){0};
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_init(&f->of[i], max);
}

void frames_deinit(struct frames *f)
{
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        frame_deinit(&f->of[i]);
}

void frames_begin(struct frames *f, const struct event *event, int64_t since_us)
{
    f->event = *event;
    f->since_us = since_us;
    f->encoded = 0;
}

enum err frames_get(struct frames *f, const struct engine *engine, const struct protocol *protocol,
                    const struct frame **out)
{
    struct frame *frame = &f->of[protocol->id];
    unsigned bit = 1u << protocol->id;
    enum err e;

    *out = frame;
    if (f->encoded & bit)
        return ERR_NONE;
    if ((e = make_room(frame)) || (e = protocol->encode(engine, &f->event, &frame->bytes)))
        return e;
    f->encoded |= bit;
    return ERR_NONE;
}
