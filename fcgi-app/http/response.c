/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/response.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/http/error.h"
#include "common/http/status.h"

enum { BODY_KEPT_MAX = 256 * 1024 };

void response_init(struct response *res)
{
    *res = (struct response){.http = 200};
    buf_init(&res->body, RESPONSE_MAX);
}

void response_deinit(struct response *res)
{
    buf_deinit(&res->body);
}

/* One big page must not pin its memory for good. */
void response_reset(struct response *res)
{
    struct buf body = res->body;

    if (body.cap > BODY_KEPT_MAX) {
        buf_deinit(&body);
        buf_init(&body, RESPONSE_MAX);
    }
    buf_reset(&body);
    *res = (struct response){.http = 200, .body = body};
}

enum err response_json(struct response *res, struct span json)
{
    return buf_append(&res->body, json);
}

enum err response_printf(struct response *res, const char *format, ...)
{
    char text[RESPONSE_PRINTF_MAX + 1];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        return ERR_TOO_BIG;
    return buf_append(&res->body, (struct span){text, (size_t)n});
}

enum err response_fail(struct response *res, enum err e, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(res->fault, sizeof(res->fault), format, args);
    va_end(args);
    return e;
}

void response_blame(struct response *res, size_t index)
{
    res->has_fault_index = true;
    res->fault_index = index;
}

void response_set_error(struct response *res, enum err e, const char *message)
{
    const struct status *status = status_of(e);

    res->http = status->http;
    res->type = NULL;
    res->etag[0] = '\0';
    buf_reset(&res->body);
    message = message ? message : status->message;
    if (res->has_fault_index)
        error_encode_at(&res->body, status->code, message, res->fault_index);
    else
        error_encode(&res->body, status->code, message);
}

enum err response_encode_head(const struct response *res, struct buf *out)
{
    const bool has_body = res->http != 304;
    char status[64], length[24] = "", retry_after[24] = "";
    char cache[48] = "no-store";
    const struct {
        const char *name, *value; /* left out if empty */
    } headers[] = {
        {"Status", status},
        {"Content-Type", !has_body   ? ""
                         : res->type ? res->type
                                     : "application/json; charset=utf-8"},
        {"Content-Length", length},
        {"Cache-Control", cache},
        {"X-Content-Type-Options", "nosniff"},
        {"ETag", res->etag},
        {"Allow", res->allow},
        {"WWW-Authenticate", res->http == 401 ? "Bearer" : ""},
        {"Retry-After", retry_after},
    };
    enum err e = ERR_NONE;

    (void)snprintf(status, sizeof(status), "%d %s", res->http, status_reason(res->http));
    if (has_body)
        (void)snprintf(length, sizeof(length), "%zu", res->body.len);
    if (res->retry_after_s > 0)
        (void)snprintf(retry_after, sizeof(retry_after), "%d", res->retry_after_s);
    /* A browser that kept it as well would add its time to the web server's. */
    if (res->shared_s > 0)
        (void)snprintf(cache, sizeof(cache), "public, max-age=0, s-maxage=%d", res->shared_s);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) && !e; i++)
        if (headers[i].value[0])
            e = buf_printf(out, "%s: %s\r\n", headers[i].name, headers[i].value);
    return e ? e : buf_append(out, SPAN("\r\n"));
}

struct span response_body(const struct response *res, bool is_head)
{
    return is_head || res->http == 304 ? (struct span){NULL, 0} : buf_span(&res->body);
}
