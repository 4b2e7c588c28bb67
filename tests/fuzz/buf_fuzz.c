/* SPDX-License-Identifier: MIT */
/* Appends of every kind, and a ceiling that moves, against a plain array of the same bytes: what is
 * refused changes nothing, nothing is taken over the ceiling, and no memory is given back. */
#include "common/bytes/buf.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_MAX = 64 * 1024, STEP_MAX = 600 };

struct model {
    char bytes[MODEL_MAX];
    size_t len;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void note(struct model *m, const struct buf *b, struct span added, enum err e)
{
    bool fits = added.len == 0 || (m->len < b->max && added.len <= b->max - m->len);

    require(e == (fits ? ERR_NONE : ERR_TOO_BIG));
    if (!e && added.len > 0)
        memcpy(m->bytes + m->len, added.p, added.len);
    m->len += e ? 0 : added.len;
}

static void append(struct model *m, struct buf *b, unsigned how, struct span s)
{
    char text[STEP_MAX + 1];

    memset(text, 'x', sizeof(text));
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    switch (how) {
    case 0:
        note(m, b, s, buf_append(b, s));
        break;
    case 1:
        note(m, b, (struct span){text, 1}, buf_append_char(b, text[0]));
        break;
    case 2:
        note(m, b, span_of(text), buf_printf(b, "%s", text));
        break;
    default:
        note(m, b, SPAN("-12345"), buf_append_int(b, -12345));
        break;
    }
}

static void consume(struct model *m, struct buf *b, size_t n)
{
    buf_consume(b, n);
    n = n < m->len ? n : m->len;
    memmove(m->bytes, m->bytes + n, m->len - n);
    m->len -= n;
}

static void reserve(struct buf *b, size_t extra)
{
    enum err e = buf_reserve(b, extra);

    require(e == (extra <= buf_room(b) ? ERR_NONE : ERR_TOO_BIG));
    if (!e && extra > 0)
        memset(b->data + b->len, 'r', extra);
}

/* One step: a byte says what, the next two how much. */
static void step(struct model *m, struct buf *b, unsigned what, size_t amount, struct span rest)
{
    struct span s = {rest.p, rest.len < amount % STEP_MAX ? rest.len : amount % STEP_MAX};

    if (what < 4)
        append(m, b, what, s);
    else if (what == 4)
        buf_set_max(b, amount % MODEL_MAX);
    else if (what == 5)
        consume(m, b, amount);
    else if (what == 6)
        reserve(b, amount);
    else
        consume(m, b, m->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model *m = calloc(1, sizeof(*m));
    struct span rest = {(const char *)data, size};
    struct buf b;

    require(m != NULL);
    buf_init(&b, 256);
    while (rest.len >= 3) {
        size_t cap = b.cap;
        unsigned what = (unsigned char)rest.p[0] % 8;
        size_t amount = ((size_t)(unsigned char)rest.p[1] << 8) | (unsigned char)rest.p[2];

        rest = (struct span){rest.p + 3, rest.len - 3};
        step(m, &b, what, amount, rest);
        require(b.cap >= cap && b.len <= b.cap);
        require(span_equal(buf_span(&b), (struct span){m->bytes, m->len}));
    }
    buf_deinit(&b);
    free(m);
    return 0;
}
