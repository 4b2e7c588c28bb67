/* SPDX-License-Identifier: MIT */
/* cluster.c - decides what follows from what: a link, a message, an answer, the passing of time.
 * Pub/Sub keeps nothing, so what is said while a link is cut is missed, and nobody repeats it: the
 * relay that comes back tells its own sessions to ask, and those of others if they have missed
 * something of it. One that never comes back has told nobody: those that miss it ask. */
#include "relay/cluster/cluster.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ENVELOPE_HEAD_MAX = 128 };

struct span cluster_name(int64_t id, char out[CLUSTER_NAME_SIZE])
{
    (void)snprintf(out, CLUSTER_NAME_SIZE, "%" PRId64, id);
    return span_of(out);
}

void cluster_init(struct cluster *c, const struct cluster_ops *ops, int64_t id, size_t body_max)
{
    c->ops = ops;
    c->id = id;
    c->relays = 1;
    buf_init(&c->out, body_max + ENVELOPE_HEAD_MAX);
}

void cluster_deinit(struct cluster *c)
{
    questions_deinit(&c->questions);
    buf_deinit(&c->out);
}

/* --- what is to be told --- */

static bool publish(struct cluster *c, enum cluster_to to, struct span name,
                    const struct envelope *e, uint32_t question)
{
    bool is_told;

    buf_reset(&c->out);
    is_told = c->is_linked && !envelope_encode(e, &c->out) &&
              c->ops->publish(c->link, to, name, buf_span(&c->out), question);
    c->counts[is_told ? CLUSTER_SENT : CLUSTER_LOST]++;
    return is_told;
}

bool cluster_tell(struct cluster *c, enum cluster_to to, struct span name, enum envelope_kind kind,
                  struct span body)
{
    struct envelope e = {.kind = kind, .from = c->id, .body = body};
    bool is_told = publish(c, to, name, &e, CLUSTER_TOLD);

    c->on_the_way += is_told;
    c->owes_question |= !is_told;
    return is_told;
}

static void say_hello(struct cluster *c, const struct hello *own, int64_t now_ms)
{
    struct hello hello = *own;
    struct buf body;

    hello.life = c->life;
    c->hello_ms = now_ms;
    buf_init(&body, ENVELOPE_HEAD_MAX);
    if (!hello_encode(&hello, &body))
        (void)publish(
            c, CLUSTER_ALL, SPAN(""),
            &(struct envelope){.kind = ENVELOPE_HELLO, .from = c->id, .body = buf_span(&body)}, 0);
    buf_deinit(&body);
}

/* Asks those who hear the channel. */
static enum err ask(struct cluster *c, enum cluster_to to, struct span name, struct envelope *e,
                    struct question *one)
{
    e->question = one->id;
    if (publish(c, to, name, e, one->id))
        return ERR_NONE;
    question_end(one);
    return ERR_UNAVAILABLE;
}

static enum err begin_question(struct cluster *c, enum question_kind kind, struct span users,
                               size_t count, int64_t now_ms, struct question **out)
{
    return c->is_linked ? questions_begin(&c->questions, kind, users, count, now_ms, out)
                        : ERR_UNAVAILABLE;
}

enum err cluster_ask(struct cluster *c, enum question_kind kind, enum envelope_kind envelope,
                     struct span users, size_t count, struct span body, int64_t now_ms,
                     struct question **out)
{
    struct envelope e = {.kind = envelope, .from = c->id, .body = body};
    enum err error = begin_question(c, kind, users, count, now_ms, out);

    return error ? error : ask(c, CLUSTER_ALL, SPAN(""), &e, *out);
}

enum err cluster_ask_holders(struct cluster *c, struct span user, int64_t now_ms,
                             struct question **out)
{
    struct envelope e = {.kind = ENVELOPE_LOGIN, .from = c->id, .body = SPAN("{}")};
    enum err error = begin_question(c, QUESTION_LIMIT, user, 0, now_ms, out);

    return error ? error : ask(c, CLUSTER_USER, user, &e, *out);
}

enum err cluster_ask_online(struct cluster *c, enum question_kind kind, struct span users,
                            size_t count, int64_t now_ms, struct question **out)
{
    enum err error = begin_question(c, kind, users, count, now_ms, out);

    if (error || c->ops->count_subscribers(c->link, *out))
        return error;
    question_end(*out);
    return ERR_UNAVAILABLE;
}

void cluster_answer(struct cluster *c, const struct envelope *asked, struct span body)
{
    struct envelope e = {
        .kind = ENVELOPE_ANSWER, .from = c->id, .question = asked->question, .body = body};
    char name[CLUSTER_NAME_SIZE];

    (void)publish(c, CLUSTER_RELAY, cluster_name(asked->from, name), &e, 0);
}

void cluster_leave(struct cluster *c)
{
    if (c->is_linked && !c->owes_question)
        (void)publish(c, CLUSTER_ALL, SPAN(""),
                      &(struct envelope){.kind = ENVELOPE_BYE, .from = c->id, .body = SPAN("{}")},
                      0);
}

/* --- what happens --- */

static void finish(struct cluster *c, struct question *one, bool is_partial)
{
    c->ops->finish(c->here, one, is_partial);
    question_end(one);
}

