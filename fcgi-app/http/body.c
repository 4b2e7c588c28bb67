/* SPDX-License-Identifier: MIT */
/* JSON, urlencoded and multipart bodies become the same tree, a json-c object, so an endpoint reads
 * its fields without knowing which one came. What differs between them is settled here: in a form
 * every value is text, `a[]=` makes lists, and an empty field counts as absent. Each accessor
 * checks type and size, and leaves a sentence for the caller in `fault`; what fields mean is the
 * endpoint's. */
#include "fcgi-app/http/body.h"

#include <json-c/json_object_iterator.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/security/user.h"
#include "common/text/charset.h"
#include "common/text/form.h"
#include "common/text/form_text.h"
#include "common/text/json.h"
#include "fcgi-app/postgres/array.h"

enum { FIELDS_MAX = BODY_LIST_MAX + 64, FIELD_NAME_MAX = 64, DIGITS_MAX = 20 };

enum err body_fail(struct body *b, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(b->fault, sizeof(b->fault), format, args);
    va_end(args);
    return e;
}

/* A name that came from outside is repeated only where it is short and plain. */
static enum err fail_name(struct body *b, struct span name, const char *what)
{
    bool is_plain = name.len > 0 && name.len < FIELD_NAME_MAX;

    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] < 0x20 || name.p[i] > 0x7e)
            is_plain = false;
    if (!is_plain)
        return body_fail(b, ERR_INVALID, "a field %s", what);
    return body_fail(b, ERR_INVALID, "field \"%.*s\" %s", SPAN_ARGS(name), what);
}

/* Takes `value`. */
static enum err add_field(struct body *b, const struct form_field *field, const char *name,
                          struct json_object *value)
{
    struct json_object *old = json_object_object_get(b->root, name);

    if (field->suffix == FORM_ELEMENT && json_object_is_type(old, json_type_array)) {
        if (json_object_array_add(old, value) == 0)
            return ERR_NONE;
        json_object_put(value);
        return ERR_NO_MEMORY;
    }
    if (old) {
        json_object_put(value);
        return fail_name(b, field->name, "is given twice");
    }
    if (field->suffix == FORM_ELEMENT) {
        struct json_object *list = json_object_new_array();

        if (!list || json_object_array_add(list, value) != 0) {
            json_object_put(list);
            json_object_put(value);
            return ERR_NO_MEMORY;
        }
        value = list;
    }
    if (json_object_object_add(b->root, name, value) == 0)
        return ERR_NONE;
    json_object_put(value);
    return ERR_NO_MEMORY;
}

/* A form on its way to the tree, and what its texts are written in. */
struct form_reader {
    struct form form;
    struct charset charset;
    struct buf text; /* the last value that was converted */
    bool has_charset_field;
};

static enum err fail_charset(struct body *b)
{
    return body_fail(b, ERR_UNSUPPORTED,
                     "the charset of the form is unknown; send UTF-8, or one of gb18030, gbk, "
                     "big5, shift_jis, euc-kr, iso-8859-1 to 16, windows-1250 to 1258");
}

static enum err decode_value(struct body *b, struct form_reader *r, const struct form_field *field,
                             struct span *value)
{
    enum err e;

    buf_reset(&r->text);
    e = form_text_decode(&r->charset, field, &r->text, value);
    if (e == ERR_UNSUPPORTED)
        return fail_charset(b);
    if (e == ERR_MALFORMED)
        return body_fail(
            b, e, "the body is not UTF-8; if it is in another charset, name that in Content-Type");
    if (e == ERR_INVALID)
        return fail_name(b, field->name, "has bytes that its charset does not have");
    return e;
}

static enum err take_field(struct body *b, struct form_reader *r, const struct form_field *field)
{
    char name[FIELD_NAME_MAX];
    struct json_object *json;
    struct span value;
    enum err e;

    if (field->suffix == FORM_NESTED)
        return fail_name(b, field->name, "has a bracket that is not understood");
    if (field->name.len >= sizeof(name) || span_has_control(field->name))
        return fail_name(b, field->name, "is unknown");
    if (!span_is_utf8(field->name))
        return body_fail(b, ERR_MALFORMED, "the name of a field is not UTF-8");
    e = decode_value(b, r, field, &value);
    if (e)
        return e;
    if (field->name.len > 0)
        memcpy(name, field->name.p, field->name.len);
    name[field->name.len] = '\0';
    json = json_object_new_string_len(value.p ? value.p : "", (int)value.len);
    return json ? add_field(b, field, name, json) : ERR_NO_MEMORY;
}

