/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/route.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    enum method method;
} methods[] = {
    {"GET", METHOD_GET}, {"HEAD", METHOD_GET},      {"POST", METHOD_POST},
    {"PUT", METHOD_PUT}, {"DELETE", METHOD_DELETE},
};

unsigned route_method(struct span name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (span_equal(name, span_of(methods[i].name)))
            return methods[i].method;
    return 0;
}

const char *route_method_name(enum method method)
{
    size_t i = 0;

    while (methods[i].method != method)
        i++;
    return methods[i].name;
}

static bool is_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len > 0;
}

/* Whether `segment` fits `pattern`; counts and stores what stands for a {…}. */
static bool fits(struct span pattern, struct span segment, struct span *args, size_t *args_count)
{
    if (!span_starts_with(pattern, SPAN("{")))
        return span_equal(pattern, segment);
    if (*args_count == ROUTE_ARGS_MAX || segment.len == 0)
        return false;
    if (span_equal(pattern, SPAN("{id}")) && !is_digits(segment))
        return false;
    args[(*args_count)++] = segment;
    return true;
}

static bool has_path(const struct route *route, const struct path *path, struct span *args)
{
    struct span rest = span_of(route->path + 1);
    size_t args_count = 0, i = 0;

    for (; rest.p && i < path->count; i++)
        if (!fits(span_cut(&rest, '/'), path->segments[i], args, &args_count))
            return false;
    return !rest.p && i == path->count;
}

/* RFC 7231 7.4.1; every resource that has GET has HEAD. */
static void write_allow(unsigned allowed, char *out)
{
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (!(allowed & methods[i].method))
            continue;
        if (out[0])
            strcat(out, ", ");
        strcat(out, methods[i].name);
    }
}

enum err route_find(const struct route *routes, size_t count, unsigned method,
                    const struct path *path, struct route_match *out)
{
    unsigned allowed = 0;

    for (size_t i = 0; i < count; i++) {
        struct route_match match = {.route = &routes[i]};

        if (!has_path(&routes[i], path, match.args))
            continue;
        if (routes[i].method == method) {
            *out = match;
            return ERR_NONE;
        }
        allowed |= routes[i].method;
    }
    if (!allowed)
        return ERR_NOT_FOUND;
    write_allow(allowed, out->allow);
    return ERR_METHOD;
}
