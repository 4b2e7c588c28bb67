/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/ring_capability.h"

#include "common/text/json.h"
#include "common/text/json_walk.h"
#include "fcgi-app/http/capability.h"

enum { STEP_MAX = 1024 /* what is longer is a ring for a list */ };

static enum err make(const struct service_keys *keys, struct span id, struct span epoch,
                     struct buf *out)
{
    char scratch[CAPABILITY_EPOCH_MAX];
    int64_t number;

    if (span_parse_int(id, &number) || json_walk_text(epoch, scratch, sizeof(scratch), &epoch))
        return ERR_INVALID;
    return capability_make(keys, number, epoch, out);
}

/* The ring without its last brace, the capability, and the brace. */
static enum err append_with(struct span ring, struct span capability, struct buf *out)
{
    enum err e;

    if ((e = buf_append(out, (struct span){ring.p, ring.len - 1})) ||
        (e = buf_append(out, SPAN(",\"c\":\""))) || (e = buf_append(out, capability)))
        return e;
    return buf_append(out, SPAN("\"}"));
}

enum err ring_add_capability(const struct service_keys *keys, struct span ring, struct buf *room,
                             struct span *out)
{
    static const char *const names[] = {"from", "id", "epoch"};
    struct span members[3];
    struct buf capability;
    enum err e;

    *out = ring;
    buf_init(room, STEP_MAX + 2 * CAPABILITY_MAX);
    if (ring.len > STEP_MAX)
        return ERR_NONE;
    if (json_check(ring) || json_walk_members(json_walk_root(ring), names, 3, members))
        return ERR_INVALID;
    /* Without an epoch, as right after a crash, there is nothing to bind it to. */
    if (!members[0].p || !json_walk_is_text(members[2]))
        return ERR_NONE;
    buf_init(&capability, CAPABILITY_MAX);
    e = make(keys, members[1], members[2], &capability);
    if (!e)
        e = append_with(ring, buf_span(&capability), room);
    if (!e)
        *out = buf_span(room);
    buf_deinit(&capability);
    return e == ERR_UNSUPPORTED ? ERR_NONE : e;
}
