/* SPDX-License-Identifier: MIT */
#include "relay/http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HEAD_MAX = 16 * 1024 };

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

static void decode_answers_done_incomplete_or_failed(void **state)
{
    static const struct {
        const char *in;
        enum err e;
    } rows[] = {
        {"GET / HTTP/1.1\nHost: h\n\r\n\r\n", ERR_MALFORMED}, /* bare LF */
        {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET /\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"G\x01T / HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET http:/h/ HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET http://h/ HTTP/1.1\r\n\r\n", ERR_MALFORMED}, /* no Host */
        {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ERR_MALFORMED},
        {"GET / HTTP/1.1\r\n\r\n", ERR_MALFORMED}, /* no Host */
        {GET "Host: h\r\n\r\n", ERR_MALFORMED},
        {GET "nothing\r\n\r\n", ERR_MALFORMED},
        {GET ": x\r\n\r\n", ERR_MALFORMED},
        {GET "A : x\r\n\r\n", ERR_MALFORMED},
        {GET "A: x\r\n folded\r\n\r\n", ERR_MALFORMED},
        {GET "A: x\x01\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length: -1\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length: +1\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length: 1, 1\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length: 0x1\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length:\r\n\r\n", ERR_MALFORMED},
        {GET "Content-Length: 99999999999999999999\r\n\r\n", ERR_MALFORMED},
        {"", ERR_INCOMPLETE},
        {"GET / HTTP/1.1\r\n", ERR_INCOMPLETE},
        {GET "\r", ERR_INCOMPLETE},
        {GET "\r\n", ERR_NONE},
        {GET "A:\r\n\r\n", ERR_NONE},
        {GET "A: \xc3\xa9\r\n\r\n", ERR_NONE},
        {"GET / HTTP/1.0\r\n\r\n", ERR_NONE},
        {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ERR_NONE},
        {"\r\n", ERR_INCOMPLETE},
        {"BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;

        assert_int_equal(http_decode_head(span_of(rows[i].in), HEAD_MAX, &req), rows[i].e);
    }
}

static void decode_gives_the_parts(void **state)
{
    struct http_request req;
    struct span in = SPAN("POST /online?user=1&x HTTP/1.1\r\nHost: h:1\r\nA:  b c \r\n"
                          "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\nGET");

    (void)state;
    assert_int_equal(http_decode_head(in, HEAD_MAX, &req), ERR_NONE);
    assert_int_equal(req.method, HTTP_POST);
    assert_true(span_equal(req.path, SPAN("/online")));
    assert_true(span_equal(req.query, SPAN("user=1&x")));
    assert_true(span_equal(http_header(&req, SPAN("a")), SPAN("b c")));
    assert_int_equal(req.content_length, 12);
    assert_int_equal(req.head_len, in.len - 3);
    assert_true(req.framing.expects_continue && req.keeps_alive && req.framing.has_length);
}

static void decode_takes_the_host_from_an_absolute_target(void **state)
{
    static const struct {
        const char *target, *host, *path, *query;
    } rows[] = {
        {"/a?b", "h", "/a", "b"},
        {"/a?http://x/", "h", "/a", "http://x/"},
        {"http://x:8/a?b", "x:8", "/a", "b"},
        {"HTTPS://x?b", "x", "/", "b"},
        {"http://x", "x", "/", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;
        char head[128];

        snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].target);
        assert_int_equal(http_decode_head(span_of(head), HEAD_MAX, &req), ERR_NONE);
        assert_true(span_equal(req.host, span_of(rows[i].host)));
        assert_true(span_equal(req.path, span_of(rows[i].path)));
        assert_true(span_equal(req.query, span_of(rows[i].query)));
    }
}

static void lists_may_come_in_several_fields(void **state)
{
    struct http_request req;

    (void)state;
    assert_int_equal(http_decode_head(SPAN(GET "A: b, C\r\nx: c\r\na: d\r\n\r\n"), HEAD_MAX, &req),
                     ERR_NONE);
    assert_true(http_list_has(&req, SPAN("a"), SPAN("c")));
    assert_true(http_list_has(&req, SPAN("a"), SPAN("D")));
    assert_false(http_list_has(&req, SPAN("x"), SPAN("d")));
    assert_int_equal(
        http_decode_head(SPAN(GET "Connection: x\r\nConnection: close\r\n\r\n"), HEAD_MAX, &req),
        ERR_NONE);
    assert_false(req.keeps_alive);
}

