/* SPDX-License-Identifier: MIT */
#include "relay/cluster/sentinel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(a) (sizeof(a) / sizeof(a[0]))

static void what_is_no_address_is_refused(void **state)
{
    static const struct {
        const char *host, *port;
    } rows[] = {
        {"", "6379"},        {"redis one", "6379"}, {"-redis", "6379"},  {".", "6379"},
        {"redis\n", "6379"}, {"[::1]", "6379"},     {"::1%lo", "6379"},  {"1:2", "6379"},
        {"/run/redis", "0"}, {"me@redis", "6379"},  {"redis", ""},       {"redis", "0"},
        {"redis", "-1"},     {"redis", "65536"},    {"redis", "006379"}, {"redis", "6379 "},
        {"redis", "6379;"},  {"r\xc3\xa9", "6379"}, {"redis", "0x18eb"}, {"redis", "+6379"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct address a = {.port = 4711};

        if (sentinel_parse_master(span_of(rows[i].host), span_of(rows[i].port), &a) !=
                ERR_MALFORMED ||
            a.port != 4711)
            fail_msg("%s %s", rows[i].host, rows[i].port);
    }
}

static void a_host_has_a_length(void **state)
{
    char host[256];
    struct address a;

    (void)state;
    memset(host, 'x', sizeof(host));
    assert_int_equal(sentinel_parse_master((struct span){host, 256}, SPAN("1"), &a), ERR_MALFORMED);
    assert_int_equal(sentinel_parse_master((struct span){host, 255}, SPAN("1"), &a), ERR_NONE);
    assert_int_equal(strlen(a.host), 255);
    assert_int_equal(sentinel_parse_master((struct span){"a\0b", 3}, SPAN("1"), &a), ERR_MALFORMED);
}

static void addresses_and_names_are_taken(void **state)
{
    static const struct {
        const char *host, *port;
        uint16_t number;
    } rows[] = {
        {"10.0.0.5", "6379", 6379},    {"::1", "1", 1},
        {"fd00::5:1", "65535", 65535}, {"redis-1.example.org", "6380", 6380},
        {"redis_1", "6379", 6379},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct address a;

        assert_int_equal(sentinel_parse_master(span_of(rows[i].host), span_of(rows[i].port), &a),
                         ERR_NONE);
        assert_int_equal(a.type, ADDRESS_TCP);
        assert_string_equal(a.host, rows[i].host);
        assert_int_equal(a.port, rows[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_host_has_a_length),
        cmocka_unit_test(addresses_and_names_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
