/* SPDX-License-Identifier: MIT */
#include "common/text/form_text.h"

enum { LABEL_MAX = 64 };

/* HTML, form submission, and RFC 7578 4.6: a browser writes its choice into a hidden field of this
 * name, which the author of a page may put anywhere in the form. */
#define CHARSET_FIELD SPAN("_charset_")

bool form_text_is_charset(const struct form_field *field)
{
    return field->suffix == FORM_PLAIN && span_equal(field->name, CHARSET_FIELD);
}

enum err form_text_open(struct charset *c, const struct form *f, struct span content_type)
{
    struct span of_type, of_field = {NULL, 0};
    char label[LABEL_MAX];
    enum err e = form_charset(content_type, &of_type);

    if (e)
        return e;
    e = form_look_ahead(f, CHARSET_FIELD, label, sizeof(label), &of_field);
    if (e == ERR_INVALID)
        return ERR_UNSUPPORTED;
    /* Other faults are for form_next() to tell. */
    return charset_open(c, of_field.len > 0 ? of_field : of_type);
}

enum err form_text_decode(struct charset *c, const struct form_field *field, struct buf *converted,
                          struct span *out)
{
    struct charset own = CHARSET_UTF8;
    bool has_own = field->charset.len > 0;
    enum err e = has_own ? charset_open(&own, field->charset) : ERR_NONE;

    if (e)
        return e;
    e = charset_decode(has_own ? &own : c, field->value, converted, out);
    if (e == ERR_INVALID && (has_own ? &own : c)->is_utf8)
        e = ERR_MALFORMED;
    charset_close(&own);
    return e;
}
