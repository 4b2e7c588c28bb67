/* SPDX-License-Identifier: MIT */
#include "relay/http/chunked.h"

#include <stdbool.h>
#include <string.h>

enum { CHUNK_MAX = 1 << 30 };

static int digit_of(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch = (char)(ch | 0x20);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static enum err hear_size(struct chunked *c, char ch)
{
    int digit = digit_of(ch);

    if (digit >= 0) {
        if (c->left > (CHUNK_MAX - (size_t)digit) / 16)
            return ERR_MALFORMED;
        c->left = c->left * 16 + (size_t)digit;
        return ERR_NONE;
    }
    if (c->passed == 1)
        return ERR_MALFORMED; /* no digit */
    if (ch == '\r')
        c->state = CHUNKED_SIZE_END;
    else if (ch == ';' || ch == ' ' || ch == '\t')
        c->state = CHUNKED_EXTENSION;
    else
        return ERR_MALFORMED;
    return ERR_NONE;
}

/* A byte of a line that is passed over, up to its carriage return. */
static enum err pass_over(struct chunked *c, char ch, enum chunked_state at_end)
{
    if (ch == '\r')
        c->state = at_end;
    else if (((unsigned char)ch < 0x20 && ch != '\t') || ch == 0x7f)
        return ERR_MALFORMED;
    return ERR_NONE;
}

/* A line feed, and nothing else. */
static enum err end_line(struct chunked *c, char ch, enum chunked_state next)
{
    c->state = next;
    return ch == '\n' ? ERR_NONE : ERR_MALFORMED;
}

/* ERR_END: the body ends with this byte, none of it is data. */
static enum err hear_byte(struct chunked *c, char ch)
{
    bool is_trailer = c->state >= CHUNKED_TRAILER;

    if (++c->passed > (is_trailer ? CHUNKED_TRAILER_MAX : CHUNKED_LINE_MAX))
        return ERR_MALFORMED;
    switch (c->state) {
    case CHUNKED_SIZE:
        return hear_size(c, ch);
    case CHUNKED_EXTENSION:
        return pass_over(c, ch, CHUNKED_SIZE_END);
    case CHUNKED_SIZE_END:
        c->passed = 0;
        return end_line(c, ch, c->left > 0 ? CHUNKED_DATA : CHUNKED_TRAILER);
    case CHUNKED_DATA_CR:
        c->state = CHUNKED_DATA_END;
        return ch == '\r' ? ERR_NONE : ERR_MALFORMED;
    case CHUNKED_DATA_END:
        c->passed = 0;
        return end_line(c, ch, CHUNKED_SIZE);
    case CHUNKED_TRAILER:
        c->state = CHUNKED_TRAILER_LINE;
        return pass_over(c, ch, CHUNKED_END);
    case CHUNKED_TRAILER_LINE:
        return pass_over(c, ch, CHUNKED_TRAILER_LINE_END);
    case CHUNKED_TRAILER_LINE_END:
        return end_line(c, ch, CHUNKED_TRAILER);
    case CHUNKED_END:
        return ch == '\n' ? ERR_END : ERR_MALFORMED;
    default:
        return ERR_MALFORMED;
    }
}

enum err chunked_decode(struct chunked *c, struct span in, char *out, size_t *used, size_t *written)
{
    size_t at = 0;
    enum err e = ERR_NONE;

    *written = 0;
    while (at < in.len && !e) {
        if (c->state == CHUNKED_DATA) {
            size_t n = in.len - at < c->left ? in.len - at : c->left;

            memmove(out + *written, in.p + at, n);
            *written += n;
            at += n;
            c->left -= n;
            if (c->left == 0)
                c->state = CHUNKED_DATA_CR;
        } else {
            e = hear_byte(c, in.p[at++]);
        }
    }
    *used = at;
    if (e == ERR_END)
        return ERR_NONE;
    return e ? e : ERR_INCOMPLETE;
}
