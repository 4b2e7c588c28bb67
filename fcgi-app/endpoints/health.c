/* SPDX-License-Identifier: MIT */
/* GET /health: whether the database answers; to the holder of the send key, also how it is. */
#include "fcgi-app/endpoints/endpoints.h"
#include "fcgi-app/store/upkeep.h"

enum err show_health(struct worker *w, const struct request *req, struct response *res)
{
    struct span details;
    enum err e = upkeep_health(&w->store, &details);

    if (e) {
        res->http = 503;
        return response_json(res, SPAN("{\"ok\":false}"));
    }
    if (!req->is_service)
        return response_json(res, SPAN("{\"ok\":true}"));
    e = response_json(res, SPAN("{\"ok\":true,\"program\":\"" DOORBELL_VERSION "\",\"database\":"));
    if (!e)
        e = response_json(res, details);
    return e ? e : response_json(res, SPAN("}"));
}
