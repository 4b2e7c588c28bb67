/* SPDX-License-Identifier: MIT */
/* cookie.h - one cookie of a request, in all its Cookie headers. Pure. */
#ifndef DOORBELL_COMMON_COOKIE_H
#define DOORBELL_COMMON_COOKIE_H

#include "common/bytes/span.h"

/* The cookie that holds a user's token. */
#define COOKIE_TOKEN SPAN("doorbell_token")

/* Looks for `name` in one Cookie header; *value is {NULL, 0} before the first header, and stays so
 * as long as the cookie is absent. Blanks around name and value do not count. The same value twice
 * is that value; two values make it empty for good: one of them was planted, perhaps from a
 * neighbouring domain, and we cannot know which. */
void cookie_read(struct span header, struct span name, struct span *value);

#endif
