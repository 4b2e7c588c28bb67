/* SPDX-License-Identifier: MIT */
/* The input is what arrives on a connection; its first byte says in what pieces. Any pieces give
 * what the whole gives, and the parameters of a request that is taken are read again here, in one
 * piece and simply, as libfcgi would: no length may reach beyond them. */
#include "fcgi-app/http/fcgi_parser.h"

#include <stdlib.h>
#include <string.h>

static void demand(bool is_true)
{
    if (!is_true)
        abort();
}

/* Feeds copies, so that the end of each piece is watched. */
static enum err feed_pieces(struct fcgi_parser *p, struct span bytes, size_t size, size_t *taken)
{
    enum err e = ERR_INCOMPLETE;

    *taken = 0;
    while (bytes.len > 0 && e == ERR_INCOMPLETE) {
        size_t len = bytes.len < size ? bytes.len : size, used;
        char *piece = malloc(len);

        demand(piece != NULL);
        memcpy(piece, bytes.p, len);
        e = fcgi_parser_feed(p, (struct span){piece, len}, &used);
        free(piece);
        demand(used <= len && (e != ERR_INCOMPLETE || used == len));
        *taken += used;
        bytes.p += len;
        bytes.len -= len;
    }
    return e;
}

static size_t read_length(const unsigned char **p, const unsigned char *end)
{
    size_t len;

    demand(*p < end);
    len = *(*p)++;
    if (len < 0x80)
        return len;
    demand(end - *p >= 3);
    len = (len & 0x7f) << 24 | (size_t)(*p)[0] << 16 | (size_t)(*p)[1] << 8 | (*p)[2];
    *p += 3;
    return len;
}

static void check_pairs(const unsigned char *p, const unsigned char *end)
{
    size_t count = 0;

    demand(end - p <= FCGI_PARAMS_MAX);
    for (; p < end; count++) {
        size_t name = read_length(&p, end), value = read_length(&p, end);

        demand(name <= (size_t)(end - p) && value <= (size_t)(end - p) - name);
        demand(!memchr(p, '=', name) && !memchr(p, '\0', name + value));
        p += name + value;
    }
    demand(count <= FCGI_PARAMS_COUNT_MAX);
}

/* Of a whole request. */
static void check_params(const unsigned char *p, size_t len)
{
    unsigned char *params = malloc(len + 1);
    size_t params_len = 0, content;

    demand(params != NULL);
    for (size_t at = 0; at < len; at += 8 + content + p[at + 6]) {
        content = (size_t)(p[at + 4] << 8 | p[at + 5]);
        demand(p[at] == 1 && 8 + content + p[at + 6] <= len - at);
        if (p[at + 1] != 4)
            continue;
        memcpy(params + params_len, p + at + 8, content);
        params_len += content;
    }
    check_pairs(params, params + params_len);
    free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data + 1, size - 1};
    struct fcgi_parser whole, pieces;
    size_t used, taken;
    enum err e;

    if (size < 2)
        return 0;
    fcgi_parser_init(&whole);
    fcgi_parser_init(&pieces);
    e = fcgi_parser_feed(&whole, bytes, &used);
    demand(feed_pieces(&pieces, bytes, data[0] + 1u, &taken) == e);
    demand(!whole.fault == !pieces.fault && taken >= used);
    if (!e) {
        demand(taken == used);
        check_params((const unsigned char *)bytes.p, used);
    }
    return 0;
}