static void finish_if_answered(struct cluster *c, struct question *one)
{
    if (question_is_answered(one))
        finish(c, one, question_is_partial(one, &c->peers));
}

static void finish_over(struct cluster *c, int64_t now_ms)
{
    struct question *one;

    while ((one = questions_next_over(&c->questions, now_ms)))
        finish(c, one, true);
}

bool cluster_on_redis(struct cluster *c, const struct address *redis)
{
    char before[ADDRESS_TEXT_MAX];
    bool has_moved;

    memcpy(before, c->redis, sizeof(before));
    address_format(redis, c->redis);
    has_moved = before[0] && strcmp(before, c->redis) != 0;
    c->counts[CLUSTER_MOVES] += has_moved;
    return has_moved;
}

bool cluster_on_linked(struct cluster *c, int64_t life, const struct hello *own, int64_t now_ms)
{
    bool was_linked = c->counts[CLUSTER_LINKS]++ > 0;

    c->life = life;
    c->is_linked = true;
    c->echo_ms = c->linked_ms = now_ms;
    say_hello(c, own, now_ms);
    if (c->owes_question)
        c->owes_question = !cluster_tell(c, CLUSTER_ALL, SPAN(""), ENVELOPE_RINGS,
                                         SPAN("{\"rings\":[{\"all\":true}]}"));
    return was_linked;
}

void cluster_on_cut(struct cluster *c)
{
    c->is_linked = false;
    c->owes_question |= c->on_the_way > 0;
    c->on_the_way = 0;
    finish_over(c, INT64_MAX);
}

/* One that is new is told at once who else is here. */
static void on_hello(struct cluster *c, const struct envelope *e, const struct hello *own,
                     int64_t now_ms)
{
    struct hello hello;

    if (!hello_decode(e->body, &hello) && peers_hear(&c->peers, e->from, &hello, now_ms))
        say_hello(c, own, now_ms);
}

static void on_answer(struct cluster *c, const struct envelope *e)
{
    struct question *one = questions_find(&c->questions, e->question);

    if (one && !question_take(one, peers_place(&c->peers, e->from), e->from, e->body))
        finish_if_answered(c, one);
}

void cluster_on_message(struct cluster *c, struct span user, struct span payload,
                        const struct hello *own, int64_t now_ms)
{
    struct envelope e;

    if (envelope_decode(payload, &e))
        return;
    if (e.from == c->id) {
        c->echo_ms = now_ms;
        return;
    }
    c->counts[CLUSTER_RECEIVED]++;
    switch (e.kind) {
    case ENVELOPE_HELLO:
        on_hello(c, &e, own, now_ms);
        break;
    case ENVELOPE_BYE:
        peers_leave(&c->peers, e.from);
        break;
    case ENVELOPE_ANSWER:
        on_answer(c, &e);
        break;
    default:
        c->ops->receive(c->here, user, &e);
    }
}

void cluster_on_receivers(struct cluster *c, uint32_t question, int64_t count)
{
    struct question *one = questions_find(&c->questions, question);

    if (question == CLUSTER_TOLD && c->on_the_way > 0) {
        c->on_the_way--;
        c->owes_question |= count < 0;
    }
    if (!one)
        return;
    if (count < 0) {
        finish(c, one, true);
        return;
    }
    one->receivers = count;
    finish_if_answered(c, one);
}

void cluster_on_subscribers(struct cluster *c, uint32_t question, size_t i, int64_t count)
{
    struct question *one = questions_find(&c->questions, question);

    if (!one || i >= one->count || count <= 0)
        return;
    one->counts[i]++;
    one->sessions++;
}

void cluster_on_all_subscribers(struct cluster *c, uint32_t question, bool is_refused)
{
    struct question *one = questions_find(&c->questions, question);

    if (one)
        finish(c, one, is_refused);
}

/* A relay that is cut off, or only just back, has not heard who else is there: the others may well
 * be, with their share of the rates. */
static bool share_among(struct cluster *c, int64_t now_ms)
{
    size_t relays = c->peers.count + 1;

    if (relays == c->relays)
        return false;
    if (relays < c->relays && (!c->is_linked || now_ms - c->linked_ms < PEERS_SILENT_MS))
        return false;
    c->relays = relays;
    return true;
}

bool cluster_tick(struct cluster *c, const struct hello *own, int64_t now_ms)
{
    finish_over(c, now_ms);
    if (c->is_linked && now_ms - c->hello_ms >= CLUSTER_HELLO_MS)
        say_hello(c, own, now_ms);
    if (peers_expire(&c->peers, now_ms) && c->is_linked)
        c->ops->lose(c->here);
    return share_among(c, now_ms);
}

int64_t cluster_share(const struct cluster *c, int64_t rate)
{
    int64_t share = rate / (int64_t)c->relays;

    return rate > 0 && share == 0 ? 1 : share;
}

/* After a stop of this process the hello is as old as the echo: it has a chance first. */
bool cluster_is_deaf(const struct cluster *c, int64_t now_ms)
{
    return c->is_linked && now_ms - c->echo_ms >= CLUSTER_DEAF_MS &&
           now_ms - c->hello_ms < CLUSTER_HELLO_MS;
}
