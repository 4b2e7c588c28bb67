/* SPDX-License-Identifier: MIT */
#include "relay/cluster/peers.h"

size_t peers_place(const struct peers *p, int64_t id)
{
    size_t i = 0;

    while (i < PEERS_MAX && p->at[i].id != id)
        i++;
    return i;
}

bool peers_hear(struct peers *p, int64_t id, const struct hello *hello, int64_t now_ms)
{
    size_t place = peers_place(p, id);
    bool is_new = place == PEERS_MAX;

    if (id == 0)
        return false;
    if (is_new)
        place = peers_place(p, 0);
    if (place == PEERS_MAX)
        return false;
    p->count += is_new;
    is_new |= p->at[place].hello.life != hello->life;
    p->at[place] = (struct peer){id, now_ms, *hello};
    return is_new;
}

void peers_leave(struct peers *p, int64_t id)
{
    size_t place = peers_place(p, id);

    if (id == 0 || place == PEERS_MAX)
        return;
    p->at[place] = (struct peer){.id = 0};
    p->count--;
}

bool peers_expire(struct peers *p, int64_t now_ms)
{
    size_t before = p->count;

    for (size_t i = 0; i < PEERS_MAX; i++)
        if (p->at[i].id && now_ms - p->at[i].heard_ms >= PEERS_SILENT_MS)
            peers_leave(p, p->at[i].id);
    return p->count != before;
}

uint64_t peers_mask(const struct peers *p)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < PEERS_MAX; i++)
        if (p->at[i].id)
            mask |= UINT64_C(1) << i;
    return mask;
}

struct hello peers_totals(const struct peers *p)
{
    struct hello sum = {0};

    for (size_t i = 0; i < PEERS_MAX; i++) {
        sum.users += p->at[i].hello.users;
        sum.pages += p->at[i].hello.pages;
        sum.sessions += p->at[i].hello.sessions;
    }
    return sum;
}

/* Spreads what differs in a few bits over all of them (the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t n)
{
    n = (n ^ (n >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    n = (n ^ (n >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return n ^ (n >> 33);
}

static uint64_t mix_relay(int64_t id, int64_t life)
{
    return mix((uint64_t)id ^ mix((uint64_t)life));
}

int64_t peers_instance(const struct peers *p, int64_t own_id, int64_t own_life)
{
    uint64_t sum = mix_relay(own_id, own_life);

    for (size_t i = 0; i < PEERS_MAX; i++)
        if (p->at[i].id)
            sum += mix_relay(p->at[i].id, p->at[i].hello.life);
    sum >>= 1; /* positive */
    return sum ? (int64_t)sum : 1;
}
