/* SPDX-License-Identifier: MIT */
/* loop_memory.h - libev aborts the program when one of its arrays cannot grow. How far they grow
 * depends on the number of open descriptors, which is limited: so memory for all of them is set
 * aside at the start, in pages that cost nothing until they are used. */
#ifndef DOORBELL_RELAY_SERVER_LOOP_MEMORY_H
#define DOORBELL_RELAY_SERVER_LOOP_MEMORY_H

#include "common/bytes/err.h"

/* Before the loop is made, once the limit of descriptors is what it will be. ERR_NO_MEMORY. */
MUST_USE enum err loop_memory_reserve(void);

#endif
