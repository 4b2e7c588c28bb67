/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct route routes[] = {
    {METHOD_GET, "/unread", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
    {METHOD_DELETE, "/messages/{id}", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
};

static const struct metrics_gauges down = {.is_database_up = false};

static struct metrics *make(size_t workers)
{
    struct metrics *m = NULL;

    assert_int_equal(metrics_new(workers, routes, ROWS(routes), &m), ERR_NONE);
    return m;
}

/* The text, NUL-terminated. */
static void encode(const struct metrics *m, const struct metrics_gauges *g, struct buf *out)
{
    buf_init(out, 1 << 20);
    assert_int_equal(metrics_encode(m, g, out), ERR_NONE);
    assert_int_equal(buf_append_char(out, '\0'), ERR_NONE);
}

/* Each line is in the text, whole. */
static void assert_lines(const struct metrics *m, const struct metrics_gauges *g,
                         const char *const *lines, size_t count)
{
    struct buf text;

    encode(m, g, &text);
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(text.data, lines[i]);
        char end = at ? at[strlen(lines[i])] : '\0';

        if (!at || (at > text.data && at[-1] != '\n') || end != '\n')
            fail_msg("%s is missing in\n%s", lines[i], text.data);
    }
    buf_deinit(&text);
}

static void assert_absent(const struct metrics *m, const struct metrics_gauges *g, const char *what)
{
    struct buf text;

    encode(m, g, &text);
    if (strstr(text.data, what))
        fail_msg("%s is in\n%s", what, text.data);
    buf_deinit(&text);
}

static void what_was_never_asked_has_no_rows(void **state)
{
    static const char *const lines[] = {
        "# TYPE doorbell_app_requests_total counter",
        "# TYPE doorbell_app_request_duration_seconds histogram",
        "doorbell_app_unavailable_total 0",
        "doorbell_app_wrong_numbers_total 0",
        "doorbell_app_workers 3",
        "doorbell_app_workers_connected 0",
        "doorbell_app_rings_published_total 0",
    };
    struct metrics *m = make(3);

    (void)state;
    assert_lines(m, &down, lines, ROWS(lines));
    assert_absent(m, &down, "{method");
    metrics_count_request(m, 0, &routes[0], 200, 1);
    assert_absent(m, &down, "/messages");
    metrics_free(m);
}

static void requests_are_added_up_over_threads(void **state)
{
    static const char *const lines[] = {
        "doorbell_app_requests_total{method=\"GET\",route=\"/unread\",status=\"2xx\"} 2",
        "doorbell_app_requests_total{method=\"GET\",route=\"/unread\",status=\"3xx\"} 1",
        "doorbell_app_requests_total{method=\"GET\",route=\"/unread\",status=\"4xx\"} 0",
        "doorbell_app_requests_total{method=\"GET\",route=\"/unread\",status=\"5xx\"} 1",
        "doorbell_app_requests_total{method=\"DELETE\",route=\"/messages/{id}\",status=\"2xx\"} 1",
        "doorbell_app_requests_total{method=\"any\",route=\"none\",status=\"4xx\"} 1",
        "doorbell_app_unavailable_total 1",
        "doorbell_app_workers_connected 1",
    };
    struct metrics *m = make(2);

    (void)state;
    metrics_count_request(m, METRICS_FRONT, &routes[0], 200, 10);
    metrics_count_request(m, METRICS_WORKER + 1, &routes[0], 200, 10);
    metrics_count_request(m, METRICS_WORKER + 1, &routes[0], 304, 10);
    metrics_count_request(m, METRICS_FRONT, &routes[0], 503, 10);
    metrics_count_request(m, METRICS_FRONT, &routes[1], 201, 10);
    metrics_count_request(m, METRICS_WORKER + 1, NULL, 404, 10);
    metrics_set_connected(m, METRICS_CHECKER, true); /* is no worker */
    metrics_set_connected(m, METRICS_WORKER, true);
    metrics_set_connected(m, METRICS_WORKER + 1, true);
    metrics_set_connected(m, METRICS_WORKER, false);
    assert_lines(m, &down, lines, ROWS(lines));
    metrics_free(m);
}

#define BUCKET "doorbell_app_request_duration_seconds_bucket{method=\"GET\",route=\"/unread\",le="
#define LABELS "{method=\"GET\",route=\"/unread\"}"

static void the_histogram_is_cumulative_and_its_bounds_belong_below(void **state)
{
    static const int64_t durations_us[] = {0, 250, 251, 500, 1000, 1001, 2500000, 2500001, 9000000};
    static const char *const lines[] = {
        BUCKET "\"0.00025\"} 2",
        BUCKET "\"0.0005\"} 4",
        BUCKET "\"0.001\"} 5",
        BUCKET "\"0.0025\"} 6",
        BUCKET "\"1\"} 6",
        BUCKET "\"2.5\"} 7",
        BUCKET "\"+Inf\"} 9",
        "doorbell_app_request_duration_seconds_sum" LABELS " 14.003003",
        "doorbell_app_request_duration_seconds_count" LABELS " 9",
    };
    struct metrics *m = make(2);

    (void)state;
    for (size_t i = 0; i < ROWS(durations_us); i++)
        metrics_count_request(m, i % 2, &routes[0], 200, durations_us[i]);
    assert_lines(m, &down, lines, ROWS(lines));
    metrics_free(m);
}

static void rings_and_failures_are_told_apart(void **state)
{
    static const char *const lines[] = {
        "doorbell_app_rings_published_total 7",
        "doorbell_app_rings_skipped_total 5",
        "doorbell_app_publish_errors_total{reason=\"unavailable\"} 2",
        "doorbell_app_publish_errors_total{reason=\"refused\"} 1",
    };
    struct metrics *m = make(1);

    (void)state;
    metrics_count_rings(m, 3);
    metrics_count_rings_skipped(m, 5);
    metrics_count_rings(m, 4);
    metrics_count_publish_failure(m);
    metrics_count_publish_failure(m);
    metrics_count_ring_refused(m);
    assert_lines(m, &down, lines, ROWS(lines));
    metrics_free(m);
}

static void standbys_are_told_of_where_there_are_to_be_some(void **state)
{
    static const char *const lines[] = {
        "doorbell_app_standby_reads_total{result=\"used\"} 5",
        "doorbell_app_standby_reads_total{result=\"behind\"} 4",
        "doorbell_app_standby_reads_total{result=\"failed\"} 1",
        "doorbell_app_workers_with_standby 1",
    };
    struct metrics *m = make(2);

    (void)state;
    assert_absent(m, &down, "standby");
    assert_int_equal(metrics_standbys(m), -1);
    metrics_show_standbys(m);
    assert_int_equal(metrics_standbys(m), 0);
    metrics_count_standby(m, METRICS_WORKER, 2, 4, 0);
    metrics_count_standby(m, METRICS_WORKER + 1, 3, 0, 1);
    metrics_set_standby(m, METRICS_WORKER, true);
    metrics_set_standby(m, METRICS_WORKER + 1, true);
    metrics_set_standby(m, METRICS_WORKER + 1, false);
    assert_lines(m, &down, lines, ROWS(lines));
    metrics_free(m);
}

static void clocks_are_told(void **state)
{
    static const char *const lines[] = {
        "doorbell_app_clock_steps_total 2",
        "doorbell_app_clock_difference_seconds -3600",
        "doorbell_app_relay_clock_difference_seconds 7",
    };
    struct metrics *m = make(1);

    (void)state;
    metrics_count_clock_step(m);
    metrics_count_clock_step(m);
    metrics_set_clock_difference(m, METRICS_CLOCK_DATABASE, -3600);
    metrics_set_clock_difference(m, METRICS_CLOCK_RELAY, 7);
    assert_int_equal(metrics_clock_difference(m, METRICS_CLOCK_DATABASE), -3600);
    assert_lines(m, &down, lines, ROWS(lines));
    metrics_free(m);
}

static void of_a_database_that_is_away_nothing_is_claimed(void **state)
{
    static const char *const lines_down[] = {"doorbell_app_database_up 0"};
    static const char *const lines_up[] = {
        "doorbell_app_database_up 1",      "doorbell_app_database_writable 1",
        "doorbell_app_outbox_rows 5",      "doorbell_app_outbox_age_seconds 6",
        "doorbell_app_overdue_messages 7", "doorbell_app_wrong_counters 8",
    };
    const struct metrics_gauges up = {.is_database_up = true,
                                      .is_writable = true,
                                      .outbox_rows = 5,
                                      .outbox_age_s = 6,
                                      .overdue = 7,
                                      .drift = 8};
    struct metrics *m = make(1);

    (void)state;
    assert_lines(m, &down, lines_down, ROWS(lines_down));
    assert_absent(m, &down, "writable");
    assert_absent(m, &down, "outbox");
    assert_absent(m, &down, "overdue");
    assert_absent(m, &down, "wrong_counters");
    assert_lines(m, &up, lines_up, ROWS(lines_up));
    metrics_free(m);
}

static void encode_says_when_there_is_no_room(void **state)
{
    struct metrics *m = make(1);
    struct buf whole;

    (void)state;
    metrics_count_request(m, 0, &routes[0], 200, 1);
    encode(m, &down, &whole);
    for (size_t max = 0; max < whole.len - 1; max += 7) {
        struct buf out;

        buf_init(&out, max);
        assert_int_equal(metrics_encode(m, &down, &out), ERR_TOO_BIG);
        buf_deinit(&out);
    }
    buf_deinit(&whole);
    metrics_free(m);
    metrics_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_never_asked_has_no_rows),
        cmocka_unit_test(requests_are_added_up_over_threads),
        cmocka_unit_test(the_histogram_is_cumulative_and_its_bounds_belong_below),
        cmocka_unit_test(rings_and_failures_are_told_apart),
        cmocka_unit_test(standbys_are_told_of_where_there_are_to_be_some),
        cmocka_unit_test(clocks_are_told),
        cmocka_unit_test(of_a_database_that_is_away_nothing_is_claimed),
        cmocka_unit_test(encode_says_when_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
