/* SPDX-License-Identifier: MIT */
#include "relay/session/conn.h"

#include <stdlib.h>

enum err conn_collect(struct conn *c, const struct piece *piece, size_t max, struct span *whole)
{
    enum err e;

    if (piece->bytes.len > max)
        return ERR_TOO_BIG;
    if (piece->is_last && !c->partial) {
        *whole = piece->bytes;
        return ERR_NONE;
    }
    if (!c->partial) {
        c->partial = malloc(sizeof(*c->partial));
        if (!c->partial)
            return ERR_NO_MEMORY;
        buf_init(c->partial, max);
    }
    if ((e = buf_append(c->partial, piece->bytes)))
        return e;
    *whole = buf_span(c->partial);
    return piece->is_last ? ERR_NONE : ERR_INCOMPLETE;
}

void conn_drop_partial(struct conn *c)
{
    if (!c->partial)
        return;
    buf_deinit(c->partial);
    free(c->partial);
    c->partial = NULL;
}

void conn_cut(struct conn *c)
{
    c->session = NULL;
    c->transport->kill(c);
}
