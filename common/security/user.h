/* SPDX-License-Identifier: MIT */
/* user.h - what a user id is: the site's own id, 1 to 128 bytes of UTF-8 without control
 * characters, and not "*", which means everybody. Pure. */
#ifndef DOORBELL_COMMON_USER_H
#define DOORBELL_COMMON_USER_H

#include <stdbool.h>

#include "common/bytes/span.h"

enum { USER_ID_MAX = 128 };

bool user_is_valid(struct span id);

#endif
