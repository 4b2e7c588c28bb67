/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/request.h"

#include <stddef.h>
#include <string.h>

#include "common/http/cookie.h"
#include "common/security/forwarded.h"
#include "common/security/user.h"

/* The parameters that count (RFC 3875 4.1, and what web servers add). */
struct params {
    struct span method, uri, script_name, path_info, query;
    struct span content_type, content_length, if_none_match, accept_language;
    struct span authorization, remote_user, origin, scheme, https, host, expected_user;
    struct span fetch_site, remote_address, sent;
    struct cookies cookies;
    struct forwarded forwarded;
};

#define PARAM(name, field)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, offsetof(struct params, field)                                     \
    }

static const struct {
    const char *name;
    size_t len;
    size_t offset;
} names[] = {
    PARAM("REQUEST_METHOD", method),
    PARAM("REQUEST_URI", uri),
    PARAM("SCRIPT_NAME", script_name),
    PARAM("PATH_INFO", path_info),
    PARAM("QUERY_STRING", query),
    PARAM("CONTENT_TYPE", content_type),
    PARAM("CONTENT_LENGTH", content_length),
    PARAM("HTTP_IF_NONE_MATCH", if_none_match),
    PARAM("HTTP_ACCEPT_LANGUAGE", accept_language),
    PARAM("HTTP_AUTHORIZATION", authorization),
    PARAM("REMOTE_USER", remote_user),
    PARAM("HTTP_ORIGIN", origin),
    PARAM("REQUEST_SCHEME", scheme),
    PARAM("HTTPS", https),
    PARAM("HTTP_HOST", host),
    PARAM("HTTP_DOORBELL_USER", expected_user),
    PARAM("HTTP_SEC_FETCH_SITE", fetch_site),
    PARAM("REMOTE_ADDR", remote_address),
    PARAM("DOORBELL_SENT", sent),
};

#define FIELD(name)                                                                                \
    {                                                                                              \
        name, sizeof(name) - 1                                                                     \
    }

/* Those that may come several times, as the fields of the request did. */
static bool take_field(struct span name, struct span value, struct params *out)
{
    static const struct span lists[FORWARDED_FIELD_COUNT] = {
        [FORWARDED_FOR] = FIELD("HTTP_X_FORWARDED_FOR"),
        [FORWARDED_PROTO] = FIELD("HTTP_X_FORWARDED_PROTO"),
        [FORWARDED_HOST] = FIELD("HTTP_X_FORWARDED_HOST"),
        [FORWARDED_STANDARD] = FIELD("HTTP_FORWARDED"),
    };

    if (span_equal(name, SPAN("HTTP_COOKIE"))) {
        cookies_read(value, &out->cookies);
        return true;
    }
    for (enum forwarded_field field = FORWARDED_FOR; field < FORWARDED_FIELD_COUNT; field++) {
        if (!span_equal(name, lists[field]))
            continue;
        forwarded_add(&out->forwarded, field, value);
        return true;
    }
    return false;
}

static void collect_params(char **env, struct params *out)
{
    for (; *env; env++) {
        struct span value = span_of(*env);
        struct span name = span_cut(&value, '=');

        if (take_field(name, value, out))
            continue;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (span_equal(name, (struct span){names[i].name, names[i].len}))
                *(struct span *)((char *)out + names[i].offset) = value;
    }
}

static struct span scheme_of(const struct params *p)
{
    if (p->scheme.len > 0)
        return p->scheme;
    return span_equal_nocase(p->https, SPAN("on")) ? SPAN("https") : SPAN("http");
}

/* The web server before us tells by parameters what it was asked for, and fields of the request
 * what others before it were. */
static struct forwarded_source source_of(struct params *p, const struct config_list *proxies)
{
    struct forwarded_source source = {.scheme = scheme_of(p), .host = p->host};

    if (!ip_parse(p->remote_address, &source.peer) ||
        span_starts_with(p->remote_address, SPAN("unix:")))
        forwarded_follow(&p->forwarded, proxies, &source);
    return source;
}

static struct credentials credentials_of(struct params *p, unsigned method,
                                         const struct config_list *proxies)
{
    struct forwarded_source source = source_of(p, proxies);

    return (struct credentials){
        .authorization = p->authorization,
        .token = cookies_token(&p->cookies),
        .remote_user = p->remote_user,
        .origin = p->origin,
        .scheme = source.scheme,
        .host = source.host,
        .expected_user = p->expected_user,
        .is_cross_site = span_equal(p->fetch_site, SPAN("cross-site")),
        .is_write = method != METHOD_GET,
    };
}