static enum err take_fields(struct body *b, struct form_reader *r)
{
    struct form_field field;
    enum err e;

    while (!(e = form_next(&r->form, &field))) {
        bool is_charset = form_text_is_charset(&field); /* and has been seen by form_text_open() */

        if (is_charset && r->has_charset_field)
            return fail_name(b, field.name, "is given twice");
        r->has_charset_field |= is_charset;
        e = is_charset ? ERR_NONE : take_field(b, r, &field);
        if (e)
            return e;
    }
    if (e == ERR_TOO_BIG)
        return body_fail(b, e, "the form has too many fields");
    return e == ERR_END ? ERR_NONE : body_fail(b, ERR_MALFORMED, "the form is malformed");
}

static enum err decode_form_body(struct body *b, struct span content_type, char *bytes, size_t len)
{
    struct form_reader r = {.has_charset_field = false};
    enum err e = form_init(&r.form, content_type, bytes, len, FIELDS_MAX);

    if (e == ERR_UNSUPPORTED)
        return body_fail(b, e, "the body must be JSON, urlencoded or multipart/form-data");
    if (!e)
        e = form_text_open(&r.charset, &r.form, content_type);
    if (e == ERR_UNSUPPORTED)
        return fail_charset(b);
    if (e)
        return e == ERR_MALFORMED ? body_fail(b, e, "the form is malformed") : e;
    b->is_form = true;
    b->root = json_object_new_object();
    buf_init(&r.text, len * CHARSET_GROWTH_MAX);
    e = b->root ? take_fields(b, &r) : ERR_NO_MEMORY;
    charset_close(&r.charset);
    buf_deinit(&r.text);
    return e;
}

/* RFC 8259 8.1: JSON is UTF-8. Other parameters mean nothing. */
static bool is_json_utf8(struct span content_type)
{
    struct span label = {NULL, 0};

    return form_charset(content_type, &label) || charset_is_utf8(label);
}

static enum err decode_json_body(struct body *b, char *bytes, size_t len)
{
    enum err e = json_decode((struct span){bytes, len}, &b->root);

    if (e == ERR_TOO_BIG)
        return body_fail(b, ERR_MALFORMED, "the body is nested too deeply");
    if (e == ERR_MALFORMED)
        return body_fail(b, e, "the body is not JSON");
    if (!e && !json_object_is_type(b->root, json_type_object))
        return body_fail(b, ERR_MALFORMED, "the body must be a JSON object");
    return e;
}

enum err body_decode(struct body *b, struct span content_type, char *bytes, size_t len)
{
    *b = (struct body){.root = NULL};
    if (len == 0)
        return ERR_NONE;
    if (span_equal_nocase(form_media_type(content_type), SPAN("application/json"))) {
        if (!is_json_utf8(content_type))
            return body_fail(b, ERR_UNSUPPORTED,
                             "JSON is UTF-8; convert it, or send a form in its charset");
        return decode_json_body(b, bytes, len);
    }
    return decode_form_body(b, content_type, bytes, len);
}

void body_deinit(struct body *b)
{
    json_object_put(b->root);
    b->root = NULL;
}

static bool is_one_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

enum err body_only(struct body *b, const char *const *names, size_t count)
{
    struct json_object_iterator i, end;

    if (!b->root)
        return ERR_NONE;
    i = json_object_iter_begin(b->root);
    end = json_object_iter_end(b->root);
    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        const char *name = json_object_iter_peek_name(&i);

        if (!is_one_of(names, count, name))
            return fail_name(b, span_of(name), "is unknown");
    }
    return ERR_NONE;
}

bool body_has(const struct body *b, const char *name)
{
    return b->root && json_object_object_get_ex(b->root, name, NULL);
}

struct json_object *body_find(const struct body *b, const char *name)
{
    struct json_object *node = NULL;

    if (!b->root || !json_object_object_get_ex(b->root, name, &node) || !node)
        return NULL;
    if (b->is_form && json_object_is_type(node, json_type_string) && json_text(node).len == 0)
        return NULL;
    return node;
}

static bool is_clean_text(struct span s, enum body_text_kind kind)
{
    if (kind != BODY_TEXT)
        return !span_has_control(s);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < 0x20 && (s.p[i] == '\0' || !strchr("\t\n\r", s.p[i])))
            return false;
    return true;
}