static void only_what_is_chunked_and_nothing_else_comes_in_chunks(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
         "Transfer-Encoding: chunked\r\n\r\n",
         411},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
         411},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 411},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;

        assert_int_equal(http_decode_head(span_of(rows[i].head), HEAD_MAX, &req), ERR_NONE);
        assert_int_equal(http_refuse_body(&req, 10, true), rows[i].status);
        assert_int_equal(http_refuse_body(&req, 10, false), 411);
    }
}

static void every_prefix_of_a_head_is_incomplete(void **state)
{
    static const char head[] = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n";
    struct http_request req;

    (void)state;
    for (size_t n = 0; n < sizeof(head) - 1; n++)
        assert_int_equal(http_decode_head((struct span){head, n}, HEAD_MAX, &req), ERR_INCOMPLETE);
    assert_int_equal(http_decode_head(span_of(head), HEAD_MAX, &req), ERR_NONE);
}

/* A head of exactly `len` bytes. */
static struct span long_head(char *bytes, size_t len)
{
    static const char start[] = GET "X: ";

    memset(bytes, 'x', len);
    memcpy(bytes, start, sizeof(start) - 1);
    memcpy(bytes + len - 4, "\r\n\r\n", 4);
    return (struct span){bytes, len};
}

static void decode_refuses_heads_over_the_limit(void **state)
{
    static char bytes[HEAD_MAX + 100];
    struct http_request req;

    (void)state;
    assert_int_equal(http_decode_head(long_head(bytes, HEAD_MAX), HEAD_MAX, &req), ERR_NONE);
    assert_int_equal(http_decode_head(long_head(bytes, HEAD_MAX + 1), HEAD_MAX, &req), ERR_TOO_BIG);
    /* For the refusal what came before is known. */
    assert_true(span_equal(req.path, SPAN("/")) && span_equal(req.host, SPAN("h")));
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(http_decode_head((struct span){bytes, HEAD_MAX - 1}, HEAD_MAX, &req),
                     ERR_INCOMPLETE);
    assert_int_equal(http_decode_head((struct span){bytes, HEAD_MAX}, HEAD_MAX, &req), ERR_TOO_BIG);
}

static void decode_refuses_request_lines_over_the_limit(void **state)
{
    static char bytes[HEAD_MAX];
    struct http_request req;

    (void)state;
    for (int more = 0; more < 2; more++) {
        int target = HTTP_LINE_MAX - (int)strlen("GET / HTTP/1.1") + more;
        int n = snprintf(bytes, sizeof(bytes), "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", target, 0);

        assert_int_equal(http_decode_head((struct span){bytes, (size_t)n}, HEAD_MAX, &req),
                         more ? ERR_TOO_BIG : ERR_NONE);
    }
}

static void decode_refuses_too_many_headers(void **state)
{
    static char bytes[HEAD_MAX];
    struct http_request req;
    int n = snprintf(bytes, sizeof(bytes), GET);

    (void)state;
    for (int i = 1; i < HTTP_HEADERS_MAX; i++)
        n += snprintf(bytes + n, sizeof(bytes) - (size_t)n, "A: b\r\n");
    snprintf(bytes + n, sizeof(bytes) - (size_t)n, "\r\n");
    assert_int_equal(http_decode_head(span_of(bytes), HEAD_MAX, &req), ERR_NONE);
    snprintf(bytes + n, sizeof(bytes) - (size_t)n, "A: b\r\n\r\n");
    assert_int_equal(http_decode_head(span_of(bytes), HEAD_MAX, &req), ERR_TOO_BIG);
    assert_int_equal(req.header_count, HTTP_HEADERS_MAX);
}

