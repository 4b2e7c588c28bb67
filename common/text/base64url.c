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

enum err base64url_encode(struct span bytes, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    unsigned bit_count = 0;
    enum err e = ERR_NONE;

    for (size_t i = 0; i < bytes.len && !e; i++) {
        bits = (bits << 8 | (unsigned char)bytes.p[i]) & 0xffff;
        for (bit_count += 8; bit_count >= 6 && !e; bit_count -= 6)
            e = buf_append_char(out, digits[bits >> (bit_count - 6) & 63]);
    }
    if (bit_count > 0 && !e)
        e = buf_append_char(out, digits[bits << (6 - bit_count) & 63]);
    return e;
}
