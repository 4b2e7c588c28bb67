/* SPDX-License-Identifier: MIT */
/* GET /health: whether the database works; with a service key for metrics, also how it is. */
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/store/upkeep.h"

enum err endpoint_show_health(const struct endpoint *ep, const struct request *req,
                              struct response *res)
{
    struct span details;
    enum err e = upkeep_health(ep->store, &details);

    if (e) {
        res->http = 503;
        return response_json(res, SPAN("{\"ok\":false}"));
    }
    if (!req->key)
        return response_json(res, SPAN("{\"ok\":true}"));
    e = response_json(res, SPAN("{\"ok\":true,\"program\":\"" DOORBELL_VERSION "\",\"database\":"));
    if (!e)
        e = response_json(res, details);
    return e ? e : response_json(res, SPAN("}"));
}
