/* SPDX-License-Identifier: MIT */
/* GET /messages: pages of the inbox, newest first, or what changed since one. The database writes
 * the whole reply. */
#include "fcgi-app/endpoints/endpoint.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 100 };

/* Which messages, and which of them. */
static enum err read_filter(const struct request *req, struct response *res,
                            struct inbox_filter *filter)
{
    enum err e = request_query(req, "state", &filter->state);

    if (!e)
        e = request_query(req, "category", &filter->category);
    if (!e)
        e = request_query(req, "before", &filter->before);
    if (!e)
        e = request_query(req, "after", &filter->after);
    if (!e)
        e = request_query(req, "group_key", &filter->group_key);
    if (!e)
        e = endpoint_flag(req, res, "grouped", &filter->is_grouped);
    if (!e)
        e = endpoint_limit(req, res, filter->after ? LIMIT_MAX : LIMIT_DEFAULT, LIMIT_MAX,
                           &filter->limit);
    if (!filter->state)
        filter->state = "all";
    if (!e && filter->after && (filter->before || filter->group_key || filter->is_grouped))
        e = response_fail(res, ERR_INVALID,
                          "\"after\" tells of single messages, of all pages: leave out \"before\", "
                          "\"grouped\" and \"group_key\"");
    return e;
}

enum err endpoint_list_messages(const struct endpoint *ep, const struct request *req,
                                struct response *res)
{
    struct reader reader = endpoint_reader(ep, req);
    struct inbox_filter filter = {.limit = 0};
    struct reading reading;
    struct inbox_json json;
    enum err e = read_filter(req, res, &filter);

    if (!e)
        e = endpoint_reading(ep, req, &reading);
    if (!e)
        e = filter.after ? inbox_list_after(ep->store, &reader, &filter, &reading, &json)
                         : inbox_list(ep->store, &reader, &filter, &reading, &json);
    return e ? e : endpoint_json(req, res, &json);
}
