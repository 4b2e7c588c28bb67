/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void parameters_become_fields(void **state)
{
    char *env[] = {"REQUEST_METHOD=HEAD",
                   "REQUEST_URI=/doorbell/messages/7?limit=5&x=a%3Db",
                   "QUERY_STRING=limit=5&x=a%3Db",
                   "HTTP_COOKIE=a=b; doorbell_token=t",
                   "HTTP_COOKIE=doorbell_token=t ; c=d",
                   "HTTPS=on",
                   "IGNORED=1",
                   "NOT_A_PAIR",
                   "=",
                   NULL};
    struct config_list nobody = {NULL, 0};
    struct arena arena;
    struct request req = {.arena = &arena};
    const char *limit;

    (void)state;
    arena_init(&arena, 64 * 1024);
    assert_int_equal(request_init(&req, env, SPAN("/doorbell"), &nobody), ERR_NONE);
    assert_int_equal(req.method, METHOD_GET);
    assert_true(req.is_head);
    assert_int_equal(req.path.count, 2);
    assert_true(span_equal(req.path.segments[1], SPAN("7")));
    assert_true(span_equal(req.credentials.token, SPAN("t")));
    assert_true(span_equal(req.credentials.scheme, SPAN("https")));
    assert_false(req.credentials.is_write);
    assert_false(req.is_repeated);
    assert_int_equal(request_query(&req, "limit", &limit), ERR_NONE);
    assert_string_equal(limit, "5");
    arena_deinit(&arena);
}

static void a_web_server_says_that_it_repeats_a_request(void **state)
{
    char *env[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/doorbell/messages", "DOORBELL_SENT=1",
                   "HTTP_DOORBELL_SENT=", NULL};
    struct config_list nobody = {NULL, 0};
    struct arena arena;
    struct request req = {.arena = &arena};

    (void)state;
    arena_init(&arena, 64 * 1024);
    assert_int_equal(request_init(&req, env, SPAN("/doorbell"), &nobody), ERR_NONE);
    assert_true(req.is_repeated);
    env[2] = "HTTP_DOORBELL_SENT=1"; /* a header of the client */
    assert_int_equal(request_init(&req, env, SPAN("/doorbell"), &nobody), ERR_NONE);
    assert_false(req.is_repeated);
    arena_deinit(&arena);
}

static void the_length_of_a_body_has_a_limit(void **state)
{
    const struct {
        const char *content_length;
        enum err expected;
        size_t len;
    } rows[] = {
        {"x", ERR_MALFORMED, 0},   {"-1", ERR_MALFORMED, 0},
        {"1e3", ERR_MALFORMED, 0}, {"9223372036854775808", ERR_MALFORMED, 0},
        {"101", ERR_TOO_BIG, 0},   {"9223372036854775807", ERR_TOO_BIG, 0},
        {"100", ERR_NONE, 100},    {"0", ERR_NONE, 0},
        {"", ERR_NONE, 100},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct request req = {.content_length = span_of(rows[i].content_length)};
        size_t len = 0;

        assert_int_equal(request_expect_body(&req, 100, &len), rows[i].expected);
        assert_int_equal(len, rows[i].len);
    }
}

static void a_body_of_another_length_is_refused(void **state)
{
    const struct {
        const char *content_length;
        size_t len, expected;
        enum err result;
    } rows[] = {
        {"2", 3, 2, ERR_MALFORMED}, {"2", 1, 2, ERR_MALFORMED}, {"", 3, 2, ERR_TOO_BIG},
        {"2", 2, 2, ERR_NONE},      {"", 2, 2, ERR_NONE},       {"", 2, 100, ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct request req = {.content_length = span_of(rows[i].content_length)};

        assert_int_equal(request_check_body(&req, rows[i].len, rows[i].expected), rows[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_fields),
        cmocka_unit_test(a_web_server_says_that_it_repeats_a_request),
        cmocka_unit_test(the_length_of_a_body_has_a_limit),
        cmocka_unit_test(a_body_of_another_length_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
