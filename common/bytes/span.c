/* SPDX-License-Identifier: MIT */
#include "common/bytes/span.h"

#include <string.h>

#include "common/bytes/invariant.h"

struct span span_of(const char *text)
{
    return text ? (struct span){text, strlen(text)} : (struct span){NULL, 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    }
    return true;
}

bool span_equal_secret(struct span a, struct span b)
{
    /* volatile: or a compiler may leave the loop at the first difference */
    volatile unsigned char difference = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference = (unsigned char)(difference | (a.p[i] ^ b.p[i]));
    return difference == 0;
}

bool span_starts_with(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_equal((struct span){s.p, prefix.len}, prefix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

struct span span_cut(struct span *rest, char separator)
{
    struct span before = INVARIANT(rest->p || rest->len == 0) ? *rest : (struct span){NULL, 0};
    const char *at = before.len > 0 ? memchr(before.p, separator, before.len) : NULL;

    if (!at) {
        *rest = (struct span){NULL, 0};
        return before;
    }
    before.len = (size_t)(at - before.p);
    rest->p = at + 1;
    rest->len -= before.len + 1;
    return before;
}

enum err span_parse_int(struct span s, int64_t *out)
{
    bool is_negative = s.len > 0 && s.p[0] == '-';
    size_t i = is_negative ? 1 : 0;
    int64_t n = 0;

    if (i == s.len)
        return ERR_MALFORMED;
    for (; i < s.len; i++) {
        int digit = s.p[i] - '0';

        if (digit < 0 || digit > 9)
            return ERR_MALFORMED;
        /* Counted downwards, since INT64_MIN has no positive counterpart. */
        if (n < (INT64_MIN + digit) / 10)
            return ERR_MALFORMED;
        n = n * 10 - digit;
    }
    if (!is_negative && n == INT64_MIN)
        return ERR_MALFORMED;
    *out = is_negative ? n : -n;
    return ERR_NONE;
}

/* RFC 3629 4: how long a character is, and what its second byte may be, by its first byte. */
static const struct {
    unsigned char first_min, first_max;
    unsigned char second_min, second_max;
    size_t len;
} utf8_forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool are_continuations(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return false;
    }
    return true;
}

size_t span_utf8_len(struct span s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    if (s.len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
        if (p[0] < utf8_forms[i].first_min || p[0] > utf8_forms[i].first_max)
            continue;
        if (s.len < utf8_forms[i].len || p[1] < utf8_forms[i].second_min ||
            p[1] > utf8_forms[i].second_max)
            return 0;
        return are_continuations(p + 2, utf8_forms[i].len - 2) ? utf8_forms[i].len : 0;
    }
    return 0;
}

bool span_is_utf8(struct span s)
{
    while (s.len > 0) {
        /* Nearly all of it is ASCII: not worth a call. */
        size_t n = (unsigned char)s.p[0] < 0x80 ? 1 : span_utf8_len(s);

        if (n == 0)
            return false;
        s.p += n;
        s.len -= n;
    }
    return true;
}

size_t span_utf8_count(struct span s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.p[i] & 0xc0) != 0x80; /* all but continuations begin one */
    return count;
}

bool span_has_control(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err span_percent_decode(char *bytes, size_t *len, bool plus_is_blank)
{
    size_t out = 0;

    for (size_t in = 0; in < *len; in++) {
        char c = bytes[in];

        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            int high = *len - in > 2 ? hex_digit(bytes[in + 1]) : -1;
            int low = high >= 0 ? hex_digit(bytes[in + 2]) : -1;

            if (low < 0)
                return ERR_MALFORMED;
            c = (char)(high * 16 + low);
            in += 2;
        }
        bytes[out++] = c;
    }
    *len = out;
    return ERR_NONE;
}
