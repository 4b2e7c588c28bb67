/* SPDX-License-Identifier: MIT */
#include "relay/socketio/broadcast_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXTS_MAX = 1000 };

static void expect(const struct broadcast_log *b, uint64_t *place, const char *text)
{
    struct span item;

    assert_true(broadcast_log_next(b, place, &item));
    assert_true(span_equal(item, span_of(text)));
}

static void who_is_behind_is_told_the_rest(void **state)
{
    struct broadcast_log b = {0};
    struct span item;
    uint64_t first, second;

    (void)state;
    broadcast_log_init(&b);
    first = broadcast_log_end(&b);
    assert_false(broadcast_log_next(&b, &first, &item));
    assert_int_equal(broadcast_log_add(&b, SPAN("one"), TEXTS_MAX), ERR_NONE);
    expect(&b, &first, "one");
    second = broadcast_log_end(&b);
    assert_int_equal(broadcast_log_add(&b, SPAN(""), TEXTS_MAX), ERR_NONE);
    assert_int_equal(broadcast_log_add(&b, SPAN("two"), TEXTS_MAX), ERR_NONE);
    for (uint64_t *place = &first; place; place = place == &first ? &second : NULL) {
        expect(&b, place, "");
        expect(&b, place, "two");
        assert_false(broadcast_log_next(&b, place, &item));
        assert_int_equal(*place, broadcast_log_end(&b));
    }
    broadcast_log_deinit(&b);
}

static void after_a_clear_places_go_on(void **state)
{
    struct broadcast_log b = {0};
    struct span item;
    uint64_t old, fresh;

    (void)state;
    broadcast_log_init(&b);
    old = broadcast_log_end(&b);
    assert_int_equal(broadcast_log_add(&b, SPAN("told"), TEXTS_MAX), ERR_NONE);
    fresh = broadcast_log_end(&b);
    broadcast_log_clear(&b);
    assert_int_equal(broadcast_log_end(&b), fresh);
    assert_false(broadcast_log_next(&b, &old, &item));
    assert_false(broadcast_log_next(&b, &fresh, &item));
    assert_int_equal(broadcast_log_add(&b, SPAN("new"), TEXTS_MAX), ERR_NONE);
    expect(&b, &old, "new");
    expect(&b, &fresh, "new");
    assert_int_equal(old, fresh);
    broadcast_log_deinit(&b);
}

static void what_all_have_heard_is_forgotten(void **state)
{
    struct broadcast_log b = {0};
    struct span item;
    uint64_t slow, fast;

    (void)state;
    broadcast_log_init(&b);
    slow = fast = broadcast_log_end(&b);
    assert_int_equal(broadcast_log_add(&b, SPAN("one"), 10), ERR_NONE);
    assert_int_equal(broadcast_log_add(&b, SPAN("two"), 10), ERR_NONE);
    assert_int_equal(broadcast_log_add(&b, SPAN("three"), 10), ERR_TOO_BIG);
    expect(&b, &slow, "one");
    expect(&b, &fast, "one");
    expect(&b, &fast, "two");
    broadcast_log_forget(&b, slow);
    assert_int_equal(broadcast_log_add(&b, SPAN("three"), 10), ERR_NONE);
    broadcast_log_forget(&b, 1); /* is forgotten already */
    expect(&b, &slow, "two");
    for (uint64_t *place = &slow; place; place = place == &slow ? &fast : NULL) {
        expect(&b, place, "three");
        assert_false(broadcast_log_next(&b, place, &item));
    }
    broadcast_log_forget(&b, broadcast_log_end(&b));
    assert_false(broadcast_log_next(&b, &(uint64_t){0}, &item));
    broadcast_log_deinit(&b);
}

static void texts_are_bounded_and_rings_still_pass(void **state)
{
    struct broadcast_log b = {0};

    (void)state;
    broadcast_log_init(&b);
    assert_int_equal(broadcast_log_add(&b, SPAN("12345678"), 8), ERR_TOO_BIG);
    assert_int_equal(broadcast_log_add(&b, SPAN("1234567"), 8), ERR_NONE);
    assert_int_equal(broadcast_log_add(&b, SPAN("1"), 8), ERR_TOO_BIG);
    assert_int_equal(broadcast_log_add(&b, SPAN(""), 8), ERR_NONE);
    assert_int_equal(broadcast_log_add(&b, SPAN(""), 8), ERR_NONE);
    assert_int_equal(broadcast_log_add(&b, SPAN("1"), 8), ERR_TOO_BIG);
    assert_int_equal(broadcast_log_add(&b, SPAN("1"), 12), ERR_NONE);
    assert_int_equal(broadcast_log_end(&b), 12);
    broadcast_log_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_behind_is_told_the_rest),
        cmocka_unit_test(after_a_clear_places_go_on),
        cmocka_unit_test(what_all_have_heard_is_forgotten),
        cmocka_unit_test(texts_are_bounded_and_rings_still_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
