/* SPDX-License-Identifier: MIT */
#include "common/metrics/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_time_goes_into_the_bucket_that_just_holds_it(void **state)
{
    static const struct {
        int64_t us;
        size_t bucket;
    } rows[] = {
        {INT64_MIN, 0}, {-1, 0},   {0, 0},         {100, 0},       {101, 1},
        {1000, 3},      {1001, 4}, {10000000, 15}, {10000001, 16}, {INT64_MAX, 16},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct histogram h = {.sum_us = 0};

        histogram_add(&h, rows[i].us);
        for (size_t n = 0; n < HISTOGRAM_BUCKETS; n++)
            assert_int_equal(h.buckets[n], n == rows[i].bucket);
        assert_int_equal(h.sum_us, rows[i].us > 0 ? rows[i].us : 0);
    }
}

static void buckets_are_cumulative_and_end_with_the_count(void **state)
{
    static const char begin[] = "x_bucket{k=\"a\",le=\"0.0001\"} 1\n"
                                "x_bucket{k=\"a\",le=\"0.00025\"} 3\n";
    static const char end[] = "x_bucket{k=\"a\",le=\"10\"} 3\n"
                              "x_bucket{k=\"a\",le=\"+Inf\"} 4\n"
                              "x_sum{k=\"a\"} 20.000450\n"
                              "x_count{k=\"a\"} 4\n";
    struct histogram h = {.sum_us = 0};
    struct buf out;

    (void)state;
    histogram_add(&h, 50);
    histogram_add(&h, 200);
    histogram_add(&h, 200);
    histogram_add(&h, 20000000);
    buf_init(&out, 8192);
    assert_int_equal(histogram_encode(&h, "x", "k=\"a\"", &out), ERR_NONE);
    assert_memory_equal(out.data, begin, sizeof(begin) - 1);
    assert_memory_equal(out.data + out.len - (sizeof(end) - 1), end, sizeof(end) - 1);
    buf_deinit(&out);
}

static void without_labels_there_are_no_empty_braces(void **state)
{
    static const char begin[] = "x_bucket{le=\"0.0001\"} 0\n";
    static const char end[] = "x_sum 0.000000\nx_count 0\n";
    struct histogram h = {.sum_us = 0};
    struct buf out;

    (void)state;
    buf_init(&out, 8192);
    assert_int_equal(histogram_encode(&h, "x", "", &out), ERR_NONE);
    assert_memory_equal(out.data, begin, sizeof(begin) - 1);
    assert_memory_equal(out.data + out.len - (sizeof(end) - 1), end, sizeof(end) - 1);
    buf_deinit(&out);
    buf_init(&out, 10);
    assert_int_equal(histogram_encode(&h, "x", "", &out), ERR_TOO_BIG);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_goes_into_the_bucket_that_just_holds_it),
        cmocka_unit_test(buckets_are_cumulative_and_end_with_the_count),
        cmocka_unit_test(without_labels_there_are_no_empty_braces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
