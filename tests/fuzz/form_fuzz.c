/* SPDX-License-Identifier: MIT */
/* The first line is the Content-Type, the rest the body. Fields lie within the body; the same
 * fields come out of their urlencoded spelling, where a look ahead finds the first of a name. */
#include "common/text/form.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes/buf.h"

enum { FIELDS_MAX = 64 };

static const char *const suffixes[] = {
    [FORM_PLAIN] = "", [FORM_ELEMENT] = "[]", [FORM_NESTED] = ""};

static void append_encoded(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (buf_printf(out, "%%%02X", (unsigned char)s.p[i]))
            abort();
    }
}

static void append_field(struct buf *out, const struct form_field *f)
{
    append_encoded(out, f->name);
    append_encoded(out, span_of(suffixes[f->suffix]));
    if (buf_append_char(out, '='))
        abort();
    append_encoded(out, f->value);
    if (buf_append_char(out, '&'))
        abort();
}

static void check_look_ahead(const struct form *form, const struct form_field *fields, size_t count)
{
    char copy[24];
    size_t i = 0;
    struct span value = {NULL, 0};
    enum err e = form_look_ahead(form, SPAN("n"), copy, sizeof(copy), &value);

    while (i < count && (fields[i].suffix != FORM_PLAIN || !span_equal(fields[i].name, SPAN("n"))))
        i++;
    if (i == count)
        e = e == ERR_NOT_FOUND ? ERR_NONE : ERR_MALFORMED;
    else if (3 * fields[i].value.len > sizeof(copy)) /* as it is spelled */
        e = e == ERR_INVALID ? ERR_NONE : ERR_MALFORMED;
    else if (!e && !span_equal(value, fields[i].value))
        e = ERR_MALFORMED;
    if (e)
        abort();
}

static void check_same(struct buf *spelling, const struct form_field *fields, size_t count)
{
    struct form form;
    struct form_field f;

    if (form_init(&form, (struct span){NULL, 0}, spelling->data, spelling->len, FIELDS_MAX))
        abort();
    check_look_ahead(&form, fields, count);
    for (size_t i = 0; i < count; i++) {
        if (form_next(&form, &f) || f.suffix != fields[i].suffix ||
            !span_equal(f.name, fields[i].name) || !span_equal(f.value, fields[i].value))
            abort();
    }
    if (form_next(&form, &f) != ERR_END)
        abort();
}

static void check_within(struct span s, const char *body, size_t len)
{
    if (s.len > 0 && (s.p < body || s.p + s.len > body + len))
        abort();
}

static void check(struct span type, char *body, size_t len)
{
    struct form_field fields[FIELDS_MAX];
    struct buf spelling;
    struct form form;
    size_t count = 0;
    enum err e = form_init(&form, type, body, len, FIELDS_MAX);

    buf_init(&spelling, 6 * len + 8 * FIELDS_MAX);
    while (!e && (e = form_next(&form, &fields[count])) == ERR_NONE) {
        check_within(fields[count].name, body, len);
        check_within(fields[count].value, body, len);
        append_field(&spelling, &fields[count++]);
        if (count == FIELDS_MAX)
            break;
    }
    if (e == ERR_END && form_next(&form, &fields[0]) != ERR_END)
        abort();
    check_same(&spelling, fields, count);
    buf_deinit(&spelling);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct span type = span_cut(&rest, '\n');
    char *body = malloc(rest.len + 1); /* one of its own, so that its end is watched */

    if (!body)
        return 0;
    if (rest.len > 0)
        memcpy(body, rest.p, rest.len);
    check(type, body, rest.len);
    free(body);
    return 0;
}
