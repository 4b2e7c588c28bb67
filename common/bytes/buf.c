/* SPDX-License-Identifier: MIT */
#include "common/bytes/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes/invariant.h"

enum { BUF_CAP_MIN = 64 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_deinit(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_set_max(struct buf *b, size_t max)
{
    b->max = max;
}

size_t buf_room(const struct buf *b)
{
    return b->max > b->len ? b->max - b->len : 0;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
}

struct span buf_span(const struct buf *b)
{
    return (struct span){b->data, b->len};
}

/* Doubles, so that n appends cost n; never over the ceiling. `needed` is more than there is, and
 * within the ceiling: so a capacity that was allowed by a higher one never shrinks. */
static size_t grown_cap(const struct buf *b, size_t needed)
{
    size_t cap = b->cap > BUF_CAP_MIN ? b->cap : BUF_CAP_MIN;

    while (cap < needed)
        cap = cap > SIZE_MAX / 2 ? needed : cap * 2;
    return cap < b->max ? cap : b->max;
}

enum err buf_reserve(struct buf *b, size_t extra)
{
    size_t cap;
    char *data;

    if (!INVARIANT(b->len <= b->cap) || extra > buf_room(b))
        return ERR_TOO_BIG;
    if (extra <= b->cap - b->len)
        return ERR_NONE;
    cap = grown_cap(b, b->len + extra);
    data = realloc(b->data, cap);
    if (!data)
        return ERR_NO_MEMORY;
    b->data = data;
    b->cap = cap;
    return ERR_NONE;
}

enum err buf_append(struct buf *b, struct span s)
{
    enum err e = buf_reserve(b, s.len);

    if (e)
        return e;
    if (s.len > 0)
        memcpy(b->data + b->len, s.p, s.len);
    b->len += s.len;
    return ERR_NONE;
}

enum err buf_append_char(struct buf *b, char c)
{
    return buf_append(b, (struct span){&c, 1});
}

/* By hand: printf takes ten times as long, and frames are made of numbers. */
enum err buf_append_int(struct buf *b, int64_t n)
{
    char text[20]; /* a sign and 19 digits */
    char *end = text + sizeof(text), *p = end;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        *--p = '-';
    return buf_append(b, (struct span){p, (size_t)(end - p)});
}

enum err buf_printf(struct buf *b, const char *format, ...)
{
    char small[256];
    char *text = small;
    va_list args;
    enum err e;
    int len;

    va_start(args, format);
    len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0)
        return ERR_INVALID;
    if ((size_t)len > buf_room(b))
        return ERR_TOO_BIG;
    if ((size_t)len >= sizeof(small)) {
        /* Printed apart: vsnprintf's NUL would need a byte over the ceiling. */
        text = malloc((size_t)len + 1);
        if (!text)
            return ERR_NO_MEMORY;
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    e = buf_append(b, (struct span){text, (size_t)len});
    if (text != small)
        free(text);
    return e;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}
