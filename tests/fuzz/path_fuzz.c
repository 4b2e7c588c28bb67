/* SPDX-License-Identifier: MIT */
/* The input is REQUEST_URI. What decodes, encodes back to a path that decodes to the same. */
#include "fcgi-app/http/path.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes/buf.h"

#define PREFIX SPAN("/d")

static void append_segment(struct buf *out, struct span s)
{
    if (buf_append_char(out, '/'))
        abort();
    for (size_t i = 0; i < s.len; i++)
        if (buf_printf(out, "%%%02X", (unsigned char)s.p[i]))
            abort();
}

static void check_same(const struct path *path, struct buf *spelling)
{
    struct path again;

    if (path_decode_uri(spelling->data, spelling->len, PREFIX, &again))
        abort();
    if (again.count != path->count)
        abort();
    for (size_t i = 0; i < path->count; i++)
        if (!span_equal(again.segments[i], path->segments[i]))
            abort();
}

static void check(char *uri, size_t len)
{
    struct path path;
    struct buf spelling;

    if (path_decode_uri(uri, len, PREFIX, &path))
        return;
    buf_init(&spelling, 3 * len + 2 * PATH_SEGMENTS_MAX + 16);
    if (buf_append(&spelling, PREFIX))
        abort();
    for (size_t i = 0; i < path.count; i++)
        append_segment(&spelling, path.segments[i]);
    check_same(&path, &spelling);
    buf_deinit(&spelling);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *uri = malloc(size + 1); /* one of its own, so that its end is watched */
    struct path path;

    if (!uri)
        return 0;
    memcpy(uri, data, size);
    (void)!path_split((struct span){uri, size}, PREFIX, &path);
    check(uri, size);
    free(uri);
    return 0;
}
