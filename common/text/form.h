/* SPDX-License-Identifier: MIT */
/* form.h - the two body types of HTML forms: application/x-www-form-urlencoded and
 * multipart/form-data (RFC 7578). Decodes in place, field by field, without allocation. Pure. */
#ifndef DOORBELL_COMMON_FORM_H
#define DOORBELL_COMMON_FORM_H

#include <stddef.h>

#include "common/bytes/err.h"
#include "common/bytes/span.h"

enum { FORM_BOUNDARY_MAX = 70 /* RFC 2046 5.1.1 */, FORM_PART_HEADERS_MAX = 4096 };

enum form_type { FORM_URLENCODED, FORM_MULTIPART };

/* How PHP reads a name: `to`, `to[]` or `to[7]`, anything else with a bracket. */
enum form_suffix { FORM_PLAIN, FORM_ELEMENT, FORM_NESTED };

struct form_field {
    struct span name; /* without the brackets of FORM_ELEMENT */
    struct span value;
    struct span charset; /* the part's own, of multipart; else empty */
    enum form_suffix suffix;
};

struct form {
    enum form_type type;
    char *rest; /* not yet decoded */
    size_t rest_len;
    char boundary[FORM_BOUNDARY_MAX + 4]; /* "\r\n--" and the boundary */
    size_t boundary_len;
    size_t fields_left; /* the ceiling of fields still to be given out */
};

/* Starts on `body`, which is changed by decoding and must outlive the fields. `content_type` is the
 * header's value; an empty one is taken as urlencoded. At most fields_max fields are given out.
 * ERR_UNSUPPORTED for another type, ERR_MALFORMED for multipart without a usable boundary. */
MUST_USE enum err form_init(struct form *f, struct span content_type, char *body, size_t len,
                            size_t fields_max);

/* The next field; *out borrows from the body. ERR_END after the last one, ERR_MALFORMED,
 * ERR_TOO_BIG for more than fields_max fields. */
MUST_USE enum err form_next(struct form *f, struct form_field *out);

/* The value of the first field of this name among those to come, none of which it changes: decoded
 * into `copy`. ERR_NOT_FOUND, ERR_INVALID for one that is written in more than `size` bytes, and
 * what form_next() would return before it gets there. */
MUST_USE enum err form_look_ahead(const struct form *f, struct span name, char *copy, size_t size,
                                  struct span *out);

/* The media type of a Content-Type value, without its parameters and blanks. */
struct span form_media_type(struct span content_type);

/* Its charset parameter, the empty span without one. ERR_MALFORMED. */
MUST_USE enum err form_charset(struct span content_type, struct span *out);

#endif
