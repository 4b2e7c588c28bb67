/* SPDX-License-Identifier: MIT */
/* clients.h - what comes from the sessions: their opening, frames in pieces, logins, their end. */
#ifndef DOORBELL_RELAY_CLIENTS_H
#define DOORBELL_RELAY_CLIENTS_H

#include "relay/core.h"

/* The calls up of wire.h, with the core as their ctx. */
extern const struct wire_ops clients_wire_ops;

#endif
