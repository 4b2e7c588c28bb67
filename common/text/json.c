/* SPDX-License-Identifier: MIT */
#include "common/text/json.h"

#include <json-c/json_object_iterator.h>
#include <json-c/json_tokener.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { EXPONENT_MAX = 308 };

/* json-c's strict mode takes NaN, 1., -01, 'name', raw control characters, lone surrogates and
 * overlong UTF-8, turns an integer that is too big into another one, and keeps the last of two
 * members of one name. So the syntax is checked here, by RFC 8259 to the letter, and json-c only
 * builds the tree. */
struct scan {
    struct span rest;
    size_t member_count; /* of all objects */
    unsigned depth;
    char closers[JSON_DEPTH_MAX]; /* of what is open: ']' or '}' */
};

static char peek(const struct scan *s)
{
    return s->rest.len > 0 ? s->rest.p[0] : '\0'; /* a NUL is nowhere valid */
}

static void skip(struct scan *s, size_t n)
{
    s->rest.p += n;
    s->rest.len -= n;
}

static bool take(struct scan *s, char c)
{
    if (s->rest.len == 0 || s->rest.p[0] != c)
        return false;
    skip(s, 1);
    return true;
}

static void skip_space(struct scan *s)
{
    while (take(s, ' ') || take(s, '\t') || take(s, '\n') || take(s, '\r'))
        continue;
}

static size_t skip_digits(struct scan *s)
{
    size_t n = 0;

    while (peek(s) >= '0' && peek(s) <= '9') {
        skip(s, 1);
        n++;
    }
    return n;
}

/* RFC 8259 6. */
static bool scan_number(struct scan *s)
{
    struct span text = s->rest;
    bool is_integer = true;
    int64_t ignored;

    take(s, '-');
    if (!take(s, '0') && skip_digits(s) == 0)
        return false;
    if (take(s, '.')) {
        is_integer = false;
        if (skip_digits(s) == 0)
            return false;
    }
    if (take(s, 'e') || take(s, 'E')) {
        is_integer = false;
        if (!take(s, '+'))
            take(s, '-');
        if (skip_digits(s) == 0)
            return false;
    }
    text.len -= s->rest.len;
    return !is_integer || span_parse_int(text, &ignored) == ERR_NONE;
}

static bool scan_hex4(struct scan *s, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(s);

        if (c >= '0' && c <= '9')
            *code = *code * 16 + (unsigned)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            *code = *code * 16 + (unsigned)((c | 0x20) - 'a' + 10);
        else
            return false;
        skip(s, 1);
    }
    return true;
}

/* RFC 8259 7; surrogates must come in pairs, since nothing else has a UTF-8 form. */
static bool scan_escape(struct scan *s)
{
    unsigned code;
    char c = peek(s);

    if (c == '\0' || !strchr("\"\\/bfnrtu", c))
        return false;
    skip(s, 1);
    if (c != 'u')
        return true;
    if (!scan_hex4(s, &code) || (code >= 0xdc00 && code <= 0xdfff))
        return false;
    if (code < 0xd800 || code > 0xdbff)
        return true;
    return take(s, '\\') && take(s, 'u') && scan_hex4(s, &code) && code >= 0xdc00 && code <= 0xdfff;
}

/* What a string may hold as it is. */
static size_t plain_len(struct span s)
{
    size_t n = 0;

    while (n < s.len && (unsigned char)s.p[n] >= 0x20 && s.p[n] != '"' && s.p[n] != '\\')
        n++;
    return n;
}

static bool scan_string(struct scan *s)
{
    if (!take(s, '"'))
        return false;
    for (;;) {
        skip(s, plain_len(s->rest));
        if (take(s, '"'))
            return true;
        if (!take(s, '\\') || !scan_escape(s))
            return false;
    }
}

static bool scan_word(struct scan *s, struct span word)
{
    if (!span_starts_with(s->rest, word))
        return false;
    skip(s, word.len);
    return true;
}

static bool scan_scalar(struct scan *s)
{
    switch (peek(s)) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, SPAN("true"));
    case 'f':
        return scan_word(s, SPAN("false"));
    case 'n':
        return scan_word(s, SPAN("null"));
    default:
        return scan_number(s);
    }
}

