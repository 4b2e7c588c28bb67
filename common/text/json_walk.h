/* SPDX-License-Identifier: MIT */
/* json_walk.h - reads a JSON text in place, without a tree: for small calls that come often. The
 * text has passed json_check(); a value is the span of its own bytes, and borrows from it. Pure. */
#ifndef DOORBELL_COMMON_JSON_WALK_H
#define DOORBELL_COMMON_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* The one value that the text is, without the blanks around it. */
struct span json_walk_root(struct span text);

/* What is within the brackets of an array or an object, for the two below. */
struct span json_walk_inside(struct span value);

/* Cuts the first item off what is left of an array. False: there is none. */
bool json_walk_item(struct span *rest, struct span *item);

/* How many are left. */
size_t json_walk_count(struct span rest);

/* Finds the members of these names (of at most 64 bytes each), in the order of `names`; {NULL, 0}
 * for an absent one. Others are skipped. ERR_INVALID: not an object; ERR_MALFORMED: one of the
 * names occurs twice. */
MUST_USE enum err json_walk_members(struct span value, const char *const names[], size_t count,
                                    struct span members[]);

bool json_walk_is_array(struct span value);
bool json_walk_is_text(struct span value);

/* What a string says: its own bytes, or if it has escapes, their meaning in `scratch`.
 * ERR_INVALID: it is no string; ERR_TOO_BIG: with escapes, and longer than max. */
MUST_USE enum err json_walk_text(struct span value, char *scratch, size_t max, struct span *text);

#endif
