/* SPDX-License-Identifier: MIT */
#include "relay/publish/web_msg_sender_call.h"

#include <string.h>

#include "common/http/status.h"
#include "common/security/user.h"
#include "relay/publish/elsewhere.h"
#include "relay/publish/web_msg_sender.h"

static bool is_key_needed(const struct api *api)
{
    return !api->config->relay.legacy_publish || !api->is_local;
}

static enum err answer(struct http_response *res, int status, const char *text)
{
    res->status = status;
    res->content_type = "text/html;charset=utf-8";
    return buf_append(&res->body, span_of(text));
}

/* What the call says of how it went. */
static enum err answer_ring(struct http_response *res, enum err e, const char *done)
{
    switch (e) {
    case ERR_NONE:
        return answer(res, 200, done);
    case ERR_TOO_BIG:
        return answer(res, 413, "fail");
    default:
        res->headers = "Retry-After: 1\r\n";
        return answer(res, 429, "fail");
    }
}

static enum err run_call(struct api *api, const struct web_msg_sender_call *call,
                         struct http_request *req, struct http_response *res)
{
    bool is_zero = api->config->relay.legacy_publish && span_equal(call->to, SPAN("0"));
    struct ring ring = {.type = RING_ASK, .text = call->content};
    size_t count = 0;
    enum err e;

    if (call->is_broken || !span_equal(call->type, SPAN("publish")))
        return answer(res, 200, "fail");
    if (call->charset_error)
        return answer(res, status_of(call->charset_error)->http, "fail");
    if (!ring.text.p)
        ring.text = SPAN("");
    if (is_zero)
        api->has_seen_zero = true;
    if (call->to.len == 0 || is_zero) {
        e = api->ops->ring_all(api->ctx, &ring, &count);
        metrics_count(api->metrics, COUNT_RINGS_ALL, !e);
        if (!e && api->cluster)
            elsewhere_text(api, SPAN(""), ring.text);
        return answer_ring(res, e, "ok");
    }
    e = api->ops->ring_user(api->ctx, call->to, &ring, &count);
    metrics_count(api->metrics, COUNT_RINGS_MANY, !e);
    if (!e && api->cluster && user_is_valid(call->to)) {
        elsewhere_text(api, call->to, ring.text);
        if (count == 0)
            return elsewhere_ask_old(api, call->to, req, res);
    }
    return answer_ring(res, e, count > 0 ? "ok" : "offline");
}

/* Where the key may be in the body, only so much of it is read on trust. */
bool web_msg_sender_refuses(struct api *api, const struct http_request *req,
                            struct http_response *res)
{
    bool is_get = req->method == HTTP_GET;

    if (is_get && (!api->config->relay.legacy_get || is_key_needed(api))) {
        res->headers = "Allow: POST\r\n";
        api_refuse(res, 405, "POST only");
        return true;
    }
    if (!is_key_needed(api) || api_has_key(api, http_bearer(req)) ||
        (int64_t)req->content_length <= api->config->relay.max_keyless_body)
        return false;
    api_refuse(res, 413,
               "a body of more than max_keyless_body needs the key in the Authorization header");
    return true;
}

/* Whether the call may be made: 0, or the status that refuses it. */
static int check_call(struct api *api, const struct web_msg_sender_call *call, bool has_key)
{
    if (has_key)
        return api_is_too_fast(api, true) ? 429 : 0;
    return !is_key_needed(api) || api_has_key(api, call->key) ? 0 : 401;
}

enum err web_msg_sender_handle(struct api *api, struct http_request *req, struct http_response *res)
{
    struct web_msg_sender_call call = {.is_empty = true};
    bool has_key = api_has_key(api, http_bearer(req));
    char query[HTTP_LINE_MAX];
    enum err e;
    int status;

    if (!has_key && api_is_too_fast(api, false))
        return answer_ring(res, ERR_TOO_MANY, "");
    if (req->method == HTTP_POST)
        web_msg_sender_decode_body(http_header(req, SPAN("Content-Type")), req->body,
                                   req->content_length, &call);
    if (call.is_empty && !call.is_broken) {
        web_msg_sender_deinit(&call);
        memcpy(query, req->query.p ? req->query.p : "", req->query.len);
        web_msg_sender_decode_query(query, req->query.len, &call);
    }
    status = check_call(api, &call, has_key);
    e = status ? answer(res, status, "fail") : run_call(api, &call, req, res);
    web_msg_sender_deinit(&call);
    return e;
}