/* "name" : */
static bool scan_name(struct scan *s)
{
    s->member_count++;
    skip_space(s);
    if (!scan_string(s))
        return false;
    skip_space(s);
    return take(s, ':');
}

/* Behind a value: closes what ends here; true once a comma asks for another value, or all is
 * closed. */
static bool scan_after_value(struct scan *s)
{
    for (;;) {
        skip_space(s);
        if (s->depth == 0)
            return true;
        if (take(s, ','))
            return s->closers[s->depth - 1] == ']' || scan_name(s);
        if (!take(s, s->closers[s->depth - 1]))
            return false;
        s->depth--;
    }
}

static enum err scan_syntax(struct span text, size_t *member_count)
{
    struct scan s = {.rest = text};

    for (;;) {
        bool is_array;

        skip_space(&s);
        is_array = take(&s, '[');
        if (is_array || take(&s, '{')) {
            if (s.depth == JSON_DEPTH_MAX)
                return ERR_TOO_BIG;
            s.closers[s.depth++] = is_array ? ']' : '}';
            skip_space(&s);
            if (peek(&s) != s.closers[s.depth - 1]) {
                if (!is_array && !scan_name(&s))
                    return ERR_MALFORMED;
                continue;
            }
        } else if (!scan_scalar(&s)) {
            return ERR_MALFORMED;
        }
        if (!scan_after_value(&s))
            return ERR_MALFORMED;
        if (s.depth == 0)
            break;
    }
    *member_count = s.member_count;
    return s.rest.len == 0 ? ERR_NONE : ERR_MALFORMED;
}

/* At most JSON_DEPTH_MAX levels deep. */
static size_t count_members(struct json_object *node)
{
    size_t n = 0;

    if (json_object_is_type(node, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(node); i++)
            n += count_members(json_object_array_get_idx(node, i));
    } else if (json_object_is_type(node, json_type_object)) {
        struct json_object_iterator at = json_object_iter_begin(node);
        struct json_object_iterator end = json_object_iter_end(node);

        for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
            n += 1 + count_members(json_object_iter_peek_value(&at));
    }
    return n;
}

static enum err build(struct json_tokener *tokener, struct span text, struct json_object **out)
{
    struct json_object *node = json_tokener_parse_ex(tokener, text.p, (int)text.len);
    enum json_tokener_error result = json_tokener_get_error(tokener);

    /* A bare number ends only where something else begins: a NUL. */
    if (result == json_tokener_continue) {
        node = json_tokener_parse_ex(tokener, "", 1);
        result = json_tokener_get_error(tokener);
    }
    if (result == json_tokener_error_depth)
        return ERR_TOO_BIG;
    if (result != json_tokener_success)
        return ERR_MALFORMED;
    *out = node;
    return ERR_NONE;
}

static enum err check(struct span text, size_t *member_count)
{
    if (text.len >= INT_MAX)
        return ERR_TOO_BIG;
    if (!span_is_utf8(text))
        return ERR_MALFORMED;
    return scan_syntax(text, member_count);
}

enum err json_check(struct span text)
{
    size_t ignored;

    return check(text, &ignored);
}

enum err json_decode(struct span text, struct json_object **out)
{
    struct json_tokener *tokener;
    struct json_object *node = NULL;
    size_t member_count;
    enum err e;

    e = check(text, &member_count);
    if (e)
        return e;
    /* json-c counts the scalar inside the innermost brackets as a level. */
    tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
    if (!tokener)
        return ERR_NO_MEMORY;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    e = build(tokener, text, &node);
    json_tokener_free(tokener);
    if (e)
        return e;
    /* A member that is missing had the name of another: who reads which is anybody's guess. */
    if (count_members(node) != member_count) {
        json_object_put(node);
        return ERR_MALFORMED;
    }
    *out = node;
    return ERR_NONE;
}

/* An escaped backslash before "u0000" is skipped as a pair. */
bool json_has_nul(struct span json)
{
    for (size_t i = 0; i + 1 < json.len; i++) {
        if (json.p[i] != '\\')
            continue;
        if (span_starts_with((struct span){json.p + i, json.len - i}, SPAN("\\u0000")))
            return true;
        i++;
    }
    return false;
}

/* How long the string is that `json` begins with, both quotes included. */
static size_t string_len(struct span json)
{
    size_t i = 1;

    while (i < json.len && json.p[i] != '"')
        i += json.p[i] == '\\' ? 2 : 1;
    return i + 1;
}

