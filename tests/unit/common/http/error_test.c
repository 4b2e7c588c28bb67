/* SPDX-License-Identifier: MIT */
#include "common/http/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_does_not_fit_is_left_out_whole(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 40);
    error_encode(&b, "malformed", "a sentence that is too long");
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

static void the_message_is_escaped(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    error_encode(&b, "malformed", "not \"this\"");
    assert_true(
        span_equal(buf_span(&b),
                   SPAN("{\"error\":{\"code\":\"malformed\",\"message\":\"not \\\"this\\\"\"}}")));
    buf_deinit(&b);
}

static void the_item_at_fault_has_an_index(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 57);
    error_encode_at(&b, "invalid", "wrong", 3);
    assert_true(
        span_equal(buf_span(&b),
                   SPAN("{\"error\":{\"code\":\"invalid\",\"message\":\"wrong\",\"index\":3}}")));
    buf_reset(&b);
    error_encode_at(&b, "invalid", "wrong", 1000);
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_left_out_whole),
        cmocka_unit_test(the_message_is_escaped),
        cmocka_unit_test(the_item_at_fault_has_an_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
