/* SPDX-License-Identifier: MIT */
/* form_text.h - the fields of a form as UTF-8, whatever charset its sender writes in. Pure, as
 * charset.h is. */
#ifndef DOORBELL_COMMON_FORM_TEXT_H
#define DOORBELL_COMMON_FORM_TEXT_H

#include <stdbool.h>

#include "common/bytes/buf.h"
#include "common/bytes/err.h"
#include "common/text/charset.h"
#include "common/text/form.h"

/* Whether it is the field in which a browser names the charset. */
bool form_text_is_charset(const struct form_field *field);

/* The charset of the fields that name none: what that field says, wherever it is among those to
 * come, else the Content-Type, else UTF-8. To be closed. ERR_MALFORMED for a Content-Type that is,
 * ERR_UNSUPPORTED for a charset that is not known, ERR_NO_MEMORY. */
MUST_USE enum err form_text_open(struct charset *c, const struct form *f, struct span content_type);

/* The field's value. *out borrows from it, or from what is appended to `converted`. ERR_MALFORMED
 * if it should be UTF-8 and is not, ERR_INVALID for bytes that another charset does not have,
 * ERR_UNSUPPORTED for a charset of the field's own that is not known, ERR_TOO_BIG over the ceiling
 * of `converted`, ERR_NO_MEMORY. */
MUST_USE enum err form_text_decode(struct charset *c, const struct form_field *field,
                                   struct buf *converted, struct span *out);

#endif
