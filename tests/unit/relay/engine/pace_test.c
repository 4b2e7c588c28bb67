/* SPDX-License-Identifier: MIT */
#include "relay/engine/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_second_lets_through_what_the_rate_says(void **state)
{
    static const int64_t rates[] = {1, 7, 100, 1000, 12345};
    struct ring ring = {.type = RING_MANY, .seq = 1};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct pace p = {0};
        int64_t sum = 0;

        pace_start(&p, &ring, false, 5000);
        for (int64_t ms = 5000; ms < 15000; ms += PACE_TICK_MS)
            sum += (int64_t)pace_budget(&p, rates[i], ms);
        assert_int_equal(sum, 10 * rates[i]);
    }
}

static void a_stall_is_not_made_up_for(void **state)
{
    struct ring ring = {.type = RING_ASK};
    struct pace p = {0};

    (void)state;
    pace_start(&p, &ring, false, 0);
    (void)pace_budget(&p, 1000, 0);
    assert_int_equal(pace_budget(&p, 1000, 60000), 50);
    assert_true(pace_budget(&p, 10000000, 60100) <= PACE_TURN_MAX);
    assert_int_equal(pace_budget(&p, 0, 60100), PACE_TURN_MAX);
}

static void what_overlaps_merges_and_what_does_not_starts_anew(void **state)
{
    struct ring first = {.type = RING_MANY, .seq = 9}, second = {.type = RING_MANY, .seq = 7};
    struct pace p = {0};

    (void)state;
    pace_start(&p, &first, false, 0);
    pace_start(&p, &second, true, 1);
    assert_int_equal(p.ring.seq, 9);
    pace_start(&p, &second, false, 2);
    assert_int_equal(p.ring.seq, 7);
}

static void who_is_rung_at_once_is_to_spread_the_questions(void **state)
{
    static const struct {
        size_t count;
        int64_t pace, check_rate;
        uint32_t spread_ms;
    } rows[] = {
        {10000, 0, 1000, 10000},       {10000, 0, 0, 0}, {1000, 1000, 1000, 0},
        {1001, 1000, 1000, 1001},      {0, 0, 1000, 0},  {500, 0, 1000, 500},
        {100000000, 0, 1, UINT32_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(pace_spread_ms(rows[i].count, rows[i].pace, rows[i].check_rate),
                         rows[i].spread_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_lets_through_what_the_rate_says),
        cmocka_unit_test(a_stall_is_not_made_up_for),
        cmocka_unit_test(what_overlaps_merges_and_what_does_not_starts_anew),
        cmocka_unit_test(who_is_rung_at_once_is_to_spread_the_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
