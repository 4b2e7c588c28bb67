/* SPDX-License-Identifier: MIT */
/* The first byte says in what pieces the rest comes: it is decoded to the same, in place, as in one
 * piece, and never to more than there was. */
#include "relay/http/chunked.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct result {
    enum err e;
    size_t used, len;
};

static struct result decode(char *bytes, size_t size, size_t step)
{
    struct chunked c = {0};
    struct result r = {ERR_INCOMPLETE, 0, 0};

    while (r.used < size && r.e == ERR_INCOMPLETE) {
        size_t n = size - r.used < step ? size - r.used : step, used, written;

        r.e = chunked_decode(&c, (struct span){bytes + r.used, n}, bytes + r.len, &used, &written);
        if (used > n || written > used || (r.e == ERR_INCOMPLETE && used != n))
            abort();
        r.used += used;
        r.len += written;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, pieces;
    char *a, *b;

    if (size < 2)
        return 0;
    a = malloc(size);
    b = malloc(size);
    if (!a || !b)
        abort();
    memcpy(a, data + 1, size - 1);
    memcpy(b, data + 1, size - 1);
    whole = decode(a, size - 1, size);
    pieces = decode(b, size - 1, 1 + data[0]);
    if (whole.e != pieces.e || whole.used != pieces.used || whole.len != pieces.len ||
        memcmp(a, b, whole.len) != 0)
        abort();
    free(a);
    free(b);
    return 0;
}