static bool is_vast(struct span exponent)
{
    int n = 0;

    if (exponent.len > 0 && (exponent.p[0] == '-' || exponent.p[0] == '+'))
        exponent = (struct span){exponent.p + 1, exponent.len - 1};
    for (size_t i = 0; i < exponent.len && exponent.p[i] >= '0' && exponent.p[i] <= '9'; i++) {
        n = 10 * n + (exponent.p[i] - '0');
        if (n > EXPONENT_MAX)
            return true;
    }
    return false;
}

/* Outside of strings an E is that of a number: what is in "true" and "false" has no digit after it.
 */
bool json_has_vast_number(struct span json)
{
    for (size_t i = 0; i < json.len; i++) {
        struct span rest = {json.p + i, json.len - i};

        if (rest.p[0] == '"')
            i += string_len(rest) - 1;
        else if ((rest.p[0] | 0x20) == 'e' && is_vast((struct span){rest.p + 1, rest.len - 1}))
            return true;
    }
    return false;
}

struct span json_text(struct json_object *node)
{
    if (!json_object_is_type(node, json_type_string))
        return (struct span){NULL, 0};
    return (struct span){json_object_get_string(node), (size_t)json_object_get_string_len(node)};
}

/* The escape of one byte, or none. */
static struct span escape_of(unsigned char c, char scratch[static 7])
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c ? strchr(named, c) : NULL;

    if (at) {
        scratch[0] = '\\';
        scratch[1] = letters[at - named];
        return (struct span){scratch, 2};
    }
    if (c >= 0x20)
        return (struct span){NULL, 0};
    snprintf(scratch, 7, "\\u%04x", c);
    return (struct span){scratch, 6};
}

static enum err append_escaped(struct buf *out, struct span text)
{
    size_t plain = 0; /* where the bytes not yet appended begin */

    for (size_t i = 0; i < text.len; i++) {
        char scratch[7];
        struct span escape = escape_of((unsigned char)text.p[i], scratch);
        enum err e;

        if (escape.len == 0)
            continue;
        e = buf_append(out, (struct span){text.p + plain, i - plain});
        if (!e)
            e = buf_append(out, escape);
        if (e)
            return e;
        plain = i + 1;
    }
    if (plain == text.len)
        return ERR_NONE;
    return buf_append(out, (struct span){text.p + plain, text.len - plain});
}

/* `n` bytes of well-formed UTF-8; RFC 3629 3. */
static unsigned code_point(const char *p, size_t n)
{
    unsigned code = (unsigned char)p[0];

    if (n == 1)
        return code;
    code &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)p[i] & 0x3f);
    return code;
}

static enum err append_code_point(struct buf *out, unsigned code)
{
    char scratch[7];
    struct span escape;
    char c = (char)code;

    if (code > 0xffff)
        return buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
                          0xdc00 + (code & 0x3ff));
    if (code > 0x7e)
        return buf_printf(out, "\\u%04x", code);
    escape = escape_of((unsigned char)code, scratch);
    return buf_append(out, escape.len > 0 ? escape : (struct span){&c, 1});
}

static enum err append_ascii(struct buf *out, struct span text)
{
    enum err e = ERR_NONE;

    while (text.len > 0 && !e) {
        size_t n = span_utf8_len(text);

        e = append_code_point(out, n ? code_point(text.p, n) : 0xfffd);
        n = n ? n : 1;
        text.p += n;
        text.len -= n;
    }
    return e;
}

static enum err append_quoted(struct buf *out, struct span text,
                              enum err (*append)(struct buf *out, struct span text))
{
    size_t start = out->len;
    enum err e = buf_append_char(out, '"');

    if (!e)
        e = append(out, text);
    if (!e)
        e = buf_append_char(out, '"');
    if (e)
        out->len = start; /* whole or not at all */
    return e;
}

enum err json_append_text(struct buf *out, struct span text)
{
    return append_quoted(out, text, append_escaped);
}

enum err json_append_next(struct buf *out, const char **before, struct span text)
{
    enum err e = buf_append(out, span_of(*before));

    *before = ",";
    return e ? e : json_append_text(out, text);
}

enum err json_append_ascii(struct buf *out, struct span text)
{
    return append_quoted(out, text, append_ascii);
}
