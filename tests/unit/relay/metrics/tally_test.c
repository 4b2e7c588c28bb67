/* SPDX-License-Identifier: MIT */
#include "relay/metrics/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void rows_are_of_a_number_and_a_reason(void **state)
{
    struct tally t = {.size = 0};
    struct buf out;

    (void)state;
    tally_count(&t, 4403, "kicked");
    tally_count(&t, 1008, "kicked");
    tally_count(&t, 4403, "token of another user");
    tally_count(&t, 4403, "kicked");
    buf_init(&out, 1024);
    assert_int_equal(tally_encode(&t, "closed", "code", &out), ERR_NONE);
    assert_true(span_equal(buf_span(&out),
                           SPAN("closed{code=\"4403\",reason=\"kicked\"} 2\n"
                                "closed{code=\"1008\",reason=\"kicked\"} 1\n"
                                "closed{code=\"4403\",reason=\"token of another user\"} 1\n")));
    buf_deinit(&out);
}

static void reasons_without_end_share_the_last_row(void **state)
{
    static char reasons[TALLY_ROWS_MAX + 10][8];
    struct tally t = {.size = 0};
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < TALLY_ROWS_MAX + 10; i++) {
        snprintf(reasons[i], sizeof(reasons[i]), "r%zu", i);
        tally_count(&t, 1008, reasons[i]);
        tally_count(&t, 1008, reasons[i]);
    }
    assert_int_equal(t.size, TALLY_ROWS_MAX);
    for (size_t i = 0; i < t.size; i++)
        sum += t.rows[i].count;
    assert_int_equal(sum, 2 * (TALLY_ROWS_MAX + 10));
    assert_int_equal(t.rows[TALLY_ROWS_MAX - 2].count, 2);
    assert_string_equal(t.rows[TALLY_ROWS_MAX - 1].reason, "other");
    assert_int_equal(t.rows[TALLY_ROWS_MAX - 1].count, 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_of_a_number_and_a_reason),
        cmocka_unit_test(reasons_without_end_share_the_last_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
