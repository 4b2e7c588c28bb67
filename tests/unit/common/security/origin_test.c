/* SPDX-License-Identifier: MIT */
#include "common/security/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void with_a_list_only_listed_origins_pass(void **state)
{
    char *items[] = {"https://shop.example", "http://localhost:8080", "http://[::1]:*",
                     "http://a:80", NULL};
    const struct config_list list = {items, ROWS(items) - 1};
    const struct {
        const char *origin;
        bool expected;
    } rows[] = {
        {"", false},
        {"null", false},
        {"https", false},
        {"https:", false},
        {"https://", false},
        {"https://:443", false},
        {"https://shop.example:", false},
        {"//shop.example", false},
        {"shop.example", false},
        {"http://shop.example", false},
        {"https://shop.example.", false},
        {"https://shop.example:8443", false},
        {"https://shop.example:*", false},
        {"https://shop.example.evil", false},
        {"https://shop.example:443.evil", false},
        {"https://evil/https://shop.example", false},
        {"https://ashop.example", false},
        {"https://own.example", false},
        {"http://localhost", false},
        {"http://localhost:80801", false},
        {"http://[::2]:9", false},
        {"https://[::1]:9", false},
        {"https://shop.example", true},
        {"HTTPS://Shop.Example", true},
        {"https://shop.example:443", true},
        {"http://localhost:8080", true},
        {"http://[::1]", true},
        {"http://[::1]:9", true},
        {"http://a", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        if (origin_is_allowed(&list, span_of(rows[i].origin), SPAN("https"), SPAN("own.example")) !=
            rows[i].expected)
            fail_msg("%s", rows[i].origin);
}

static void without_a_list_only_the_requests_own_origin_passes(void **state)
{
    const struct config_list none = {NULL, 0};
    const struct {
        const char *origin;
        const char *scheme; /* empty: not known */
        const char *host;
        bool expected;
    } rows[] = {
        {"", "https", "a.example", false},
        {"null", "https", "a.example", false},
        {"a.example", "", "a.example", false},
        {"http://", "", "a.example", false},
        {"http://", "http", "", false},
        {"https://a.example", "https", "", false},
        {"http://a.example", "https", "a.example", false},
        {"https://a.example", "http", "a.example", false},
        {"https://b.example", "https", "a.example", false},
        {"http://b.example", "", "a.example", false},
        {"http://a.example.evil", "", "a.example", false},
        {"http://a.example:81", "", "a.example", false},
        {"http://a.example:443", "", "a.example", false},
        {"file://a.example", "", "a.example", false},
        {"file://a.example", "file", "a.example", false},
        {"https://a.example:8443", "https", "a.example", false},
        {"https://a.example", "https", "a.example:8443", false},
        {"http://a.example:*", "http", "a.example", false},
        {"http://a.example:81", "http", "a.example:*", false},
        {"http://[::1]", "", "[::2]", false},
        {"https://a.example", "https", "a.example", true},
        {"https://a.example", "https", "A.example:443", true},
        {"http://a.example:80", "http", "a.example", true},
        {"http://[::1]:8080", "http", "[::1]:8080", true},
        {"http://[::1]", "http", "[::1]", true},
        {"http://a.example", "", "a.example", true},
        {"https://a.example", "", "a.example", true},
        {"http://A.example", "", "a.Example", true},
        {"http://a.example", "", "a.example:80", true},
        {"https://a.example:443", "", "a.example", true},
        {"http://a.example:8080", "", "a.example:8080", true},
        {"http://[::1]:8080", "", "[::1]:8080", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        if (origin_is_allowed(&none, span_of(rows[i].origin), span_of(rows[i].scheme),
                              span_of(rows[i].host)) != rows[i].expected)
            fail_msg("%s to %s %s", rows[i].origin, rows[i].scheme, rows[i].host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_list_only_listed_origins_pass),
        cmocka_unit_test(without_a_list_only_the_requests_own_origin_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
