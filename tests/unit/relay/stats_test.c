/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "relay/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session.h"

static const unsigned codes[] = {CLOSE_POLICY, CLOSE_TOO_BIG, CLOSE_RESTART,  CLOSE_LATER,
                                 CLOSE_TOKEN,  CLOSE_KICKED,  CLOSE_NO_LOGIN, CLOSE_TOO_MANY};

static void every_close_code_is_counted(void **state)
{
    struct stats s = {0};
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        stats_count_close(&s, codes[i]);
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        assert_true(s.counters[i] <= 1);
        sum += s.counters[i];
    }
    assert_int_equal(sum, sizeof(codes) / sizeof(codes[0]));
}

/* Each sample's metric is announced once, before it; each counter has a line. */
static void the_text_is_what_prometheus_reads(void **state)
{
    struct stats s = {0};
    struct gauges g = {.sessions = 3, .users = 2, .pages = 3};
    size_t samples = 0;
    char type[128] = "";
    struct buf out;
    struct span rest;

    (void)state;
    stats_count(&s, COUNT_RINGS_ALL, 7);
    buf_init(&out, 65536);
    assert_int_equal(stats_encode(&s, &g, &out), ERR_NONE);
    for (rest = buf_span(&out); rest.len > 0;) {
        struct span line = span_cut(&rest, '\n');

        if (span_starts_with(line, SPAN("# TYPE "))) {
            struct span name = {line.p + 7, line.len - 7};

            name = span_cut(&name, ' ');
            memcpy(type, name.p, name.len);
            type[name.len] = '\0';
        } else if (!span_starts_with(line, SPAN("#"))) {
            assert_true(span_starts_with(line, span_of(type)));
            assert_true(line.p[strlen(type)] == ' ' || line.p[strlen(type)] == '{');
            samples++;
        }
    }
    assert_int_equal(samples, COUNTER_COUNT + 6);
    assert_non_null(memmem(out.data, out.len, "rings_total{kind=\"all\"} 7\n", 26));
    assert_non_null(memmem(out.data, out.len, "\ndoorbell_relay_users 2\n", 24));
    buf_deinit(&out);
    buf_init(&out, 100);
    assert_int_equal(stats_encode(&s, &g, &out), ERR_TOO_BIG);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_close_code_is_counted),
        cmocka_unit_test(the_text_is_what_prometheus_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
