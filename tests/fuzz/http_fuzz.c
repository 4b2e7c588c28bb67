/* SPDX-License-Identifier: MIT */
/* A head that decodes says the same when it is written anew from its parts; any prefix of it is
 * incomplete, and what follows it does not matter. */
#include "relay/http/http.h"

#include <stdlib.h>
#include <string.h>

static void append(struct buf *out, struct span s)
{
    if (buf_append(out, s))
        abort();
}

static void write_anew(const struct http_request *req, struct buf *out)
{
    static const struct span methods[] = {SPAN("GET"), SPAN("HEAD"), SPAN("POST"), SPAN("OPTIONS"),
                                          SPAN("OTHER")};

    append(out, methods[req->method]);
    append(out, SPAN(" "));
    append(out, req->path);
    if (req->query.p) {
        append(out, SPAN("?"));
        append(out, req->query);
    }
    append(out, req->is_http_1_0 ? SPAN(" HTTP/1.0\r\n") : SPAN(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < req->header_count; i++) {
        append(out, req->headers[i].name);
        append(out, SPAN(":"));
        append(out, req->headers[i].value);
        append(out, SPAN("\r\n"));
    }
    append(out, SPAN("\r\n"));
}

static void check_same(const struct http_request *a, const struct http_request *b)
{
    if (a->method != b->method || !span_equal(a->path, b->path) ||
        !span_equal(a->query, b->query) || a->header_count != b->header_count ||
        a->content_length != b->content_length || a->framing.has_length != b->framing.has_length ||
        a->keeps_alive != b->keeps_alive ||
        a->framing.expects_continue != b->framing.expects_continue ||
        a->framing.has_transfer_encoding != b->framing.has_transfer_encoding)
        abort();
    for (size_t i = 0; i < a->header_count; i++)
        if (!span_equal(a->headers[i].name, b->headers[i].name) ||
            !span_equal(a->headers[i].value, b->headers[i].value))
            abort();
}

static void check_prefixes(struct span head)
{
    struct http_request req;
    size_t step = 1 + head.len / 16;

    for (size_t n = 0; n < head.len; n += step)
        if (http_decode_head((struct span){head.p, n}, HTTP_LINE_MAX, &req) != ERR_INCOMPLETE)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {(const char *)data, size};
    struct http_request req, again;
    struct buf anew;

    if (http_decode_head(in, HTTP_LINE_MAX, &req))
        return 0;
    if (req.head_len > size || req.head_len > HTTP_LINE_MAX)
        abort();
    check_prefixes((struct span){in.p, req.head_len});
    (void)http_refuse_body(&req, 1000, true);
    (void)http_bearer(&req);
    (void)http_token(&req);
    buf_init(&anew, HTTP_LINE_MAX);
    write_anew(&req, &anew);
    if (http_decode_head(buf_span(&anew), HTTP_LINE_MAX, &again))
        abort();
    check_same(&req, &again);
    buf_deinit(&anew);
    return 0;
}
