/* SPDX-License-Identifier: MIT */
#include "common/bytes/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void assert_bytes(const struct buf *b, const char *text)
{
    assert_true(span_equal(buf_span(b), span_of(text)));
}

static void append_over_the_ceiling_changes_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    assert_int_equal(buf_append(&b, SPAN("12345")), ERR_TOO_BIG);
    assert_int_equal(buf_append(&b, SPAN("123")), ERR_NONE);
    assert_int_equal(buf_append(&b, SPAN("45")), ERR_TOO_BIG);
    assert_int_equal(buf_append_int(&b, -1), ERR_TOO_BIG);
    assert_int_equal(buf_printf(&b, "%s", "ab"), ERR_TOO_BIG);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_TOO_BIG);
    assert_bytes(&b, "123");
    assert_int_equal(buf_append_char(&b, '4'), ERR_NONE);
    assert_int_equal(buf_append_char(&b, '5'), ERR_TOO_BIG);
    assert_bytes(&b, "1234");
    buf_deinit(&b);
}

static void printf_fills_up_to_the_last_byte(void **state)
{
    char wide[300];
    struct buf b;

    (void)state;
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    buf_init(&b, sizeof(wide) - 1);
    assert_int_equal(buf_printf(&b, "%s!", wide), ERR_TOO_BIG);
    assert_int_equal(buf_printf(&b, "%s", wide), ERR_NONE);
    assert_bytes(&b, wide);
    buf_deinit(&b);
}

static void appends_stand_one_behind_the_other(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_append(&b, (struct span){NULL, 0}), ERR_NONE);
    assert_int_equal(buf_append(&b, SPAN("n=")), ERR_NONE);
    assert_int_equal(buf_append_int(&b, INT64_MIN), ERR_NONE);
    assert_int_equal(buf_append_char(&b, ';'), ERR_NONE);
    assert_int_equal(buf_printf(&b, "%d-%s", 7, "x"), ERR_NONE);
    assert_bytes(&b, "n=-9223372036854775808;7-x");
    buf_deinit(&b);
}

static void growing_keeps_the_bytes(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf_append_char(&b, (char)('a' + i % 26)), ERR_NONE);
    assert_int_equal(b.len, 100000);
    assert_true(b.cap <= b.max);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.data[i], 'a' + (int)(i % 26));
    buf_deinit(&b);
}

static void a_lower_ceiling_keeps_the_bytes_and_takes_no_more(void **state)
{
    char wide[300];
    struct buf b;

    (void)state;
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    buf_init(&b, 1000);
    assert_int_equal(buf_append(&b, (struct span){wide, 200}), ERR_NONE);
    buf_set_max(&b, 100);
    assert_int_equal(buf_room(&b), 0);
    assert_int_equal(buf_reserve(&b, 1), ERR_TOO_BIG);
    assert_int_equal(buf_append_char(&b, 'x'), ERR_TOO_BIG);
    assert_int_equal(buf_append_int(&b, 7), ERR_TOO_BIG);
    assert_int_equal(buf_printf(&b, "x"), ERR_TOO_BIG);
    assert_int_equal(buf_printf(&b, "%s", wide), ERR_TOO_BIG);
    assert_int_equal(buf_append(&b, SPAN("")), ERR_NONE);
    assert_true(span_equal(buf_span(&b), (struct span){wide, 200}));
    buf_consume(&b, 150);
    assert_int_equal(buf_room(&b), 50);
    assert_int_equal(buf_append(&b, (struct span){wide, 51}), ERR_TOO_BIG);
    assert_int_equal(buf_append(&b, (struct span){wide, 50}), ERR_NONE);
    assert_true(span_equal(buf_span(&b), (struct span){wide, 100}));
    buf_deinit(&b);
}

static void a_ceiling_that_comes_down_and_goes_up_again_never_shrinks_the_memory(void **state)
{
    size_t cap;
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_reserve(&b, 900), ERR_NONE);
    cap = b.cap;
    buf_set_max(&b, 10);
    assert_int_equal(buf_append(&b, SPAN("0123456789")), ERR_NONE);
    assert_int_equal(b.cap, cap);
    buf_set_max(&b, 2000);
    assert_int_equal(buf_reserve(&b, 1990), ERR_NONE);
    assert_true(b.cap >= 2000);
    assert_bytes(&b, "0123456789");
    buf_deinit(&b);
}

static void consume_drops_from_the_front(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_consume(&b, 5);
    assert_int_equal(buf_append(&b, SPAN("abcdef")), ERR_NONE);
    buf_consume(&b, 0);
    assert_bytes(&b, "abcdef");
    buf_consume(&b, 2);
    assert_bytes(&b, "cdef");
    buf_consume(&b, 99);
    assert_bytes(&b, "");
    buf_deinit(&b);
}

static void reset_and_deinit_leave_a_usable_buf(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_deinit(&b);
    buf_init(&b, 10);
    assert_int_equal(buf_append(&b, SPAN("abc")), ERR_NONE);
    buf_reset(&b);
    assert_bytes(&b, "");
    assert_non_null(b.data);
    buf_deinit(&b);
    buf_deinit(&b);
    assert_int_equal(buf_append(&b, SPAN("again")), ERR_NONE);
    assert_bytes(&b, "again");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_over_the_ceiling_changes_nothing),
        cmocka_unit_test(printf_fills_up_to_the_last_byte),
        cmocka_unit_test(appends_stand_one_behind_the_other),
        cmocka_unit_test(growing_keeps_the_bytes),
        cmocka_unit_test(a_lower_ceiling_keeps_the_bytes_and_takes_no_more),
        cmocka_unit_test(a_ceiling_that_comes_down_and_goes_up_again_never_shrinks_the_memory),
        cmocka_unit_test(consume_drops_from_the_front),
        cmocka_unit_test(reset_and_deinit_leave_a_usable_buf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
