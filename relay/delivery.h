/* SPDX-License-Identifier: MIT */
/* delivery.h - what goes to the sessions: messages, written at once where the peer takes them, else
 * merged into the session's slot; rings to users, and the broadcast, both slice by slice, so that
 * no turn of the loop gets long. */
#ifndef DOORBELL_RELAY_DELIVERY_H
#define DOORBELL_RELAY_DELIVERY_H

#include "relay/core.h"

/* Rings of publish calls: ring_user() and ring_all() of api.h, with the core as their ctx. */
extern const struct api_ops delivery_api_ops;

void delivery_send(struct core *core, struct session *s, const struct message *m);
void delivery_send_online(struct core *core, struct session *s);
void delivery_send_ping(struct core *core, struct session *s);

/* Tells when the session is going to be closed, and sets that as its deadline. */
void delivery_send_bye(struct core *core, struct session *s);

/* Says why a closing session ends, where the protocol has a message for that. */
void delivery_send_farewell(struct core *core, struct session *s);

/* The peer reads again: what has waited goes out, as far as it takes it. */
void delivery_empty_slot(struct core *core, struct session *s);

/* Sends a slice of what was deferred, and rings as many of a broadcast as the pace allows now; asks
 * to come again as long as there are more. */
void delivery_walk(struct core *core);

#endif
