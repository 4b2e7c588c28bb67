/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void damaged_query_is_refused(void **state)
{
    static const char *const rows[] = {"a=%", "a=%zz", "a=%00", "a=%ff", "a=%0a", "%01=b"};
    struct query q;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[16];

        strcpy(text, rows[i]);
        assert_int_equal(query_decode(text, strlen(text), &q), ERR_MALFORMED);
    }
}

static void too_many_parameters_are_refused(void **state)
{
    char text[3 * (QUERY_PARAMS_MAX + 1)];
    struct query q;

    (void)state;
    for (size_t i = 0; i <= QUERY_PARAMS_MAX; i++)
        memcpy(text + 3 * i, "a=&", 3);
    assert_int_equal(query_decode(text, sizeof(text) - 1, &q), ERR_MALFORMED);
}

static void value_given_twice_is_refused(void **state)
{
    char text[] = "a=1&b=2&a=1";
    struct span value = SPAN("untouched");
    struct query q;

    (void)state;
    assert_int_equal(query_decode(text, strlen(text), &q), ERR_NONE);
    assert_int_equal(query_get(&q, "a", &value), ERR_INVALID);
    assert_true(span_equal(value, SPAN("untouched")));
}

static void values_are_found_decoded(void **state)
{
    char text[] = "state=all&category=a%26b+c&_=123&empty=";
    struct span value;
    struct query q;

    (void)state;
    assert_int_equal(query_decode(text, strlen(text), &q), ERR_NONE);
    assert_int_equal(query_get(&q, "category", &value), ERR_NONE);
    assert_true(span_equal(value, SPAN("a&b c")));
    assert_int_equal(query_get(&q, "empty", &value), ERR_NONE);
    assert_int_equal(value.len, 0);
    assert_int_equal(query_get(&q, "absent", &value), ERR_NONE);
    assert_int_equal(value.len, 0);
}

static void no_query_has_no_parameters(void **state)
{
    struct query q;
    char nothing[] = "";

    (void)state;
    assert_int_equal(query_decode(nothing, 0, &q), ERR_NONE);
    assert_int_equal(q.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_query_is_refused),
        cmocka_unit_test(too_many_parameters_are_refused),
        cmocka_unit_test(value_given_twice_is_refused),
        cmocka_unit_test(values_are_found_decoded),
        cmocka_unit_test(no_query_has_no_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