static void bodies_are_refused_by_their_head(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"POST / HTTP/1.1\r\nHost: h\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x\r\nContent-Length: 1\r\n\r\n", 411},
        {GET "Transfer-Encoding: chunked\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: tea\r\n\r\n", 417},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 0},
        {GET "\r\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;

        assert_int_equal(http_decode_head(span_of(rows[i].head), HEAD_MAX, &req), ERR_NONE);
        assert_int_equal(http_refuse_body(&req, 10, false), rows[i].status);
    }
}

static void connections_are_kept_as_the_version_says(void **state)
{
    static const struct {
        const char *head;
        bool keeps_alive;
    } rows[] = {
        {GET "\r\n", true},
        {GET "Connection: Close\r\n\r\n", false},
        {GET "Connection: x, close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;

        assert_int_equal(http_decode_head(span_of(rows[i].head), HEAD_MAX, &req), ERR_NONE);
        assert_int_equal(req.keeps_alive, rows[i].keeps_alive);
    }
}

static void cookies_and_keys_are_found(void **state)
{
    static const struct {
        const char *head;
        const char *cookie;
        const char *key;
    } rows[] = {
        {GET "\r\n", NULL, NULL},
        {GET "Cookie: xdoorbell_token=1; t2=2\r\nAuthorization: Basic abc\r\n\r\n", NULL, NULL},
        {GET "Cookie: doorbell_token=1; doorbell_token=2\r\n\r\n", "", NULL},
        {GET "Cookie: doorbell_token=1\r\nCookie: doorbell_token=1\r\n\r\n", "1", NULL},
        {GET "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n\r\n", NULL, NULL},
        {GET "Cookie: a=b; doorbell_token=1=2 ;c=d\r\nAuthorization: bearer  k \r\n\r\n", "1=2",
         "k"},
        {GET "Cookie: a=b\r\nCookie: doorbell_token=1\r\n\r\n", "1", NULL},
        {GET "Cookie: doorbell_token=\r\nAuthorization: Bearer\r\n\r\n", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;
        struct span cookie, key;

        assert_int_equal(http_decode_head(span_of(rows[i].head), HEAD_MAX, &req), ERR_NONE);
        cookie = http_token(&req);
        key = http_bearer(&req);
        assert_int_equal(cookie.p != NULL, rows[i].cookie != NULL);
        assert_true(span_equal(cookie, span_of(rows[i].cookie)));
        assert_true(span_equal(key, span_of(rows[i].key)));
    }
}

static void responses_are_whole(void **state)
{
    struct http_response res = {.status = 405, .content_type = "a/b", .headers = "Allow: GET\r\n"};
    struct buf out;

    (void)state;
    buf_init(&res.body, 100);
    buf_init(&out, 1000);
    assert_int_equal(buf_append(&res.body, SPAN("hello")), ERR_NONE);
    assert_int_equal(http_encode_response(&out, &res, false, 784111777), ERR_NONE);
    assert_true(
        span_equal(buf_span(&out), SPAN("HTTP/1.1 405 Method Not Allowed\r\nContent-Type: a/b\r\n"
                                        "Content-Length: 5\r\nCache-Control: no-store\r\n"
                                        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nAllow: GET\r\n"
                                        "Connection: close\r\n\r\nhello")));
    buf_deinit(&out);
    buf_init(&out, 20);
    assert_int_equal(http_encode_response(&out, &res, true, 0), ERR_TOO_BIG);
    buf_deinit(&out);
    buf_deinit(&res.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_answers_done_incomplete_or_failed),
        cmocka_unit_test(decode_gives_the_parts),
        cmocka_unit_test(decode_takes_the_host_from_an_absolute_target),
        cmocka_unit_test(lists_may_come_in_several_fields),
        cmocka_unit_test(only_what_is_chunked_and_nothing_else_comes_in_chunks),
        cmocka_unit_test(every_prefix_of_a_head_is_incomplete),
        cmocka_unit_test(decode_refuses_heads_over_the_limit),
        cmocka_unit_test(decode_refuses_request_lines_over_the_limit),
        cmocka_unit_test(decode_refuses_too_many_headers),
        cmocka_unit_test(bodies_are_refused_by_their_head),
        cmocka_unit_test(connections_are_kept_as_the_version_says),
        cmocka_unit_test(cookies_and_keys_are_found),
        cmocka_unit_test(responses_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
