/* SPDX-License-Identifier: MIT */
#include "relay/engine/broadcaster.h"

#include <string.h>

#include "common/bytes/invariant.h"

void broadcaster_init(struct broadcaster *b)
{
    frames_init(&b->frames, BROADCASTER_FRAME_MAX);
}

void broadcaster_deinit(struct broadcaster *b)
{
    frames_deinit(&b->frames);
}

/* What was kept already may be moved onto itself. */
static void keep_text(char *kept, size_t max, struct span *text)
{
    if (!text->p)
        return;
    if (!INVARIANT(text->len <= max))
        text->len = 0;
    memmove(kept, text->p, text->len);
    text->p = kept;
}

static void keep_step(struct broadcaster *b, struct step *step)
{
    keep_text(b->category, sizeof(b->category), &step->category);
    keep_text(b->capability, sizeof(b->capability), &step->capability);
}

/* Clients that cannot compute from a step ask: as spread as if they had been rung at the pace. */
static uint32_t spread_ms(const struct ring *ring, const struct config_relay *relay, size_t count)
{
    if (ring->step.add > 0 || relay->pace == 0)
        return pace_spread_ms(count, relay->pace, relay->check_rate);
    return 0;
}

void broadcaster_start(struct broadcaster *b, const struct ring *ring, bool is_under_way,
                       const struct config_relay *relay, size_t count, const struct instant *now)
{
    struct event event = {.type = EVENT_BROADCAST};

    /* In the round of the rest, all sessions that take steps have been told already. */
    pace_start(&b->pace, ring, is_under_way && b->round != ROUND_OF_REST, now->ms);
    keep_step(b, &b->pace.ring.step);
    b->pace.ring.spread_ms = spread_ms(&b->pace.ring, relay, count);
    b->round = b->pace.ring.step.add > 0 ? ROUND_OF_STEP : ROUND_OF_ALL;
    b->has_rest = false;
    event.as.ring = b->pace.ring;
    event.as.ring.text = (struct span){NULL, 0}; /* it does not merge, and is not ours */
    frames_begin(&b->frames, &event, now->us);
}

bool broadcaster_is_for(struct broadcaster *b, const struct protocol *protocol)
{
    if (b->round == ROUND_OF_ALL)
        return true;
    if (!protocol->takes_steps)
        b->has_rest = true;
    return protocol->takes_steps == (b->round == ROUND_OF_STEP);
}

bool broadcaster_goes_on(struct broadcaster *b)
{
    if (b->round != ROUND_OF_STEP || !b->has_rest)
        return false;
    b->round = ROUND_OF_REST;
    return true;
}

int64_t broadcaster_rate(const struct broadcaster *b, const struct config_relay *relay)
{
    return b->round == ROUND_OF_STEP ? relay->notify_pace : relay->pace;
}
