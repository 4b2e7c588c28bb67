/* SPDX-License-Identifier: MIT */
/* protocols.h - the protocols that are spoken at the client port, by their id. */
#ifndef DOORBELL_RELAY_SERVER_PROTOCOLS_H
#define DOORBELL_RELAY_SERVER_PROTOCOLS_H

#include "relay/session/protocol.h"

extern const struct protocol *const protocols[PROTOCOL_COUNT];

#endif
