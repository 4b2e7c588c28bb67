/* SPDX-License-Identifier: MIT */
/* GET /unread: the check, by far the most frequent request. */
#include "fcgi-app/endpoints/endpoints.h"

#include <inttypes.h>
#include <string.h>

static enum err write_unread(const struct request *req, struct response *res,
                             const struct unread *u)
{
    enum err e = response_printf(res,
                                 "{\"num\":%" PRId64 ",\"hit\":%" PRId64 ",\"latest\":%" PRId64
                                 ",\"version\":%" PRId64 ",\"seq\":%" PRId64,
                                 u->num, u->hit, u->latest, u->version, u->seq);

    return e ? e : endpoint_close(req, res);
}

static enum err answer_whole(struct worker *w, const struct request *req, const char *category,
                             struct response *res)
{
    struct reader reader = endpoint_reader(w, req);
    struct unread unread;
    enum err e =
        inbox_unread(&w->store, &reader, category, w->snapshot->config->app.hit_window_s, &unread);

    return e ? e : write_unread(req, res, &unread);
}

static enum err answer_by_category(struct worker *w, const struct request *req,
                                   struct response *res)
{
    struct reader reader = endpoint_reader(w, req);
    struct span json;
    enum err e =
        inbox_unread_by_category(&w->store, &reader, w->snapshot->config->app.hit_window_s, &json);

    return e ? e : endpoint_json(req, res, json);
}

enum err check_unread(struct worker *w, const struct request *req, struct response *res)
{
    const char *category, *by;
    enum err e = request_query(req, "category", &category);

    if (!e)
        e = request_query(req, "by", &by);
    if (e)
        return response_fail(res, e, "a parameter is given twice");
    if (by && (strcmp(by, "category") != 0 || category))
        return response_fail(res, ERR_INVALID, "\"by\" can be \"category\", and stands alone");
    e = by ? answer_by_category(w, req, res) : answer_whole(w, req, category, res);
    if (e)
        return e;
    etag_of(buf_span(&res->body), res->etag);
    if (etag_matches(req->if_none_match, span_of(res->etag)))
        res->http = 304;
    return ERR_NONE;
}
