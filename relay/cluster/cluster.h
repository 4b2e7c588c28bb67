/* SPDX-License-Identifier: MIT */
/* cluster.h - this relay as one of several: what it tells the others and when, what it hears of
 * them, and what calls wait for them. How envelopes travel is the link's, what they do here the
 * publish port's, both by functions given at birth. Pure. */
#ifndef DOORBELL_RELAY_CLUSTER_CLUSTER_H
#define DOORBELL_RELAY_CLUSTER_CLUSTER_H

#include "common/config/address.h"
#include "relay/cluster/envelope.h"
#include "relay/cluster/peers.h"
#include "relay/cluster/questions.h"

/* In place of a question: of what others are told, Redis says that it has it. */
#define CLUSTER_TOLD UINT32_MAX

enum {
    CLUSTER_HELLO_MS = 2000,
    CLUSTER_DEAF_MS = 6000, /* what it says itself comes back; if not for so long, nothing does */
};

/* Where an envelope goes. */
enum cluster_to {
    CLUSTER_ALL,
    CLUSTER_RELAY, /* one, by its id in decimal */
    CLUSTER_USER,  /* those that hold the user */
};

struct cluster_ops {
    /* None of them calls back before it has returned. False: it is lost. With a `question`
     * cluster_on_receivers() or cluster_on_subscribers() follows. */
    bool (*publish)(void *link, enum cluster_to to, struct span name, struct span payload,
                    uint32_t question);
    bool (*count_subscribers)(void *link, const struct question *one);

    /* An envelope of another relay; to one user if `user` is not empty. */
    void (*receive)(void *here, struct span user, const struct envelope *e);
    /* Answers the call that asked this, if it still waits. */
    void (*finish)(void *here, const struct question *one, bool is_partial);
    /* A relay is gone without a word, and with it what it may not have told yet. */
    void (*lose)(void *here);
};

enum cluster_count {
    CLUSTER_SENT,
    CLUSTER_RECEIVED,
    CLUSTER_LINKS,
    CLUSTER_LOST,
    CLUSTER_MOVES,     /* to another Redis than before */
    CLUSTER_NO_MASTER, /* a sentinel was asked in vain */
    CLUSTER_COUNTS
};

struct cluster {
    const struct cluster_ops *ops;
    void *link, *here;
    int64_t id;   /* of this process */
    int64_t life; /* of this link of it */
    struct peers peers;
    struct questions questions;
    struct buf out;
    char redis[ADDRESS_TEXT_MAX]; /* of the last link; empty: there was none yet */
    bool is_linked;
    bool owes_question; /* others have missed something, or may have */
    size_t on_the_way;  /* what they were told, and Redis has not said that it has it */
    int64_t hello_ms;   /* when the last one was said */
    int64_t linked_ms;
    size_t relays;   /* that share the site's rates, this one too: when cut off, as before */
    int64_t echo_ms; /* when one came back */
    uint64_t counts[CLUSTER_COUNTS];
};

/* A relay's channel, after what all relays' channels begin with. Borrows from `out`. */
enum { CLUSTER_NAME_SIZE = 24 };
struct span cluster_name(int64_t id, char out[CLUSTER_NAME_SIZE]);

/* `id` is drawn by chance, and not 0. `body_max` is the longest body. */
void cluster_init(struct cluster *c, const struct cluster_ops *ops, int64_t id, size_t body_max);
void cluster_deinit(struct cluster *c);

/* --- what happens --- */

/* The next link is to this Redis. True: the last one was to another. */
bool cluster_on_redis(struct cluster *c, const struct address *redis);

/* Everything is subscribed to; `own` is who is here. True: this relay was cut off before. */
bool cluster_on_linked(struct cluster *c, int64_t life, const struct hello *own, int64_t now_ms);

/* The link is no more: what waits for others is answered without them. */
void cluster_on_cut(struct cluster *c);

/* A message came; `user` is that of a user's channel, else empty. */
void cluster_on_message(struct cluster *c, struct span user, struct span payload,
                        const struct hello *own, int64_t now_ms);

/* So many relays get what was published for this question, or CLUSTER_TOLD; negative: Redis refused
 * it. */
void cluster_on_receivers(struct cluster *c, uint32_t question, int64_t count);

/* So many relays hold the user of that number in this question. */
void cluster_on_subscribers(struct cluster *c, uint32_t question, size_t i, int64_t count);

/* All of them have been told by now, or Redis refused. */
void cluster_on_all_subscribers(struct cluster *c, uint32_t question, bool is_refused);

/* Many times a second. True: there are more or fewer relays than before. */
bool cluster_tick(struct cluster *c, const struct hello *own, int64_t now_ms);

/* What is left for this relay of a rate for the whole site; 0 is no limit and stays 0. */
int64_t cluster_share(const struct cluster *c, int64_t rate);

/* Whether nothing comes back any more, so that the link is to be cut. Ask before the tick. */
bool cluster_is_deaf(const struct cluster *c, int64_t now_ms);

/* This relay stops: it says so, if the others have all that it was to tell. */
void cluster_leave(struct cluster *c);

/* --- what is to be told --- */

/* Hands a body to others. False: they miss it, until they are told to ask. */
bool cluster_tell(struct cluster *c, enum cluster_to to, struct span name, enum envelope_kind kind,
                  struct span body);

/* Asks all others: cluster_ops.finish follows, but not before this has returned; the caller sets
 * one->caller. ERR_UNAVAILABLE: the link is cut. ERR_TOO_MANY, ERR_NO_MEMORY. */
MUST_USE enum err cluster_ask(struct cluster *c, enum question_kind kind,
                              enum envelope_kind envelope, struct span users, size_t count,
                              struct span body, int64_t now_ms, struct question **out);

/* The same of Redis: which of the users have a relay that holds them. */
MUST_USE enum err cluster_ask_online(struct cluster *c, enum question_kind kind, struct span users,
                                     size_t count, int64_t now_ms, struct question **out);

/* Asks those that hold the user, as this relay does, for the ages of their sessions; finish as
 * above. */
MUST_USE enum err cluster_ask_holders(struct cluster *c, struct span user, int64_t now_ms,
                                      struct question **out);

/* Answers a question of another relay. */
void cluster_answer(struct cluster *c, const struct envelope *asked, struct span body);

#endif
