/* SPDX-License-Identifier: MIT */
#include "relay/session/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct event personal(int64_t version, int64_t seq, int64_t num)
{
    return (struct event){
        .type = EVENT_RING,
        .as.ring = {.type = RING_PERSONAL, .version = version, .seq = seq, .num = num}};
}

static struct event many(int64_t seq, uint32_t spread_ms)
{
    return (struct event){.type = EVENT_RING,
                          .as.ring = {.type = RING_MANY, .seq = seq, .spread_ms = spread_ms}};
}

static struct event ask(void)
{
    return (struct event){.type = EVENT_RING, .as.ring = {.type = RING_ASK}};
}

static void assert_same_ring(const struct ring *a, const struct ring *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->num, b->num);
    assert_int_equal(a->spread_ms, b->spread_ms);
}

static void rings_merge_into_two_at_most(void **state)
{
    const struct {
        struct event in[3];
        size_t in_count;
        struct event out[2];
        size_t out_count;
    } rows[] = {
        /* The higher version wins, whatever the order. */
        {{personal(5, 9, 3), personal(6, 9, 4)}, 2, {personal(6, 9, 4)}, 1},
        {{personal(6, 9, 4), personal(5, 9, 3)}, 2, {personal(6, 9, 4)}, 1},
        /* Each ahead in one part: nobody may take either's num, so there is something to ask. */
        {{personal(6, 9, 4), personal(5, 10, 3)}, 2, {personal(6, 9, 4), many(10, 0)}, 2},
        {{personal(5, 10, 3), personal(6, 9, 4)}, 2, {personal(6, 9, 4), many(10, 0)}, 2},
        {{many(7, 100), many(8, 50)}, 2, {many(8, 100)}, 1},
        {{many(8, 0), many(7, 0)}, 2, {many(8, 0)}, 1},
        {{many(8, 0), personal(1, 7, 2)}, 2, {personal(1, 7, 2), many(8, 0)}, 2},
        /* A page that has to ask learns all the rest. */
        {{ask(), many(8, 0)}, 2, {ask()}, 1},
        {{many(8, 0), ask()}, 2, {ask()}, 1},
        {{ask(), personal(1, 7, 2), many(9, 0)}, 3, {personal(1, 7, 2), ask()}, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slot s = {0};
        struct event m;

        for (size_t n = 0; n < rows[i].in_count; n++)
            slot_put(&s, &rows[i].in[n]);
        for (size_t n = 0; n < rows[i].out_count; n++) {
            assert_true(slot_take(&s, &m));
            assert_int_equal(m.type, EVENT_RING);
            assert_same_ring(&m.as.ring, &rows[i].out[n].as.ring);
        }
        assert_false(slot_take(&s, &m));
        assert_true(slot_is_empty(&s));
    }
}

static void the_rest_comes_in_order_with_bye_last(void **state)
{
    static const enum event_type order[] = {EVENT_WELCOME, EVENT_RING,  EVENT_ONLINE,
                                            EVENT_PING,    EVENT_ERROR, EVENT_CLOSE_NOTICE};
    struct event bye = {.type = EVENT_CLOSE_NOTICE, .as.after_ms = 77};
    struct event fault = {.type = EVENT_ERROR, .as.fault = FAULT_UNKNOWN_TYPE};
    struct event ring = many(1, 0);
    struct slot s = {0};
    struct event m;

    (void)state;
    slot_put(&s, &bye);
    slot_put(&s, &fault);
    slot_put(&s, &(struct event){.type = EVENT_PING});
    slot_put(&s, &(struct event){.type = EVENT_PING});
    slot_put(&s, &(struct event){.type = EVENT_ONLINE});
    slot_put(&s, &ring);
    slot_put(&s, &(struct event){.type = EVENT_WELCOME});
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        assert_true(slot_take(&s, &m));
        assert_int_equal(m.type, order[i]);
    }
    assert_int_equal(m.as.after_ms, 77);
    assert_false(slot_take(&s, &m));
}

static void of_two_epochs_the_newer_one_stays(void **state)
{
    struct event old = personal(57, 94, 4), older_many = many(95, 10), new = personal(3, 2, 1);
    struct slot s = {0};
    struct event m;

    (void)state;
    slot_enter(&s, 1);
    slot_put(&s, &old);
    slot_put(&s, &older_many);
    slot_put(&s, &(struct event){.type = EVENT_PING});
    slot_enter(&s, 1);
    slot_enter(&s, 2);
    slot_put(&s, &new);
    assert_true(slot_take(&s, &m));
    assert_same_ring(&m.as.ring, &new.as.ring);
    assert_true(slot_take(&s, &m));
    assert_int_equal(m.type, EVENT_PING);
    assert_true(slot_is_empty(&s));
}

