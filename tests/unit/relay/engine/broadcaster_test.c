/* SPDX-License-Identifier: MIT */
#include "relay/engine/broadcaster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session/protocol.h"

static const struct config_relay relay = {.pace = 1000, .notify_pace = 50000, .check_rate = 2000};
static const struct protocol native = {.takes_steps = true}, other = {.takes_steps = false};
static const struct instant now = {.ms = 5000};

static const struct ring plain = {.type = RING_MANY, .seq = 96};

static struct ring step_to(int64_t seq)
{
    return (struct ring){.type = RING_MANY,
                         .seq = seq,
                         .id = 7,
                         .step = {.from = seq - 1, .add = 1, .category = SPAN("\"news\"")}};
}

static struct broadcaster b;

static int set_up(void **state)
{
    (void)state;
    b = (struct broadcaster){0};
    broadcaster_init(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    broadcaster_deinit(&b);
    return 0;
}

static void start(const struct ring *ring, bool is_under_way)
{
    broadcaster_start(&b, ring, is_under_way, &relay, 10000, &now);
}

static void what_asks_goes_round_once_at_the_pace(void **state)
{
    (void)state;
    start(&plain, false);
    assert_true(broadcaster_is_for(&b, &native));
    assert_true(broadcaster_is_for(&b, &other));
    assert_int_equal(broadcaster_rate(&b, &relay), 1000);
    assert_int_equal(b.frames.event.as.ring.spread_ms, 0);
    assert_false(broadcaster_goes_on(&b));
}

static void a_step_goes_fast_and_whoever_takes_none_is_told_after_it(void **state)
{
    struct ring step = step_to(95);

    (void)state;
    start(&step, false);
    assert_int_equal(broadcaster_rate(&b, &relay), 50000);
    assert_int_equal(b.frames.event.as.ring.spread_ms, 5000);
    assert_true(broadcaster_is_for(&b, &native));
    assert_false(broadcaster_is_for(&b, &other));
    assert_true(broadcaster_goes_on(&b));
    assert_int_equal(broadcaster_rate(&b, &relay), 1000);
    assert_false(broadcaster_is_for(&b, &native));
    assert_true(broadcaster_is_for(&b, &other));
    assert_false(broadcaster_goes_on(&b));
}

static void where_all_take_steps_there_is_no_second_round(void **state)
{
    struct ring step = step_to(95);

    (void)state;
    start(&step, false);
    assert_true(broadcaster_is_for(&b, &native));
    assert_false(broadcaster_goes_on(&b));
}

static void what_merges_with_a_step_asks_at_the_pace(void **state)
{
    struct ring step = step_to(95);

    (void)state;
    start(&step, false);
    start(&plain, true);
    assert_int_equal(b.frames.event.as.ring.seq, 96);
    assert_int_equal(b.frames.event.as.ring.step.add, 0);
    assert_int_equal(b.frames.event.as.ring.spread_ms, 0);
    assert_int_equal(broadcaster_rate(&b, &relay), 1000);
    assert_true(broadcaster_is_for(&b, &other));
}

static void the_next_step_does_not_merge_with_the_rest_of_the_last(void **state)
{
    struct ring first = step_to(95), second = step_to(96);

    (void)state;
    start(&first, false);
    assert_false(broadcaster_is_for(&b, &other));
    assert_true(broadcaster_goes_on(&b));
    start(&second, true);
    assert_int_equal(b.frames.event.as.ring.step.add, 1);
    assert_int_equal(broadcaster_rate(&b, &relay), 50000);
    assert_false(broadcaster_is_for(&b, &other));
    assert_true(broadcaster_goes_on(&b));
}

static void the_texts_of_a_step_are_its_own(void **state)
{
    char category[] = "\"news\"";
    struct ring step = step_to(95);

    (void)state;
    step.step.category = span_of(category);
    start(&step, false);
    memset(category, '-', sizeof(category) - 1);
    assert_true(span_equal(b.frames.event.as.ring.step.category, SPAN("\"news\"")));
    step.step.category = SPAN("\"other\"");
    start(&step, true); /* the same number: it is the same one again */
    assert_true(span_equal(b.frames.event.as.ring.step.category, SPAN("\"news\"")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_asks_goes_round_once_at_the_pace),
        TEST(a_step_goes_fast_and_whoever_takes_none_is_told_after_it),
        TEST(where_all_take_steps_there_is_no_second_round),
        TEST(what_merges_with_a_step_asks_at_the_pace),
        TEST(the_next_step_does_not_merge_with_the_rest_of_the_last),
        TEST(the_texts_of_a_step_are_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
