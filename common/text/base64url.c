/* SPDX-License-Identifier: MIT */
#include "common/text/base64url.h"

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

enum err base64url_decode(struct span text, char *out, size_t *len)
{
    unsigned bits = 0;
    unsigned bit_count = 0;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.p[i]);

        if (value < 0)
            return ERR_MALFORMED;
        bits = (bits << 6 | (unsigned)value) & 0xfff;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[n++] = (char)(bits >> bit_count & 0xff);
        }
    }
    /* Six bits left over are a character too many; others must be zero. */
    if (bit_count == 6 || (bits & ((1u << bit_count) - 1)) != 0)
        return ERR_MALFORMED;
    *len = n;
    return ERR_NONE;
}
