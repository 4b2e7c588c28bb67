/* SPDX-License-Identifier: MIT */
/* sender.h - what goes to the sessions: messages, written at once where the peer takes them, else
 * merged into the session's slot; rings to users, and the broadcast, both slice by slice, so that
 * no turn of the loop gets long. */
#ifndef DOORBELL_RELAY_ENGINE_SENDER_H
#define DOORBELL_RELAY_ENGINE_SENDER_H

#include "relay/engine/engine.h"

/* Rings of publish calls: ring_user() and ring_all() of api.h, with the engine as their ctx. */
extern const struct api_ops sender_api_ops;

void sender_send(struct engine *engine, struct session *s, const struct event *m);
void sender_send_online(struct engine *engine, struct session *s);
void sender_send_ping(struct engine *engine, struct session *s);

/* Tells when the session is going to be closed, and sets that as its deadline. */
void sender_send_close_notice(struct engine *engine, struct session *s);

/* Says why a closing session ends, where the protocol has a message for that. */
void sender_send_last_words(struct engine *engine, struct session *s);

/* The peer reads again: what has waited goes out, as far as it takes it. */
void sender_empty_slot(struct engine *engine, struct session *s);

/* Sends a slice of what was deferred, and rings as many of a broadcast as the pace allows now; asks
 * to come again as long as there are more. */
void sender_walk(struct engine *engine);

#endif
