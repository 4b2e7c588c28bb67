/* SPDX-License-Identifier: MIT */
/* GET /messages: pages of the inbox, newest first. The database writes the whole reply. */
#include "fcgi-app/endpoints/endpoints.h"

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 100 };

enum err list_messages(struct worker *w, const struct request *req, struct response *res)
{
    struct reader reader = endpoint_reader(w, req);
    const char *state, *category, *before;
    struct span json;
    int64_t limit;
    enum err e = request_query(req, "state", &state);

    if (!e)
        e = request_query(req, "category", &category);
    if (!e)
        e = request_query(req, "before", &before);
    if (!e)
        e = endpoint_limit(req, res, LIMIT_DEFAULT, LIMIT_MAX, &limit);
    if (!e)
        e = store_list(&w->store, &reader, state ? state : "all", category, before, limit, &json);
    return e ? e : endpoint_json(req, res, json);
}
