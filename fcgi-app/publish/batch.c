/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/batch.h"

static const struct span head = {"{\"rings\":[", 10};
static const struct span tail = {"],\"report\":false}", 17};

/* Far above one ring of the largest group. */
enum { BODY_MAX = 64 * 1024 * 1024 };

void batch_init(struct batch *b)
{
    *b = (struct batch){.max = BODY_MAX};
    buf_init(&b->body, BODY_MAX);
}

void batch_deinit(struct batch *b)
{
    buf_deinit(&b->body);
}

bool batch_can_hold(const struct batch *b, struct span ring)
{
    return head.len + ring.len + tail.len <= b->max;
}

bool batch_has_room(const struct batch *b, struct span ring)
{
    if (b->count == 0)
        return batch_can_hold(b, ring);
    return b->body.len + 1 + ring.len + tail.len <= b->max;
}

enum err batch_add(struct batch *b, struct span ring)
{
    enum err e = buf_append(&b->body, b->count == 0 ? head : SPAN(","));

    if (!e)
        e = buf_append(&b->body, ring);
    if (!e)
        b->count++;
    return e;
}

enum err batch_finish(struct batch *b, struct span *body)
{
    enum err e = buf_append(&b->body, tail);

    if (!e)
        *body = buf_span(&b->body);
    return e;
}

void batch_reset(struct batch *b)
{
    buf_reset(&b->body);
    b->count = 0;
}
