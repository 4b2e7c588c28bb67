/* SPDX-License-Identifier: MIT */
/* The input is what waits on a connection. What is whole stays whole with more behind it, and what
 * is bad or whole shows at some length first: before that it is partial. */
#include "fcgi-app/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum record_state all = record_scan((struct span){(const char *)data, size});
    char *half = malloc(size / 2 + 1); /* one of its own, so that its end is watched */
    enum record_state part;

    if (!half)
        return 0;
    memcpy(half, data, size / 2);
    part = record_scan((struct span){half, size / 2});
    if (part != RECORD_PARTIAL && part != all)
        abort();
    free(half);
    return 0;
}
