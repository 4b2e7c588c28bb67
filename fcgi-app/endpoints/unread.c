/* SPDX-License-Identifier: MIT */
/* GET /unread: the check, by far the most frequent request. */
#include "fcgi-app/endpoints/endpoint.h"

#include <inttypes.h>
#include <string.h>

bool endpoint_is_plain_check(const struct request *req)
{
    struct span category, by;

    return !query_get(&req->query, "category", &category) && category.len == 0 &&
           !query_get(&req->query, "by", &by) && by.len == 0;
}

static void set_etag(const struct request *req, struct response *res)
{
    etag_of(buf_span(&res->body), res->etag);
    if (etag_matches(req->if_none_match, span_of(res->etag)))
        res->http = 304;
}

enum err endpoint_reply_unread(const struct request *req, struct response *res,
                               const struct unread *u)
{
    enum err e = response_printf(
        res,
        "{\"num\":%" PRId64 ",\"hit\":%" PRId64 ",\"latest\":%" PRId64 ",\"version\":%" PRId64
        ",\"seq\":%" PRId64 ",\"scope\":%" PRId64 ",\"groups\":%" PRId64 ",\"muted\":",
        u->num, u->hit, u->latest, u->version, u->seq, u->terms.scope, u->terms.groups);

    if (!e)
        e = response_json(res, u->terms.muted);
    if (!e && u->terms.quiet_until)
        e = response_printf(res, ",\"quiet\":[%" PRId64 ",%" PRId64 "]", u->terms.quiet_from,
                            u->terms.quiet_until);
    if (!e)
        e = endpoint_close(req, res, u->epoch);
    if (!e)
        set_etag(req, res);
    return e;
}

static enum err answer_whole(const struct endpoint *ep, const struct request *req,
                             const char *category, struct response *res)
{
    struct reader reader = endpoint_reader(ep, req);
    struct unread unread;
    enum err e = inbox_unread(ep->store, &reader, category, ep->config->app.hit_window_s, &unread);

    return e ? e : endpoint_reply_unread(req, res, &unread);
}

static enum err answer_by_category(const struct endpoint *ep, const struct request *req,
                                   struct response *res)
{
    struct reader reader = endpoint_reader(ep, req);
    struct inbox_json json;
    enum err e = inbox_unread_by_category(ep->store, &reader, ep->config->app.hit_window_s, &json);

    if (!e)
        e = endpoint_json(req, res, &json);
    if (!e)
        set_etag(req, res);
    return e;
}

enum err endpoint_check_unread(const struct endpoint *ep, const struct request *req,
                               struct response *res)
{
    const char *category, *by;
    enum err e = request_query(req, "category", &category);

    if (!e)
        e = request_query(req, "by", &by);
    if (e)
        return response_fail(res, e, "a parameter is given twice");
    if (by && (strcmp(by, "category") != 0 || category))
        return response_fail(res, ERR_INVALID,
                             "\"by\" can only be \"category\", and not together with a category");
    return by ? answer_by_category(ep, req, res) : answer_whole(ep, req, category, res);
}
