/* SPDX-License-Identifier: MIT */
/* clients.h - what comes from the sessions: their opening, frames in pieces, logins, their end. */
#ifndef DOORBELL_RELAY_ENGINE_CLIENTS_H
#define DOORBELL_RELAY_ENGINE_CLIENTS_H

#include "relay/engine/engine.h"
#include "relay/session/transport.h"

/* What the transports tell, with the engine as their ctx. */
extern const struct transport_events clients_events;

#endif