static char *join_path(struct arena *arena, struct span a, struct span b)
{
    char *text = arena_alloc(arena, a.len + b.len + 1);

    if (text && a.len > 0)
        memcpy(text, a.p, a.len);
    if (text && b.len > 0)
        memcpy(text + a.len, b.p, b.len);
    return text;
}

static enum err read_path(struct request *req, const struct params *p, struct span prefix)
{
    bool has_uri = p->uri.len > 0;
    char *text = has_uri ? arena_text(req->arena, p->uri)
                         : join_path(req->arena, p->script_name, p->path_info);

    if (!text)
        return ERR_NO_MEMORY;
    if (has_uri)
        return path_decode_uri(text, p->uri.len, prefix, &req->path);
    return path_split((struct span){text, p->script_name.len + p->path_info.len}, prefix,
                      &req->path);
}

static enum err read_query(struct request *req, struct span query)
{
    char *text = arena_text(req->arena, query);

    if (!text)
        return ERR_NO_MEMORY;
    return query_decode(text, query.len, &req->query);
}

enum err request_init(struct request *req, char **env, struct span prefix,
                      const struct config_list *proxies)
{
    struct params p = {.method = {NULL, 0}};
    enum err e;

    collect_params(env, &p);
    req->method = route_method(p.method);
    req->is_head = span_equal(p.method, SPAN("HEAD"));
    req->is_repeated = p.sent.len > 0;
    req->content_type = p.content_type;
    req->content_length = p.content_length;
    req->if_none_match = p.if_none_match;
    req->accept_language = p.accept_language;
    req->credentials = credentials_of(&p, req->method, proxies);
    e = read_path(req, &p, prefix);
    return e ? e : read_query(req, p.query);
}

/* Without a CONTENT_LENGTH (a chunked request that the web server passes on as it comes) the limit
 * is all that is known. */
enum err request_expect_body(const struct request *req, size_t max, size_t *len)
{
    int64_t n;

    if (req->content_length.len == 0) {
        *len = max;
        return ERR_NONE;
    }
    if (span_parse_int(req->content_length, &n) || n < 0)
        return ERR_MALFORMED;
    if ((uint64_t)n > max)
        return ERR_TOO_BIG;
    *len = (size_t)n;
    return ERR_NONE;
}

enum err request_check_body(const struct request *req, size_t len, size_t expected)
{
    bool has_length = req->content_length.len > 0;

    if (len > expected)
        return has_length ? ERR_MALFORMED : ERR_TOO_BIG;
    if (has_length && len < expected)
        return ERR_MALFORMED;
    return ERR_NONE;
}

enum err request_id(const struct request *req, int64_t *id)
{
    return span_parse_int(req->args[0], id) ? ERR_NOT_FOUND : ERR_NONE;
}

enum err request_name(const struct request *req, size_t i, const char **out)
{
    if (!user_is_valid(req->args[i]))
        return ERR_NOT_FOUND;
    *out = arena_text(req->arena, req->args[i]);
    return *out ? ERR_NONE : ERR_NO_MEMORY;
}

/* NULL where there is none. */
static enum err keep_text(const struct request *req, struct span value, const char **out)
{
    *out = value.p ? arena_text(req->arena, value) : NULL;
    return *out || !value.p ? ERR_NONE : ERR_NO_MEMORY;
}

enum err request_query(const struct request *req, const char *name, const char **out)
{
    struct span value;
    enum err e = query_get(&req->query, name, &value);

    *out = NULL;
    return e || value.len == 0 ? e : keep_text(req, value, out);
}

enum err request_text(const struct request *req, const char *name, size_t max,
                      enum body_text_kind kind, const char **out)
{
    struct span value = {NULL, 0};
    enum err e = body_text(req->body, name, max, kind, &value);

    *out = NULL;
    return e ? e : keep_text(req, value, out);
}

enum err request_text_or_none(const struct request *req, const char *name, size_t max,
                              enum body_text_kind kind, const char **out)
{
    enum err e = request_text(req, name, max, kind, out);

    if (!e && !*out && body_has(req->body, name))
        *out = "";
    return e;
}

enum err request_object(const struct request *req, const char *name, size_t max, const char **out)
{
    struct span value = {NULL, 0};
    enum err e = body_object(req->body, name, max, &value);

    *out = NULL;
    return e ? e : keep_text(req, value, out);
}
