/* SPDX-License-Identifier: MIT */
/* GET /metrics: what Prometheus collects. It works also while the database is unreachable. */
#include "fcgi-app/endpoints/endpoint.h"
#include "fcgi-app/store/upkeep.h"

#include <json-c/json_object.h>

#include "common/os/log.h"
#include "common/text/json.h"
#include "fcgi-app/shared/metrics.h"

static int64_t read_number(struct json_object *object, const char *name)
{
    int64_t n = json_object_get_int64(json_object_object_get(object, name));

    return n < 0 ? 0 : n;
}

/* From the reply of doorbell.health(). */
static enum err read_health(struct span json, struct metrics_gauges *out)
{
    struct json_object *health, *outbox;
    enum err e = json_decode(json, &health);

    if (e)
        return e;
    outbox = json_object_object_get(health, "outbox");
    out->outbox_rows = read_number(outbox, "depth");
    out->outbox_age_s = read_number(outbox, "age_s");
    out->overdue = read_number(health, "overdue");
    out->drift = read_number(health, "drift");
    json_object_put(health);
    return ERR_NONE;
}

enum err endpoint_show_metrics(const struct endpoint *ep, const struct request *req,
                               struct response *res)
{
    struct metrics_gauges gauges = {.lost_lines = log_lost()};
    struct span health;
    enum err e = upkeep_health(ep->store, &gauges.is_writable, &health);

    (void)req;
    gauges.is_database_up = !e && !read_health(health, &gauges);
    res->type = "text/plain; version=0.0.4; charset=utf-8";
    return metrics_encode(ep->metrics, &gauges, &res->body);
}
