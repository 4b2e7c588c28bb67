/* SPDX-License-Identifier: MIT */
#include "common/metrics/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void a_full_buf_is_an_error(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_int_equal(metrics_text_one(&b, "n", "gauge", "Help", 1), ERR_TOO_BIG);
    buf_deinit(&b);
}

static void a_metric_has_its_help_its_type_and_its_rows(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(metrics_text_head(&b, "n_total", "counter", "What it is"), ERR_NONE);
    assert_int_equal(metrics_text_row(&b, "n_total", "{kind=\"all\"}", 1), ERR_NONE);
    assert_int_equal(metrics_text_row(&b, "n_total", "{kind=\"many\"}", INT64_MAX), ERR_NONE);
    assert_int_equal(metrics_text_one(&b, "users", "gauge", "Users", 7), ERR_NONE);
    assert_true(span_equal(buf_span(&b), SPAN("# HELP n_total What it is.\n"
                                              "# TYPE n_total counter\n"
                                              "n_total{kind=\"all\"} 1\n"
                                              "n_total{kind=\"many\"} 9223372036854775807\n"
                                              "# HELP users Users.\n"
                                              "# TYPE users gauge\n"
                                              "users 7\n")));
    buf_deinit(&b);
}

static void bugs_are_a_metric_of_their_own(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(metrics_text_program(&b, 3), ERR_NONE);
    assert_int_equal(buf_append_char(&b, '\0'), ERR_NONE);
    assert_non_null(
        strstr(b.data, "\n# TYPE doorbell_bugs_total counter\ndoorbell_bugs_total 0\n"));
    assert_non_null(strstr(b.data, "\ndoorbell_log_lost_total 3\n"));
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_buf_is_an_error),
        cmocka_unit_test(a_metric_has_its_help_its_type_and_its_rows),
        cmocka_unit_test(bugs_are_a_metric_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
