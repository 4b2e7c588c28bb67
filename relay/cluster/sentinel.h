/* SPDX-License-Identifier: MIT */
/* sentinel.h - what Redis Sentinel says of where the master is. Pure. */
#ifndef DOORBELL_RELAY_CLUSTER_SENTINEL_H
#define DOORBELL_RELAY_CLUSTER_SENTINEL_H

#include "common/bytes/err.h"
#include "common/bytes/span.h"
#include "common/config/address.h"

enum {
    SENTINEL_WORDS = 2,
    SENTINEL_ANSWER_MAX = 16384, /* bytes; hiredis reads so many at once */
};

/* The two words of an answer to SENTINEL GET-MASTER-ADDR-BY-NAME. ERR_MALFORMED: the host is
 * neither a numeric address nor a name as DNS and /etc/hosts have them, or the port is none. */
MUST_USE enum err sentinel_parse_master(struct span host, struct span port, struct address *out);

#endif
