/* SPDX-License-Identifier: MIT */
/* GET /messages: pages of the inbox, newest first. The database writes the whole reply. */
#include "fcgi-app/endpoints/endpoint.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 100 };

enum err endpoint_list_messages(const struct endpoint *ep, const struct request *req,
                                struct response *res)
{
    struct reader reader = endpoint_reader(ep, req);
    struct inbox_filter filter = {.limit = 0};
    struct reading reading;
    struct inbox_json json;
    enum err e = request_query(req, "state", &filter.state);

    if (!e)
        e = request_query(req, "category", &filter.category);
    if (!e)
        e = request_query(req, "before", &filter.before);
    if (!e)
        e = request_query(req, "group_key", &filter.group_key);
    if (!e)
        e = endpoint_flag(req, res, "grouped", &filter.is_grouped);
    if (!e)
        e = endpoint_limit(req, res, LIMIT_DEFAULT, LIMIT_MAX, &filter.limit);
    if (!filter.state)
        filter.state = "all";
    if (!e)
        e = endpoint_reading(ep, req, &reading);
    if (!e)
        e = inbox_list(ep->store, &reader, &filter, &reading, &json);
    return e ? e : endpoint_json(req, res, &json);
}
