/* SPDX-License-Identifier: MIT */
/* charset.h - texts of sites that do not speak UTF-8 become UTF-8. The charsets are those of the
 * web that agree with ASCII on its 128 characters. Pure, but for the tables of libc: see charset.c.
 */
#ifndef DOORBELL_COMMON_CHARSET_H
#define DOORBELL_COMMON_CHARSET_H

#include <iconv.h>
#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/bytes/span.h"

/* No text becomes longer than so many times its bytes. */
enum { CHARSET_GROWTH_MAX = 3 };

struct charset {
    const char *name; /* as in messages */
    iconv_t converter;
    bool is_utf8;
};

#define CHARSET_UTF8 ((struct charset){.name = "utf-8", .is_utf8 = true})

/* Whether `label` is a name of UTF-8; an empty one is. */
bool charset_is_utf8(struct span label);

/* The charset called `label`, in any case of letters; UTF-8 for an empty one. ERR_UNSUPPORTED for
 * one that is not known, ERR_NO_MEMORY. What has been opened is to be closed. */
MUST_USE enum err charset_open(struct charset *c, struct span label);
void charset_close(struct charset *c);

/* Makes UTF-8 of `text`. *out borrows from `text` if that is UTF-8 already, else from what is
 * appended to `converted`. ERR_INVALID for bytes that the charset does not have, ERR_TOO_BIG
 * over the ceiling of `converted`, ERR_NO_MEMORY. */
MUST_USE enum err charset_decode(struct charset *c, struct span text, struct buf *converted,
                                 struct span *out);

#endif