/* Sites have numbers for names: `subject_id: 7` means what `subject_id: "7"` does. */
static enum err name_of_int(struct body *b, const char *name, struct json_object **node)
{
    struct json_object *text = json_object_new_string(json_object_to_json_string(*node));

    if (!text || json_object_object_add(b->root, name, text) != 0) {
        json_object_put(text);
        return ERR_NO_MEMORY;
    }
    *node = text;
    return ERR_NONE;
}

enum err body_text(struct body *b, const char *name, size_t max, enum body_text_kind kind,
                   struct span *out)
{
    struct json_object *node = body_find(b, name);
    struct span text;

    if (!node)
        return ERR_NONE;
    if (kind == BODY_NAME && json_object_is_type(node, json_type_int) &&
        name_of_int(b, name, &node))
        return ERR_NO_MEMORY;
    if (!json_object_is_type(node, json_type_string))
        return body_fail(b, ERR_INVALID, "\"%s\" must be text", name);
    text = json_text(node);
    if ((kind == BODY_TEXT ? text.len : span_utf8_count(text)) > max)
        return body_fail(b, ERR_INVALID, "\"%s\" is longer than %zu %s", name, max,
                         kind == BODY_TEXT ? "bytes" : "characters");
    if (!is_clean_text(text, kind))
        return body_fail(b, ERR_INVALID, "\"%s\" has a control character", name);
    *out = text;
    return ERR_NONE;
}

/* Numbers of a form are digits in text. */
static bool read_int(const struct body *b, struct json_object *node, int64_t *out)
{
    if (b->is_form)
        return span_parse_int(json_text(node), out) == ERR_NONE;
    if (!json_object_is_type(node, json_type_int))
        return false;
    *out = json_object_get_int64(node);
    return true;
}

enum err body_int(struct body *b, const char *name, int64_t min, int64_t max, int64_t *out)
{
    struct json_object *node = body_find(b, name);
    int64_t n;

    if (!node)
        return ERR_NONE;
    if (!read_int(b, node, &n))
        return body_fail(b, ERR_INVALID, "\"%s\" must be an integer", name);
    if (n < min || n > max)
        return body_fail(b, ERR_INVALID, "\"%s\" must be from %lld to %lld", name, (long long)min,
                         (long long)max);
    *out = n;
    return ERR_NONE;
}

enum err body_bool(struct body *b, const char *name, bool *out)
{
    struct json_object *node = body_find(b, name);
    struct span text;

    if (!node)
        return ERR_NONE;
    text = json_text(node);
    if (json_object_is_type(node, json_type_boolean))
        *out = json_object_get_boolean(node);
    else if (b->is_form && (span_equal(text, SPAN("1")) || span_equal(text, SPAN("true"))))
        *out = true;
    else if (b->is_form && (span_equal(text, SPAN("0")) || span_equal(text, SPAN("false"))))
        *out = false;
    else
        return body_fail(b, ERR_INVALID, "\"%s\" must be true or false", name);
    return ERR_NONE;
}

static enum err replace_with_parsed(struct body *b, const char *name, struct json_object **node)
{
    struct json_object *parsed = NULL;

    if (json_decode(json_text(*node), &parsed) ||
        json_object_object_add(b->root, name, parsed) != 0) {
        json_object_put(parsed);
        return body_fail(b, ERR_INVALID, "\"%s\" must be a JSON object, as text", name);
    }
    *node = parsed;
    return ERR_NONE;
}

enum err body_object(struct body *b, const char *name, size_t max, struct span *out)
{
    struct json_object *node = body_find(b, name);
    struct span json;
    enum err e;

    if (!node)
        return ERR_NONE;
    if (b->is_form && (e = replace_with_parsed(b, name, &node)))
        return e;
    if (json_object_is_type(node, json_type_array) && json_object_array_length(node) == 0) {
        *out = SPAN("{}"); /* PHP has one empty array for both */
        return ERR_NONE;
    }
    if (!json_object_is_type(node, json_type_object))
        return body_fail(b, ERR_INVALID, "\"%s\" must be an object", name);
    json = span_of(json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
    if (!json.p)
        return ERR_NO_MEMORY;
    if (json.len > max)
        return body_fail(b, ERR_INVALID, "\"%s\" is longer than %zu bytes", name, max);
    /* PostgreSQL's text cannot hold one. */
    if (json_has_nul(json))
        return body_fail(b, ERR_INVALID, "\"%s\" has a NUL in a text", name);
    if (json_has_vast_number(json))
        return body_fail(b, ERR_INVALID, "\"%s\" has a number beyond 1e308", name);
    *out = json;
    return ERR_NONE;
}

/* The id of a user; `digits` holds it if it came as an integer. */
static bool read_user_field(struct json_object *node, char digits[DIGITS_MAX + 1], struct span *out)
{
    *out = json_text(node);
    if (json_object_is_type(node, json_type_int)) {
        (void)snprintf(digits, DIGITS_MAX + 1, "%lld", (long long)json_object_get_int64(node));
        *out = span_of(digits);
    }
    return user_is_valid(*out);
}

enum err body_user(struct body *b, const char *name, struct buf *out)
{
    char digits[DIGITS_MAX + 1];
    struct span user;
    enum err e;

