/* SPDX-License-Identifier: MIT */
/* json.h - the two ends of json-c that we use: bytes to a tree under limits, text to a literal. */
#ifndef DOORBELL_COMMON_JSON_H
#define DOORBELL_COMMON_JSON_H

#include <json-c/json_object.h>
#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { JSON_DEPTH_MAX = 32 };

/* Parses exactly one value: strict syntax, valid UTF-8, integers of 64 bits, no duplicate members
 * in an object, nothing after it but white space.
 * Caller owns *out (json_object_put). ERR_MALFORMED, ERR_TOO_BIG (too deep), ERR_NO_MEMORY. */
MUST_USE enum err json_decode(struct span text, struct json_object **out);

/* The same without a tree, for json_walk.h; but it does not look whether two members have one name.
 * ERR_MALFORMED, ERR_TOO_BIG. */
MUST_USE enum err json_check(struct span text);

/* Whether a NUL is written in it, as an escape: json-c ends a member's name there. */
bool json_has_nul(struct span json);

/* Whether it, which is valid JSON, has a number with an exponent beyond 308: no double is so large,
 * and no numeric of PostgreSQL's so long. */
bool json_has_vast_number(struct span json);

/* The text of a string node; borrows from it. The empty span if it is not a string. */
struct span json_text(struct json_object *node);

/* Appends `text` as a JSON string literal with its quotes. Escapes what RFC 8259 7 demands;
 * `text` must be valid UTF-8. */
MUST_USE enum err json_append_text(struct buf *out, struct span text);

/* The next text of a list: *before, in whose place then is a comma, and the text. */
MUST_USE enum err json_append_next(struct buf *out, const char **before, struct span text);

/* As json_append_text, for any bytes and in ASCII alone: other characters become \uXXXX, in pairs
 * of surrogates where they need it, and what is not UTF-8 becomes \ufffd, byte by byte. */
MUST_USE enum err json_append_ascii(struct buf *out, struct span text);

#endif
