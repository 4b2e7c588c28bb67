/* SPDX-License-Identifier: MIT */
#include "fcgi-app/endpoints/endpoint.h"

#include <inttypes.h>
#include <string.h>

#include "common/os/log.h"
#include "common/security/user.h"
#include "common/text/json.h"
#include "common/text/language.h"
#include "fcgi-app/http/languages.h"
#include "fcgi-app/postgres/array.h"

/* Each tag has two quotes and a comma. */
enum { LANGUAGES_ARRAY_MAX = (LANGUAGES_MAX + 1) * (LANGUAGE_TAG_MAX + 3) + 3 };

enum err endpoint_refuse_key(const struct request *req, struct response *res, unsigned needed)
{
    const char *purpose = purpose_name((enum purpose)(needed & -needed));
    struct span name = req->key->name;

    log_warn("refused %s %s: the service key \"%.*s\" lacks the purpose \"%s\"",
             route_method_name(req->route->method), req->route->path, SPAN_ARGS(name), purpose);
    return response_fail(res, ERR_FORBIDDEN,
                         "the key \"%.*s\" lacks \"%s\": add it to the key's \"may\" line in the "
                         "send_key_file and restart doorbell-app",
                         SPAN_ARGS(name), purpose);
}

struct reader endpoint_reader(const struct endpoint *ep, const struct request *req)
{
    return (struct reader){
        .user = req->who.user,
        .since = req->who.since,
        .backlog_days = ep->config->app.backlog_days,
    };
}

static enum err append_languages(const struct languages *accepted, const char *fallback,
                                 struct buf *array)
{
    enum err e = array_open(array);

    for (size_t i = 0; i < accepted->count && !e; i++)
        e = array_append_text(array, accepted->tags[i]);
    if (!e)
        e = array_append_text(array, span_of(fallback));
    return e ? e : array_close(array);
}

enum err endpoint_reading(const struct endpoint *ep, const struct request *req, struct reading *out)
{
    struct languages accepted;
    struct buf array;
    enum err e;

    languages_read(req->accept_language, &accepted);
    buf_init(&array, LANGUAGES_ARRAY_MAX);
    e = append_languages(&accepted, ep->config->app.default_language, &array);
    if (!e) {
        out->language = req->who.lang[0] ? req->who.lang : NULL;
        out->accepted = arena_text(req->arena, buf_span(&array));
        e = out->accepted ? ERR_NONE : ERR_NO_MEMORY;
    }
    buf_deinit(&array);
    return e;
}

enum err endpoint_close(const struct request *req, struct response *res, int64_t epoch)
{
    enum err e = ERR_NONE;

    if (epoch > 0)
        e = response_printf(res, ",\"epoch\":\"%" PRId64 "\"", epoch);
    if (!e)
        e = response_json(res, SPAN(",\"user\":"));
    if (!e)
        e = json_append_text(&res->body, span_of(req->who.user));
    return e ? e : response_json(res, SPAN("}"));
}

enum err endpoint_json(const struct request *req, struct response *res, const struct inbox_json *j)
{
    enum err e = response_json(res, (struct span){j->json.p, j->json.len - 1});

    return e ? e : endpoint_close(req, res, j->epoch);
}

enum err endpoint_counts(const struct request *req, struct response *res,
                         const struct counts *counts, bool has_changed)
{
    enum err e =
        response_printf(res, "{\"num\":%" PRId64 ",\"version\":%" PRId64 ",\"seq\":%" PRId64,
                        counts->num, counts->version, counts->seq);

    res->has_rung = counts->changed > 0;
    if (!e && has_changed)
        e = response_printf(res, ",\"changed\":%" PRId64, counts->changed);
    return e ? e : endpoint_close(req, res, counts->epoch);
}

enum err endpoint_query_user(const struct request *req, struct response *res, const char **user)
{
    enum err e = request_query(req, "user", user);

    if (e == ERR_INVALID)
        return response_fail(res, e, "\"user\" is given twice");
    if (e)
        return e;
    if (!*user)
        return response_fail(res, ERR_INVALID, "\"user\" is needed, as in ?user=42");
    return user_is_valid(span_of(*user)) ? ERR_NONE : ERR_NOT_FOUND;
}

enum err endpoint_flag(const struct request *req, struct response *res, const char *name, bool *out)
{
    const char *text;
    enum err e = request_query(req, name, &text);

    if (e)
        return e;
    *out = text && strcmp(text, "1") == 0;
    if (!text || *out || strcmp(text, "0") == 0)
        return ERR_NONE;
    return response_fail(res, ERR_INVALID, "\"%s\" must be 1 or 0", name);
}

enum err endpoint_limit(const struct request *req, struct response *res, int64_t fallback,
                        int64_t max, int64_t *limit)
{
    const char *text;
    enum err e = request_query(req, "limit", &text);

    *limit = fallback;
    if (e || !text)
        return e;
    if (span_parse_int(span_of(text), limit) || *limit < 1 || *limit > max)
        return response_fail(res, ERR_INVALID, "\"limit\" must be from 1 to %" PRId64, max);
    return ERR_NONE;
}
