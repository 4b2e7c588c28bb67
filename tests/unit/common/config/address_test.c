/* SPDX-License-Identifier: MIT */
#include "common/config/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define PATH_50 "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void parse_refuses_what_is_no_address(void **state)
{
    const struct {
        struct span text;
        enum err e;
    } rows[] = {
        {SPAN(""), ERR_MALFORMED},
        {SPAN("2120"), ERR_MALFORMED},
        {SPAN(":2120"), ERR_MALFORMED},
        {SPAN("localhost"), ERR_MALFORMED},
        {SPAN("localhost:"), ERR_MALFORMED},
        {SPAN("localhost:http"), ERR_MALFORMED},
        {SPAN("localhost:65536"), ERR_MALFORMED},
        {SPAN("localhost:-1"), ERR_MALFORMED},
        {SPAN("localhost:-0"), ERR_MALFORMED},
        {SPAN("localhost: 80"), ERR_MALFORMED},
        {SPAN("::1:80"), ERR_MALFORMED},
        {SPAN("[]:80"), ERR_MALFORMED},
        {SPAN("[::1]"), ERR_MALFORMED},
        {SPAN("[::1]80"), ERR_MALFORMED},
        {SPAN("[::1:80"), ERR_MALFORMED},
        {SPAN("[[::1]]:80"), ERR_MALFORMED},
        {SPAN("[name]:80"), ERR_MALFORMED},
        {SPAN("http://localhost:80"), ERR_MALFORMED},
        {SPAN("a b:80"), ERR_MALFORMED},
        {SPAN("a\0b:80"), ERR_MALFORMED},
        {SPAN("unix:"), ERR_MALFORMED},
        {SPAN("unix:relative"), ERR_MALFORMED},
        {SPAN("unix:@abstract"), ERR_MALFORMED},
        {SPAN("unix:/a\0b"), ERR_MALFORMED},
        {SPAN("unix:" PATH_50 PATH_50 "/123456x"), ERR_TOO_BIG},
        {SPAN("fd:"), ERR_MALFORMED},
        {SPAN("fd:-1"), ERR_MALFORMED},
        {SPAN("fd:x"), ERR_MALFORMED},
        {SPAN("fd:99999"), ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct address a = {.port = 4711};

        assert_int_equal(address_parse(rows[i].text, &a), rows[i].e);
        assert_int_equal(a.port, 4711);
    }
}

static void parse_refuses_a_host_that_is_too_long(void **state)
{
    char text[300];
    struct address a;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text + 256, ":80", 3);
    assert_int_equal(address_parse((struct span){text, 259}, &a), ERR_TOO_BIG);
    assert_int_equal(address_parse((struct span){text + 1, 258}, &a), ERR_NONE);
    assert_int_equal(strlen(a.host), 255);
}

static void the_four_forms_are_parsed_and_formatted(void **state)
{
    const struct {
        const char *text;
        enum address_type type;
        const char *host;
        unsigned port;
        int fd;
    } rows[] = {
        {"unix:/run/doorbell/app.sock", ADDRESS_UNIX, "/run/doorbell/app.sock", 0, -1},
        {"unix:" PATH_50 PATH_50 "/123456", ADDRESS_UNIX, PATH_50 PATH_50 "/123456", 0, -1},
        {"0.0.0.0:2120", ADDRESS_TCP, "0.0.0.0", 2120, -1},
        {"localhost:0", ADDRESS_TCP, "localhost", 0, -1},
        {"[::1]:65535", ADDRESS_TCP, "::1", 65535, -1},
        {"fd:0", ADDRESS_INHERITED, "", 0, 0},
        {"fd:3", ADDRESS_INHERITED, "", 0, 3},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct address a;
        char text[ADDRESS_TEXT_MAX];

        assert_int_equal(address_parse(span_of(rows[i].text), &a), ERR_NONE);
        assert_int_equal(a.type, rows[i].type);
        assert_string_equal(a.host, rows[i].host);
        assert_int_equal(a.port, rows[i].port);
        assert_int_equal(a.fd, rows[i].fd);
        address_format(&a, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_refuses_what_is_no_address),
        cmocka_unit_test(parse_refuses_a_host_that_is_too_long),
        cmocka_unit_test(the_four_forms_are_parsed_and_formatted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
