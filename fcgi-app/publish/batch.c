/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/batch.h"

#include "common/bytes/invariant.h"

const struct batch_form batch_rings = {{"{\"rings\":[", 10}, {"],\"report\":false}", 17}};
const struct batch_form batch_users = {{"{\"users\":[", 10}, {"]}", 2}};
const struct batch_form batch_revocations = {{"{\"revocations\":[", 16}, {"]}", 2}};

/* Far above one ring of the largest group. */
enum { BODY_MAX = 64 * 1024 * 1024 };

void batch_init(struct batch *b, const struct batch_form *form)
{
    *b = (struct batch){.form = form, .max = BODY_MAX};
    buf_init(&b->body, BODY_MAX);
}

void batch_deinit(struct batch *b)
{
    buf_deinit(&b->body);
}

bool batch_can_hold(const struct batch *b, struct span item)
{
    return b->form->head.len + item.len + b->form->tail.len <= b->max;
}

bool batch_has_room(const struct batch *b, struct span item)
{
    if (b->count == 0)
        return batch_can_hold(b, item);
    return b->body.len + 1 + item.len + b->form->tail.len <= b->max;
}

enum err batch_add(struct batch *b, struct span item)
{
    enum err e;

    if (!INVARIANT(batch_has_room(b, item)))
        return ERR_TOO_BIG;
    e = buf_append(&b->body, b->count == 0 ? b->form->head : SPAN(","));

    if (!e)
        e = buf_append(&b->body, item);
    if (!e)
        b->count++;
    return e;
}

enum err batch_finish(struct batch *b, struct span *body)
{
    enum err e = buf_append(&b->body, b->form->tail);

    if (!e)
        *body = buf_span(&b->body);
    return e;
}

void batch_reset(struct batch *b)
{
    buf_reset(&b->body);
    b->count = 0;
}
