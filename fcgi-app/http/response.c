/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/response.h"

#include <fcgiapp.h>
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

void response_set_error(struct response *res, enum err e, const char *message)
{
    const struct status *status = status_of(e);

    res->http = status->http;
    res->type = NULL;
    res->etag[0] = '\0';
    buf_reset(&res->body);
    error_encode(&res->body, status->code, message ? message : status->message);
}

static void put_header(FCGX_Stream *out, const char *name, const char *value)
{
    if (!value[0])
        return;
    (void)FCGX_PutS(name, out);
    (void)FCGX_PutS(": ", out);
    (void)FCGX_PutS(value, out);
    (void)FCGX_PutS("\r\n", out);
}

static void put_headers(const struct response *res, FCGX_Stream *out)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%d %s", res->http, status_reason(res->http));
    put_header(out, "Status", text);
    if (res->http != 304) {
        put_header(out, "Content-Type", res->type ? res->type : "application/json; charset=utf-8");
        (void)snprintf(text, sizeof(text), "%zu", res->body.len);
        put_header(out, "Content-Length", text);
    }
    put_header(out, "Cache-Control", "no-store");
    put_header(out, "X-Content-Type-Options", "nosniff");
    put_header(out, "ETag", res->etag);
    put_header(out, "Allow", res->allow);
    if (res->http == 401)
        put_header(out, "WWW-Authenticate", "Bearer");
    if (res->retry_after_s > 0) {
        (void)snprintf(text, sizeof(text), "%d", res->retry_after_s);
        put_header(out, "Retry-After", text);
    }
    (void)FCGX_PutS("\r\n", out);
}

void response_write(const struct response *res, bool is_head, FCGX_Stream *out)
{
    put_headers(res, out);
    if (!is_head && res->http != 304 && res->body.len > 0)
        (void)FCGX_PutStr(res->body.data, (int)res->body.len, out);
}
