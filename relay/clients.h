/* SPDX-License-Identifier: MIT */
/* clients.h - what comes from the sessions: their opening, frames in pieces, logins, their end. */
#ifndef DOORBELL_RELAY_CLIENTS_H
#define DOORBELL_RELAY_CLIENTS_H

#include "relay/core.h"
#include "relay/transport.h"

/* What the transports tell, with the core as their ctx. */
extern const struct transport_events clients_events;

#endif
