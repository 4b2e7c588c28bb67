/* SPDX-License-Identifier: MIT */
/* cookie.h - a user's token in the cookies of a request, in all its Cookie headers. Pure. */
#ifndef DOORBELL_COMMON_COOKIE_H
#define DOORBELL_COMMON_COOKIE_H

#include "common/bytes/span.h"

/* What the headers read until now have: zeroed before the first one. */
struct cookies {
    struct span host_token; /* of __Host-doorbell_token */
    struct span token;      /* of doorbell_token */
};

/* Takes in one Cookie header. Blanks around name and value do not count. The same value twice
 * is that value; two values make it empty for good: one of them was planted, perhaps from a
 * neighbouring domain, and we cannot know which. */
void cookies_read(struct span header, struct cookies *c);

/* The token; {NULL, 0} without a cookie for it. Where there is a __Host-doorbell_token the plain
 * cookie is ignored, however wrong the first one is: browsers let neither a neighbouring domain nor
 * a page of http set that name (RFC 6265bis 4.1.3.2). */
struct span cookies_token(const struct cookies *c);

#endif
