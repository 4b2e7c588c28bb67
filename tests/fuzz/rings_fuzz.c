/* SPDX-License-Identifier: MIT */
/* A call that is accepted has an address of valid users in each ring, and personal fields only
 * where there is one user. */
#include "relay/publish/rings.h"

#include <stdlib.h>

#include <json-c/json_object.h>

#include "common/security/user.h"
#include "relay/publish/online.h"
#include "relay/publish/revoked.h"

static void check_name(const struct epoch_name *name)
{
    struct epoch_name again;

    if (name->len > 0 && epoch_name_set(&again, epoch_name_span(name)))
        abort();
}

static void check_ring(const struct published_ring *r)
{
    struct rings_users users;
    struct span user;
    size_t count = 0;

    if ((r->to.p == NULL) != (r->user_count == 0))
        abort();
    if (r->ring.type == RING_PERSONAL && r->user_count != 1)
        abort();
    if (r->ring.version < 0 || r->ring.seq < 0 || r->ring.num < 0 || r->ring.id < 0 ||
        r->ring.hit > 1)
        abort();
    check_name(&r->epoch);
    for (users = rings_users(r); rings_next_user(&users, &user); count++)
        if (!user_is_valid(user))
            abort();
    if (count != r->user_count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    struct json_object *root;
    struct rings_users users;
    struct revoked revoked;
    struct rings p;
    struct told told;
    struct span user;
    const char *why;
    int64_t at_us;

    if (!rings_decode(body, &p, &why)) {
        for (size_t i = 0; i < p.ring_count; i++)
            check_ring(&p.rings[i]);
        check_name(&p.told.epoch);
        if (p.told.seq < 0)
            abort();
        rings_deinit(&p);
    }
    if (!rings_decode_user(body, &root, &user, &why)) {
        if (!user_is_valid(user))
            abort();
        json_object_put(root);
    }
    if (!online_decode(body, &users, &told, &why)) {
        check_name(&told.epoch);
        while (rings_next_user(&users, &user))
            if (!user_is_valid(user))
                abort();
    }
    if (!revoked_decode(body, &revoked, &why))
        while (revoked_next(&revoked, &user, &at_us))
            if (!user_is_valid(user) || at_us < 0)
                abort();
    return 0;
}
