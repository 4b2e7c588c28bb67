/* SPDX-License-Identifier: MIT */
#include "fcgi-app/workers/teller.h"

#include "common/os/clock.h"
#include "common/os/log.h"
#include "fcgi-app/publish/answer.h"
#include "fcgi-app/store/tokens.h"

enum {
    ROWS_MAX = 1000, /* that the relay takes in one call */
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 5000,
};

void teller_init(struct teller *t)
{
    *t = (struct teller){.backoff = {.first_ms = RETRY_FIRST_MS, .max_ms = RETRY_MAX_MS}};
    batch_init(&t->batch, &batch_revocations);
}

void teller_deinit(struct teller *t)
{
    batch_deinit(&t->batch);
}

/* ERR_END: the rest goes with the next call. */
static enum err take_revocation(void *context, int64_t seq, struct span revocation)
{
    struct teller *t = context;

    if (!batch_has_room(&t->batch, revocation))
        return ERR_END;
    t->upto = seq;
    return batch_add(&t->batch, revocation);
}

static enum err gather(struct teller *t, struct store *s, int64_t age_max_s)
{
    enum err e;

    batch_reset(&t->batch);
    t->upto = t->told;
    e = tokens_revoked(s, t->told, age_max_s, ROWS_MAX,
                       (struct revocation_taker){take_revocation, t});
    return e == ERR_END ? ERR_NONE : e;
}

/* ERR_END also once the relay turns out to be another one: the next look begins anew, and not this
 * one, so that it has an end whatever answers there. */
static enum err call(struct teller *t, struct relay_client *relay)
{
    bool is_same = t->told == 0; /* no other one was told anything */
    struct span body = SPAN("{\"revocations\":[]}"), reply;
    int64_t instance;
    enum err e = t->batch.count > 0 ? batch_finish(&t->batch, &body) : ERR_NONE;

    if (!e)
        e = relay_client_revoke(relay, body, &reply);
    if (!e)
        e = answer_read_instance(reply, &instance);
    if (e)
        return e;
    /* Restarted since the last call, it knows only what this one said. */
    is_same |= instance == t->instance;
    t->instance = instance;
    t->told = is_same ? t->upto : 0;
    return is_same ? ERR_NONE : ERR_END;
}

/* ERR_END once there is nothing to tell. */
static enum err tell_portion(struct teller *t, struct store *s, struct relay_client *relay,
                             int64_t age_max_s, bool asks)
{
    enum err e = gather(t, s, age_max_s);

    if (e)
        return e;
    if (store_connects(s) != t->connects) {
        t->connects = store_connects(s);
        t->told = 0;
        return ERR_NONE;
    }
    if (t->batch.count == 0 && !(asks && t->told > 0))
        return ERR_END;
    return call(t, relay);
}

/* A database that fails has been logged by its connection. */
static void note_failure(struct teller *t, const struct store *s, struct relay_client *relay,
                         enum err e)
{
    if (t->backoff.delay_ms == 0 && store_is_connected(s))
        log_warn("revocations wait, and old pages stay connected: %s",
                 e == ERR_INVALID
                     ? "the relay does not take them; are both programs of one version?"
                     : relay_client_fault(relay));
    backoff_failed(&t->backoff, clock_ms(), clock_chance());
}

void teller_tell(struct teller *t, struct store *s, struct relay_client *relay,
                 const struct config *config, bool asks)
{
    enum err e = ERR_NONE;

    if (!backoff_is_due(&t->backoff, clock_ms()))
        return;
    t->batch.max = (size_t)config->relay.max_publish_body;
    for (; !e; asks = false)
        e = tell_portion(t, s, relay, config->auth.token_ttl_max_s, asks);
    if (e != ERR_END)
        note_failure(t, s, relay, e);
    else
        backoff_succeeded(&t->backoff);
}
