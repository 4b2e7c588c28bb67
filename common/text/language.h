/* SPDX-License-Identifier: MIT */
/* language.h - language tags, as "en" and "zh-Hant" (RFC 5646 2.1). Pure. */
#ifndef DOORBELL_COMMON_LANGUAGE_H
#define DOORBELL_COMMON_LANGUAGE_H

#include <stdbool.h>

#include "common/bytes/span.h"

enum { LANGUAGE_TAG_MAX = 35 }; /* RFC 5646 4.4.1 */

/* Whether it has the shape of one: up to LANGUAGE_TAG_MAX letters, digits and hyphens, of which two
 * to eight letters come first. Not whether there is such a language. */
bool language_is_tag(struct span s);

#endif