static void an_ask_outlives_its_epoch(void **state)
{
    struct event asking = ask();
    struct slot s = {0};
    struct event m;

    (void)state;
    slot_put(&s, &asking);
    slot_enter(&s, 1);
    assert_true(slot_take(&s, &m));
    assert_int_equal(m.as.ring.type, RING_ASK);
}

static void broadcasts_merge(void **state)
{
    struct ring r = many(7, 0).as.ring, higher = many(9, 20).as.ring, lower = many(3, 5).as.ring;
    struct ring asking = ask().as.ring;

    (void)state;
    ring_merge_many(&r, &higher);
    ring_merge_many(&r, &lower);
    assert_int_equal(r.seq, 9);
    assert_int_equal(r.spread_ms, 20);
    ring_merge_many(&r, &asking);
    assert_int_equal(r.type, RING_ASK);
    ring_merge_many(&r, &(struct ring){.type = RING_MANY, .seq = 11, .spread_ms = 30});
    assert_int_equal(r.type, RING_ASK);
    assert_int_equal(r.spread_ms, 30);
}

static void a_step_is_kept_while_nothing_else_has_happened(void **state)
{
    static const struct {
        const char *what;
        struct ring newer;
        bool is_kept;
    } rows[] = {
        {"the same again", {.type = RING_MANY, .seq = 95, .step = {.from = 94, .add = 1}}, true},
        {"one from before it", {.type = RING_MANY, .seq = 94}, true},
        {"one between", {.type = RING_MANY, .seq = 94 + 100}, false},
        {"the next one", {.type = RING_MANY, .seq = 195, .step = {.from = 95, .add = 1}}, false},
        {"a question", {.type = RING_ASK}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ring r = {.type = RING_MANY, .seq = 95, .step = {.from = 94, .add = 1}};

        ring_merge_many(&r, &rows[i].newer);
        if ((r.step.add > 0) != rows[i].is_kept)
            fail_msg("%s", rows[i].what);
    }
}

static void a_step_does_not_wait_for_its_reader(void **state)
{
    struct event step = many(95, 10);
    struct slot s = {0};
    struct event m;

    (void)state;
    step.as.ring.step = (struct step){.from = 94, .add = 1};
    slot_put(&s, &step);
    assert_true(slot_take(&s, &m));
    assert_int_equal(m.as.ring.seq, 95);
    assert_int_equal(m.as.ring.spread_ms, 10);
    assert_int_equal(m.as.ring.step.add, 0);
}

static void a_personal_ring_keeps_its_scope(void **state)
{
    struct event ring = personal(57, 94, 3);
    struct slot s = {0};
    struct event m;

    (void)state;
    ring.as.ring.has_scope = true;
    ring.as.ring.scope = 41;
    slot_put(&s, &ring);
    assert_true(slot_take(&s, &m));
    assert_true(m.as.ring.has_scope);
    assert_int_equal(m.as.ring.scope, 41);
}

static void an_ask_has_the_longest_spread_of_what_it_replaces(void **state)
{
    struct event rings[] = {many(95, 10), ask(), many(96, 20)};
    struct slot s = {0};
    struct event m;

    (void)state;
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
        slot_put(&s, &rings[i]);
    assert_true(slot_take(&s, &m));
    assert_int_equal(m.as.ring.type, RING_ASK);
    assert_int_equal(m.as.ring.spread_ms, 20);
    assert_true(slot_is_empty(&s));
    slot_put(&s, &rings[1]);
    assert_true(slot_take(&s, &m));
    assert_int_equal(m.as.ring.spread_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_merge_into_two_at_most),
        cmocka_unit_test(the_rest_comes_in_order_with_bye_last),
        cmocka_unit_test(of_two_epochs_the_newer_one_stays),
        cmocka_unit_test(an_ask_outlives_its_epoch),
        cmocka_unit_test(a_step_is_kept_while_nothing_else_has_happened),
        cmocka_unit_test(a_step_does_not_wait_for_its_reader),
        cmocka_unit_test(a_personal_ring_keeps_its_scope),
        cmocka_unit_test(an_ask_has_the_longest_spread_of_what_it_replaces),
        cmocka_unit_test(broadcasts_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
