/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "relay/metrics/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session/hub.h"
#include "relay/session/protocol.h"

static bool has(const struct buf *text, const char *line)
{
    return memmem(text->data, text->len, line, strlen(line)) != NULL;
}

/* Each sample's metric is announced once, before it. */
static size_t count_samples(struct span rest)
{
    char type[128] = "";
    size_t samples = 0;

    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');

        if (span_starts_with(line, SPAN("# TYPE "))) {
            struct span name = {line.p + 7, line.len - 7};

            name = span_cut(&name, ' ');
            memcpy(type, name.p, name.len);
            type[name.len] = '\0';
        } else if (!span_starts_with(line, SPAN("#"))) {
            assert_true(span_starts_with(line, span_of(type)));
            samples++;
        }
    }
    return samples;
}

static void the_text_is_what_prometheus_reads(void **state)
{
    enum { HISTOGRAM_ROWS = HISTOGRAM_BUCKETS + 2, GAUGES = 7, CLUSTER = 8 };
    static const struct protocol spoken = {.id = PROTOCOL_NATIVE, .name = "native"};
    struct session session = {.protocol = &spoken};
    struct metrics s = {.resident_bytes = 4096};
    struct hub *hub = hub_new();
    struct gauges g = {.hub = hub, .revocations = 3, .uptime_s = 9, .cluster.sent = 5};
    struct buf out;

    (void)state;
    assert_non_null(hub);
    hub_add(hub, &session);
    hub_set_blocked(hub, &session, 5);
    metrics_count(&s, COUNT_RINGS_ALL, 7);
    metrics_count_refusal(&s, 429, "too many");
    metrics_count_refusal(&s, 429, "too many");
    metrics_count_refusal(&s, 200, "x");
    metrics_count_refusal(&s, 600, "x");
    metrics_count_close(&s, 4403, "kicked");
    metrics_count_left(&s);
    histogram_add(&s.delays[DELAY_MANY], 1);
    buf_init(&out, 65536);
    assert_int_equal(metrics_append(&s, &g, &out), ERR_NONE);
    assert_int_equal(count_samples(buf_span(&out)), COUNTER_COUNT + 3 +
                                                        (DELAY_COUNT + 1) * HISTOGRAM_ROWS + 1 +
                                                        GAUGES + CLUSTER + 3);
    assert_true(has(&out, "\ndoorbell_relay_rings_total{kind=\"all\"} 7\n"));
    assert_true(has(
        &out, "\ndoorbell_relay_refused_upgrades_total{status=\"429\",reason=\"too many\"} 2\n"));
    assert_true(has(&out, "\ndoorbell_relay_closed_total{code=\"4403\",reason=\"kicked\"} 1\n"));
    assert_true(has(&out, "\ndoorbell_relay_cluster_sent_total 5\n"));
    assert_true(has(&out, "{code=\"peer\",reason=\"peer went away\"} 1\n"));
    assert_true(has(&out, "\ndoorbell_relay_publish_to_write_seconds_count{kind=\"many\"} 1\n"));
    assert_true(has(&out, "\ndoorbell_relay_sessions{protocol=\"native\"} 1\n"));
    assert_true(has(&out, "\ndoorbell_relay_slow_sessions 1\n"));
    assert_true(has(&out, "\ndoorbell_bugs_total 0\n"));
    assert_true(has(&out, "\nprocess_resident_memory_bytes 4096\n"));
    for (size_t max = 0; max < out.len; max += 97) {
        struct buf small;

        buf_init(&small, max);
        assert_int_equal(metrics_append(&s, &g, &small), ERR_TOO_BIG);
        buf_deinit(&small);
    }
    buf_deinit(&out);
    hub_remove(hub, &session);
    hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_what_prometheus_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
