/* SPDX-License-Identifier: MIT */
/* span.h - borrowed bytes: a pointer and a length, never owned, not NUL-terminated. Pure. */
#ifndef DOORBELL_COMMON_SPAN_H
#define DOORBELL_COMMON_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes/err.h"

struct span {
    const char *p; /* may be NULL only when len is 0 */
    size_t len;
};

/* A span of a string literal, without its NUL. Not for static tables: it is no constant. */
#define SPAN(literal) ((struct span){("" literal), sizeof(literal) - 1})

/* For printf's "%.*s". */
#define SPAN_ARGS(s) ((int)(s).len), ((s).p ? (s).p : "")

/* All of a C string; NULL gives the empty span. */
struct span span_of(const char *text);

bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b); /* ASCII letters only */

/* As span_equal, in a time that depends on the lengths but not on the bytes. For secrets. */
bool span_equal_secret(struct span a, struct span b);

bool span_starts_with(struct span s, struct span prefix);

/* Without blanks and tabs at both ends. */
struct span span_trim(struct span s);

/* Cuts *rest at the first `separator`: returns what precedes it, and *rest becomes what follows.
 * Without one: returns all, and *rest becomes {NULL, 0}. */
struct span span_cut(struct span *rest, char separator);

/* Decimal digits with an optional '-', nothing else; ERR_MALFORMED otherwise or out of range. */
MUST_USE enum err span_parse_int(struct span s, int64_t *out);

/* The bytes of the well-formed UTF-8 character that `s` begins with (RFC 3629: no surrogates, no
 * overlong forms), 1 to 4; 0 if it begins with none. */
size_t span_utf8_len(struct span s);

/* Whether the bytes are well-formed UTF-8, as above. */
bool span_is_utf8(struct span s);

/* How many characters well-formed UTF-8 has. */
size_t span_utf8_count(struct span s);

/* Whether a byte below 0x20, or 0x7f, occurs. */
bool span_has_control(struct span s);

/* Decodes %XX in place of `bytes`, writes the shorter length to *len. '+' becomes a blank if
 * plus_is_blank. ERR_MALFORMED for a bad escape; the bytes are then of no use. */
MUST_USE enum err span_percent_decode(char *bytes, size_t *len, bool plus_is_blank);

#endif
