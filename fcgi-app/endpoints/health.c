/* SPDX-License-Identifier: MIT */
/* GET /health: whether the database can be written; with a service key for metrics, also how it is.
 */
#include <inttypes.h>

#include "common/os/clock.h"
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/shared/health_cache.h"
#include "fcgi-app/shared/metrics.h"
#include "fcgi-app/store/upkeep.h"

static enum err reply_down(struct response *res)
{
    res->http = 503;
    return response_json(res, SPAN("{\"ok\":false}"));
}

static enum err show_publicly(const struct endpoint *ep, struct response *res)
{
    int64_t now_ms = clock_ms();
    bool is_up;

    if (!health_cache_get(ep->health, now_ms, &is_up)) {
        is_up = upkeep_ping(ep->store) == ERR_NONE;
        health_cache_set(ep->health, now_ms, is_up);
    }
    return is_up ? response_json(res, SPAN("{\"ok\":true}")) : reply_down(res);
}

enum err endpoint_show_health(const struct endpoint *ep, const struct request *req,
                              struct response *res)
{
    int64_t standbys = metrics_standbys(ep->metrics);
    struct span details;
    bool is_writable;
    enum err e;

    if (!req->key)
        return show_publicly(ep, res);
    if (upkeep_health(ep->store, &is_writable, &details))
        return reply_down(res);
    if (!is_writable)
        res->http = 503;
    e = response_json(res, is_writable ? SPAN("{\"ok\":true,\"writable\":true,")
                                       : SPAN("{\"ok\":false,\"writable\":false,"));
    if (!e && standbys >= 0)
        e = response_printf(res, "\"workers_with_standby\":%" PRId64 ",", standbys);
    if (!e)
        e = response_printf(res,
                            "\"program\":\"" DOORBELL_VERSION "\",\"clock_difference_s\":%" PRId64
                            ",\"database\":",
                            metrics_clock_difference(ep->metrics, METRICS_CLOCK_DATABASE));
    if (!e)
        e = response_json(res, details);
    return e ? e : response_json(res, SPAN("}"));
}
