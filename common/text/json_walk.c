/* SPDX-License-Identifier: MIT */
#include "common/text/json_walk.h"

#include <stdint.h>
#include <string.h>

enum { NAME_MAX_LEN = 64 /* of a name that we look for */ };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct span skip(struct span s, size_t n)
{
    return (struct span){s.p + n, s.len - n};
}

/* Behind blanks, and a comma or colon among them. */
static struct span skip_gap(struct span s)
{
    while (s.len > 0 && (is_blank(s.p[0]) || s.p[0] == ',' || s.p[0] == ':'))
        s = skip(s, 1);
    return s;
}

/* With both quotes. */
static size_t string_len(struct span s)
{
    size_t i = 1;

    while (i < s.len && s.p[i] != '"')
        i += s.p[i] == '\\' ? 2 : 1;
    return i < s.len ? i + 1 : s.len;
}

/* With both brackets. */
static size_t brackets_len(struct span s)
{
    size_t depth = 0, i = 0;

    for (; i < s.len; i++) {
        switch (s.p[i]) {
        case '"':
            i += string_len(skip(s, i)) - 1;
            break;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            if (--depth == 0)
                return i + 1;
            break;
        }
    }
    return i;
}

static size_t word_len(struct span s)
{
    size_t i = 0;

    while (i < s.len && !is_blank(s.p[i]) && s.p[i] != ',' && s.p[i] != ']' && s.p[i] != '}')
        i++;
    return i;
}

/* Cuts the value that `*rest` begins with. */
static struct span cut_value(struct span *rest)
{
    struct span value = *rest;

    if (value.p[0] == '"')
        value.len = string_len(value);
    else if (value.p[0] == '[' || value.p[0] == '{')
        value.len = brackets_len(value);
    else
        value.len = word_len(value);
    *rest = skip(*rest, value.len);
    return value;
}

struct span json_walk_root(struct span text)
{
    struct span rest = skip_gap(text);

    return rest.len > 0 ? cut_value(&rest) : rest;
}

struct span json_walk_inside(struct span value)
{
    return (struct span){value.p + 1, value.len - 2};
}

bool json_walk_item(struct span *rest, struct span *item)
{
    *rest = skip_gap(*rest);
    if (rest->len == 0)
        return false;
    *item = cut_value(rest);
    return true;
}

size_t json_walk_count(struct span rest)
{
    struct span item;
    size_t n = 0;

    while (json_walk_item(&rest, &item))
        n++;
    return n;
}

bool json_walk_is_array(struct span value)
{
    return value.len > 0 && value.p[0] == '[';
}

bool json_walk_is_text(struct span value)
{
    return value.len > 0 && value.p[0] == '"';
}

static unsigned read_hex4(const char *p)
{
    unsigned code = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];

        code = code * 16 + (c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10);
    }
    return code;
}

/* The character of a \u escape, which with its surrogates may be two of them. */
static uint32_t read_unicode(struct span *rest)
{
    uint32_t code = read_hex4(rest->p + 2);

    *rest = skip(*rest, 6);
    if (code < 0xd800 || code > 0xdbff)
        return code;
    code = 0x10000 + ((code - 0xd800) << 10) + (read_hex4(rest->p + 2) - 0xdc00);
    *rest = skip(*rest, 6);
    return code;
}

/* RFC 3629 3. */
static size_t encode_utf8(uint32_t code, char out[4])
{
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(leads[n] | code);
    return n;
}

/* RFC 8259 7: an escape of *rest as bytes. */
static size_t unescape(struct span *rest, char out[4])
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    char c = rest->p[1];
    const char *at = strchr(letters, c);

    if (c == 'u')
        return encode_utf8(read_unicode(rest), out);
    *rest = skip(*rest, 2);
    out[0] = at ? meanings[at - letters] : c;
    return 1;
}

enum err json_walk_text(struct span value, char *scratch, size_t max, struct span *text)
{
    struct span rest;
    size_t len = 0;

    if (!json_walk_is_text(value))
        return ERR_INVALID;
    rest = json_walk_inside(value);
    if (!memchr(rest.p, '\\', rest.len)) {
        *text = rest;
        return ERR_NONE;
    }
    while (rest.len > 0) {
        char bytes[4] = {rest.p[0]};
        size_t n = 1;

        if (rest.p[0] == '\\')
            n = unescape(&rest, bytes);
        else
            rest = skip(rest, 1);
        if (n > max - len)
            return ERR_TOO_BIG;
        memcpy(scratch + len, bytes, n);
        len += n;
    }
    *text = (struct span){scratch, len};
    return ERR_NONE;
}

/* By what it says, and not how it is written. `count` if it is none of them. */
static size_t find_name(struct span literal, const char *const names[], size_t count)
{
    char scratch[NAME_MAX_LEN];
    struct span name;
    size_t i = 0;

    if (json_walk_text(literal, scratch, sizeof(scratch), &name))
        return count;
    while (i < count && !span_equal(name, span_of(names[i])))
        i++;
    return i;
}

enum err json_walk_members(struct span value, const char *const names[], size_t count,
                           struct span members[])
{
    struct span rest, name;

    if (value.len < 2 || value.p[0] != '{')
        return ERR_INVALID;
    for (size_t i = 0; i < count; i++)
        members[i] = (struct span){NULL, 0};
    rest = json_walk_inside(value);
    while (json_walk_item(&rest, &name)) {
        size_t i;

        i = find_name(name, names, count);
        rest = skip_gap(rest);
        value = cut_value(&rest);
        if (i == count)
            continue;
        if (members[i].p)
            return ERR_MALFORMED;
        members[i] = value;
    }
    return ERR_NONE;
}
