/* SPDX-License-Identifier: MIT */
#include "relay/session/slot.h"

#include "common/bytes/invariant.h"

enum {
    WAITING_WELCOME = 1,
    WAITING_PERSONAL = 2,
    WAITING_MANY = 4,
    WAITING_ASK = 8,
    WAITING_ONLINE = 16,
    WAITING_PING = 32,
    WAITING_ERROR = 64,
    WAITING_BYE = 128,
};

static void mark(struct slot *s, unsigned bit)
{
    s->waiting = (uint8_t)(s->waiting | bit);
}

/* Of all that wait, the longest spread. */
static void spread(struct slot *s, uint32_t spread_ms)
{
    if (!(s->waiting & (WAITING_MANY | WAITING_ASK)) || spread_ms > s->spread_ms)
        s->spread_ms = spread_ms;
}

static void put_many(struct slot *s, int64_t seq, uint32_t spread_ms)
{
    spread(s, spread_ms);
    /* A page that has to ask learns of this as well. */
    if (s->waiting & WAITING_ASK)
        return;
    if (!(s->waiting & WAITING_MANY) || seq > s->many_seq)
        s->many_seq = seq;
    mark(s, WAITING_MANY);
}

static void put_ask(struct slot *s, uint32_t spread_ms)
{
    spread(s, spread_ms);
    s->waiting = (uint8_t)(s->waiting & ~WAITING_MANY);
    mark(s, WAITING_ASK);
}

static void put_personal(struct slot *s, const struct ring *r)
{
    bool has_one = s->waiting & WAITING_PERSONAL;

    if (has_one && r->version < s->version) {
        /* Older in its version, yet it may be ahead in seq: then its reader must ask. */
        if (r->seq > s->seq)
            put_many(s, r->seq, 0);
        return;
    }
    if (has_one && r->seq < s->seq)
        put_many(s, s->seq, 0);
    s->version = r->version;
    s->seq = r->seq;
    s->num = r->num;
    s->id = r->id;
    s->hit = r->hit;
    s->scope = r->scope;
    s->has_scope = r->has_scope;
    mark(s, WAITING_PERSONAL);
}

static void put_ring(struct slot *s, const struct ring *r)
{
    switch (r->type) {
    case RING_PERSONAL:
        put_personal(s, r);
        break;
    case RING_MANY:
        put_many(s, r->seq, r->spread_ms);
        break;
    case RING_ASK:
        put_ask(s, r->spread_ms);
        break;
    }
}

void slot_enter(struct slot *s, uint32_t epoch)
{
    if (s->epoch != epoch)
        s->waiting = (uint8_t)(s->waiting & ~(WAITING_PERSONAL | WAITING_MANY));
    s->epoch = epoch;
}

void slot_put(struct slot *s, const struct event *m)
{
    switch (m->type) {
    case EVENT_WELCOME:
        mark(s, WAITING_WELCOME);
        break;
    case EVENT_RING:
    case EVENT_BROADCAST:
        put_ring(s, &m->as.ring);
        break;
    case EVENT_ONLINE:
        mark(s, WAITING_ONLINE);
        break;
    case EVENT_PING:
        mark(s, WAITING_PING);
        break;
    case EVENT_ERROR:
        s->fault = (uint8_t)m->as.fault;
        mark(s, WAITING_ERROR);
        break;
    case EVENT_CLOSE_NOTICE:
        s->after_ms = m->as.after_ms;
        mark(s, WAITING_BYE);
        break;
    }
}

static void fill(const struct slot *s, unsigned bit, struct event *out)
{
    switch (bit) {
    case WAITING_WELCOME:
        *out = (struct event){.type = EVENT_WELCOME};
        break;
    case WAITING_PERSONAL:
        *out = (struct event){.type = EVENT_RING,
                              .as.ring = {.type = RING_PERSONAL,
                                          .version = s->version,
                                          .seq = s->seq,
                                          .num = s->num,
                                          .hit = s->hit,
                                          .scope = s->scope,
                                          .has_scope = s->has_scope,
                                          .id = s->id}};
        break;
    case WAITING_MANY:
        *out = (struct event){
            .type = EVENT_RING,
            .as.ring = {.type = RING_MANY, .seq = s->many_seq, .spread_ms = s->spread_ms}};
        break;
    case WAITING_ASK:
        *out = (struct event){.type = EVENT_RING,
                              .as.ring = {.type = RING_ASK, .spread_ms = s->spread_ms}};
        break;
    case WAITING_ONLINE:
        *out = (struct event){.type = EVENT_ONLINE};
        break;
    case WAITING_PING:
        *out = (struct event){.type = EVENT_PING};
        break;
    case WAITING_ERROR:
        *out = (struct event){.type = EVENT_ERROR, .as.fault = (enum event_fault)s->fault};
        break;
    default:
        *out = (struct event){.type = EVENT_CLOSE_NOTICE, .as.after_ms = s->after_ms};
        break;
    }
}

bool slot_take(struct slot *s, struct event *out)
{
    unsigned bit;

    if (s->waiting == 0)
        return false;
    /* An ask says all that a ring for many says. */
    if (!INVARIANT(!(s->waiting & WAITING_ASK) || !(s->waiting & WAITING_MANY)))
        s->waiting = (uint8_t)(s->waiting & ~WAITING_MANY);
    bit = s->waiting & (unsigned)-s->waiting; /* the lowest: welcome first, bye last */
    fill(s, bit, out);
    s->waiting = (uint8_t)(s->waiting & ~bit);
    return true;
}

bool slot_is_empty(const struct slot *s)
{
    return s->waiting == 0;
}
