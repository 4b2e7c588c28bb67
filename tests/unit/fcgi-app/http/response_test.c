/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define NOSNIFF "X-Content-Type-Options: nosniff\r\n"
#define ALWAYS "Cache-Control: no-store\r\n" NOSNIFF
#define JSON "Content-Type: application/json; charset=utf-8\r\n"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void assert_head(const struct response *res, const char *expected)
{
    struct buf head;

    buf_init(&head, RESPONSE_HEAD_MAX);
    assert_int_equal(response_encode_head(res, &head), ERR_NONE);
    assert_int_equal(head.len, strlen(expected));
    assert_memory_equal(head.data, expected, head.len);
    buf_deinit(&head);
}

static void heads_say_what_the_reply_is(void **state)
{
    const struct {
        struct response res;
        const char *expected;
    } rows[] = {
        {{.http = 200}, "Status: 200 OK\r\n" JSON "Content-Length: 0\r\n" ALWAYS "\r\n"},
        {{.http = 200, .type = "text/plain"},
         "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n" ALWAYS "\r\n"},
        {{.http = 304, .etag = "\"x\""},
         "Status: 304 Not Modified\r\n" ALWAYS "ETag: \"x\"\r\n\r\n"},
        {{.http = 401},
         "Status: 401 Unauthorized\r\n" JSON "Content-Length: 0\r\n" ALWAYS
         "WWW-Authenticate: Bearer\r\n\r\n"},
        {{.http = 405, .allow = "GET, HEAD"},
         "Status: 405 Method Not Allowed\r\n" JSON "Content-Length: 0\r\n" ALWAYS
         "Allow: GET, HEAD\r\n\r\n"},
        {{.http = 503, .retry_after_s = 2},
         "Status: 503 Service Unavailable\r\n" JSON "Content-Length: 0\r\n" ALWAYS
         "Retry-After: 2\r\n\r\n"},
        {{.http = 200, .shared_s = 59},
         "Status: 200 OK\r\n" JSON "Content-Length: 0\r\n"
         "Cache-Control: public, max-age=0, s-maxage=59\r\n" NOSNIFF "\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_head(&rows[i].res, rows[i].expected);
}

static void head_requests_and_304_have_no_body(void **state)
{
    struct response res;

    (void)state;
    response_init(&res);
    assert_int_equal(response_json(&res, SPAN("{}")), ERR_NONE);
    assert_true(span_equal(response_body(&res, false), SPAN("{}")));
    assert_int_equal(response_body(&res, true).len, 0);
    assert_head(&res, "Status: 200 OK\r\n" JSON "Content-Length: 2\r\n" ALWAYS "\r\n");
    res.http = 304;
    assert_int_equal(response_body(&res, false).len, 0);
    response_deinit(&res);
}

static void an_error_replaces_the_reply(void **state)
{
    struct response res;

    (void)state;
    response_init(&res);
    assert_int_equal(response_json(&res, SPAN("{\"secret\":1")), ERR_NONE);
    response_set_error(&res, ERR_NOT_FOUND, "there is no such message");
    assert_int_equal(res.http, 404);
    assert_true(span_equal(
        response_body(&res, false),
        SPAN("{\"error\":{\"code\":\"not_found\",\"message\":\"there is no such message\"}}")));
    response_deinit(&res);
}

static void an_error_says_which_item_is_at_fault(void **state)
{
    struct response res;

    (void)state;
    response_init(&res);
    response_blame(&res, 0);
    response_set_error(&res, ERR_INVALID, "title is missing");
    assert_true(span_equal(
        response_body(&res, false),
        SPAN("{\"error\":{\"code\":\"invalid\",\"message\":\"title is missing\",\"index\":0}}")));
    response_reset(&res);
    response_set_error(&res, ERR_INVALID, "x");
    assert_true(span_equal(response_body(&res, false),
                           SPAN("{\"error\":{\"code\":\"invalid\",\"message\":\"x\"}}")));
    response_deinit(&res);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_say_what_the_reply_is),
        cmocka_unit_test(head_requests_and_304_have_no_body),
        cmocka_unit_test(an_error_replaces_the_reply),
        cmocka_unit_test(an_error_says_which_item_is_at_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
