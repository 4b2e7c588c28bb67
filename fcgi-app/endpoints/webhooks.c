/* SPDX-License-Identifier: MIT */
/* /webhooks/failed: calls that were given up, and making them once more. */
#include "fcgi-app/store/webhooks.h"
#include "fcgi-app/endpoints/endpoint.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static enum err read_after(const struct request *req, struct response *res, int64_t *after)
{
    const char *text;
    enum err e = request_query(req, "after", &text);

    *after = 0;
    if (e || !text)
        return e;
    if (span_parse_int(span_of(text), after) || *after < 0)
        return response_fail(res, ERR_INVALID, "\"after\" must be the \"next\" of a reply");
    return ERR_NONE;
}

enum err endpoint_list_webhook_calls(const struct endpoint *ep, const struct request *req,
                                     struct response *res)
{
    int64_t after, limit;
    struct span json;
    enum err e = read_after(req, res, &after);

    if (!e)
        e = endpoint_limit(req, res, LIMIT_DEFAULT, LIMIT_MAX, &limit);
    if (!e)
        e = webhooks_list(ep->store, after, limit, &json);
    return e ? e : response_json(res, json);
}

enum err endpoint_retry_webhook_call(const struct endpoint *ep, const struct request *req,
                                     struct response *res)
{
    int64_t id;
    enum err e = request_id(req, &id);

    if (!e)
        e = webhooks_retry(ep->store, id);
    return e ? e : response_json(res, SPAN("{\"retried\":true}"));
}
