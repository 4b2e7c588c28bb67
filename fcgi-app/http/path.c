/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/path.h"

#include <string.h>

/* RFC 7230 5.3.2: http://host/path is a request target too; what counts is its path. */
static struct span skip_authority(struct span uri)
{
    static const struct span marks[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *slash;

        if (!span_starts_with(uri, marks[i]))
            continue;
        slash = memchr(uri.p + marks[i].len, '/', uri.len - marks[i].len);
        if (!slash)
            return SPAN("/");
        return (struct span){slash, uri.len - (size_t)(slash - uri.p)};
    }
    return uri;
}

static enum err remove_prefix(struct span *path, struct span prefix)
{
    if (!span_starts_with(*path, prefix))
        return ERR_NOT_FOUND;
    path->p += prefix.len;
    path->len -= prefix.len;
    if (path->len == 0 || path->p[0] != '/')
        return ERR_NOT_FOUND;
    path->p++;
    path->len--;
    return ERR_NONE;
}

static enum err check_segment(struct span s)
{
    if (s.len > 0 && memchr(s.p, '\0', s.len))
        return ERR_MALFORMED;
    if (span_equal(s, SPAN(".")) || span_equal(s, SPAN("..")) || !span_is_utf8(s))
        return ERR_MALFORMED;
    return ERR_NONE;
}

static enum err split(struct span text, struct span prefix, struct path *out)
{
    struct path path = {.count = 0};
    enum err e = remove_prefix(&text, prefix);

    if (e)
        return e;
    while (text.p) {
        if (path.count == PATH_SEGMENTS_MAX)
            return ERR_NOT_FOUND;
        path.segments[path.count++] = span_cut(&text, '/');
    }
    *out = path;
    return ERR_NONE;
}

enum err path_decode_uri(char *uri, size_t len, struct span prefix, struct path *out)
{
    struct span rest = {uri, len};
    struct path path;
    enum err e = split(skip_authority(span_cut(&rest, '?')), prefix, &path);

    if (e)
        return e;
    for (size_t i = 0; i < path.count; i++) {
        struct span *s = &path.segments[i];

        if (s->len == 0)
            continue;
        e = span_percent_decode(uri + (s->p - uri), &s->len, false);
        if (e || (e = check_segment(*s)))
            return e;
    }
    *out = path;
    return ERR_NONE;
}

enum err path_split(struct span text, struct span prefix, struct path *out)
{
    struct path path;
    enum err e = split(text, prefix, &path);

    if (e)
        return e;
    for (size_t i = 0; i < path.count; i++) {
        e = check_segment(path.segments[i]);
        if (e)
            return e;
    }
    *out = path;
    return ERR_NONE;
}
