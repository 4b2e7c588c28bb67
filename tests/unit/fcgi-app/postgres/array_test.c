/* SPDX-License-Identifier: MIT */
#include "fcgi-app/postgres/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void items_over_the_ceiling_are_refused(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    assert_int_equal(array_open(&b), ERR_NONE);
    assert_int_equal(array_append_text(&b, SPAN("abc")), ERR_TOO_BIG);
    assert_int_equal(array_append_int(&b, 12345), ERR_TOO_BIG);
    buf_deinit(&b);
}

static void empty_array_is_two_braces(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(array_open(&b), ERR_NONE);
    assert_int_equal(array_close(&b), ERR_NONE);
    assert_string_equal(b.data, "{}");
    buf_deinit(&b);
}

static void numbers_are_set_apart_by_commas(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(array_open(&b), ERR_NONE);
    assert_int_equal(array_append_int(&b, -7), ERR_NONE);
    assert_int_equal(array_append_int(&b, INT64_MAX), ERR_NONE);
    assert_int_equal(array_close(&b), ERR_NONE);
    assert_string_equal(b.data, "{-7,9223372036854775807}");
    buf_deinit(&b);
}

static void texts_cannot_leave_their_quotes(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 128);
    assert_int_equal(array_open(&b), ERR_NONE);
    assert_int_equal(array_append_text(&b, SPAN("NULL")), ERR_NONE);
    assert_int_equal(array_append_text(&b, SPAN("\",\"x\\")), ERR_NONE);
    assert_int_equal(array_append_text(&b, SPAN("{")), ERR_NONE);
    assert_int_equal(array_append_text(&b, SPAN("")), ERR_NONE);
    assert_int_equal(array_close(&b), ERR_NONE);
    assert_string_equal(b.data, "{\"NULL\",\"\\\",\\\"x\\\\\",\"{\",\"\"}");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_over_the_ceiling_are_refused),
        cmocka_unit_test(empty_array_is_two_braces),
        cmocka_unit_test(numbers_are_set_apart_by_commas),
        cmocka_unit_test(texts_cannot_leave_their_quotes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