    if (!read_user_field(body_find(b, name), digits, &user))
        return body_fail(b, ERR_INVALID, "\"%s\" must be a user id", name);
    e = buf_append(out, user);
    return e ? e : buf_append_char(out, '\0');
}

/* An index as PHP writes it: digits without a leading zero. */
static bool is_index(struct span key)
{
    int64_t n;

    return key.len > 0 && key.p[0] != '-' && (key.p[0] != '0' || key.len == 1) &&
           span_parse_int(key, &n) == ERR_NONE;
}

/* The items of a list with gaps, which PHP encodes as {"0":…,"2":…}; NULL if `object` is none. */
static struct json_object *list_of_indexed(struct json_object *object)
{
    struct json_object_iterator i = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    struct json_object *list = json_object_new_array();

    for (; list && !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        struct json_object *item = json_object_get(json_object_iter_peek_value(&i));

        if (is_index(span_of(json_object_iter_peek_name(&i))) &&
            json_object_array_add(list, item) == 0)
            continue;
        json_object_put(item);
        json_object_put(list);
        list = NULL;
    }
    return list;
}

struct json_object *body_find_list(struct body *b, const char *name)
{
    struct json_object *node = body_find(b, name);
    struct json_object *list;

    if (json_object_is_type(node, json_type_array))
        return node;
    if (!json_object_is_type(node, json_type_object) || json_object_object_length(node) == 0)
        return NULL;
    list = list_of_indexed(node);
    if (list && json_object_object_add(b->root, name, list) != 0) {
        json_object_put(list);
        list = NULL;
    }
    return list;
}

static enum err find_list(struct body *b, const char *name, struct json_object **list)
{
    *list = body_find_list(b, name);
    if (!*list)
        return body_fail(b, ERR_INVALID, "\"%s\" must be a list", name);
    if (json_object_array_length(*list) > BODY_LIST_MAX)
        return body_fail(b, ERR_INVALID, "\"%s\" has more than %d items", name, BODY_LIST_MAX);
    return ERR_NONE;
}

enum err body_ids(struct body *b, const char *name, struct buf *out)
{
    struct json_object *list;
    enum err e = find_list(b, name, &list);

    if (e || (e = array_open(out)))
        return e;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        int64_t id;

        if (!read_int(b, json_object_array_get_idx(list, i), &id))
            return body_fail(b, ERR_INVALID, "\"%s\" must be a list of integers", name);
        if ((e = array_append_int(out, id)))
            return e;
    }
    return array_close(out);
}

enum err body_users(struct body *b, const char *name, struct buf *out)
{
    struct json_object *list;
    enum err e = find_list(b, name, &list);

    if (e || (e = array_open(out)))
        return e;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        char digits[DIGITS_MAX + 1];
        struct span user;

        if (!read_user_field(json_object_array_get_idx(list, i), digits, &user))
            return body_fail(b, ERR_MALFORMED, "\"%s\" has an item that is no user id", name);
        if ((e = array_append_text(out, user)))
            return e;
    }
    return array_close(out);
}

enum err body_texts(struct body *b, const char *name, size_t max, struct buf *out)
{
    struct json_object *list;
    enum err e = find_list(b, name, &list);

    if (e || (e = array_open(out)))
        return e;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        struct span text = json_text(item);

        if (json_object_is_type(item, json_type_int))
            text = span_of(json_object_to_json_string(item));
        if (!text.p || text.len > max || !is_clean_text(text, BODY_LINE))
            return body_fail(b, ERR_INVALID, "\"%s\" must be a list of names", name);
        if ((e = array_append_text(out, text)))
            return e;
    }
    return array_close(out);
}

size_t body_count(const struct body *b, const char *name)
{
    struct json_object *list = body_find(b, name);

    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}
