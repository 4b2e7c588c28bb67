/* SPDX-License-Identifier: MIT */
#include "relay/session/epoch.h"

#include <string.h>

enum err epoch_name_set(struct epoch_name *name, struct span text)
{
    if (text.len == 0 || text.len > EPOCH_NAME_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return ERR_INVALID;
    name->len = (uint8_t)text.len;
    memcpy(name->text, text.p, text.len);
    return ERR_NONE;
}

struct span epoch_name_span(const struct epoch_name *name)
{
    return (struct span){name->text, name->len};
}

bool epoch_learn(struct epoch *e, const struct epoch_name *name, int64_t seq)
{
    struct span known = epoch_name_span(&e->name), told = epoch_name_span(name);
    bool is_another = told.len > 0 && known.len > 0 && !span_equal(told, known);

    if (is_another) {
        e->serial++;
        e->seq = e->ping_seq = 0;
        e->ping_name.len = 0;
    }
    if (told.len > 0)
        e->name = *name;
    if (seq > e->seq)
        e->seq = seq;
    return is_another;
}

void epoch_settle(struct epoch *e)
{
    e->ping_name = e->name;
    e->ping_seq = e->seq;
}
