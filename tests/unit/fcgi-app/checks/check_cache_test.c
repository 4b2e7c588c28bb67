/* SPDX-License-Identifier: MIT */
#include "fcgi-app/checks/check_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct check_answer answer = {
    .state = {.joined_pos = 7, .version = 100, .seq = 200, .epoch = 5},
    .num = 3,
    .at_us = 1000,
    .valid_until_us = 5000,
};

static void an_answer_holds_while_nothing_has_moved(void **state)
{
    static const struct {
        const char *what;
        struct check_state now;
        int64_t now_us;
        bool holds;
    } rows[] = {
        {"at once", {7, 100, 200, 5}, 1000, true},
        {"until the time when it ends", {7, 100, 200, 5}, 4999, true},
        {"not at that time", {7, 100, 200, 5}, 5000, false},
        {"not by a clock that went back", {7, 100, 200, 5}, 999, false},
        {"not after a change of the user's", {7, 101, 200, 5}, 2000, false},
        {"not after an event of a feed", {7, 100, 201, 5}, 2000, false},
        {"not in a history that was put back", {7, 100, 199, 5}, 2000, false},
        {"not in another history", {7, 100, 200, 6}, 2000, false},
        {"not before there is a new one", {7, 100, 200, 0}, 2000, false},
        {"not for a user who came anew", {8, 100, 200, 5}, 2000, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        if (check_answer_holds(&answer, &rows[i].now, rows[i].now_us) != rows[i].holds)
            fail_msg("%s", rows[i].what);
}

static void what_was_put_is_found(void **state)
{
    struct check_cache *c = check_cache_new();
    struct check_answer other = answer;

    (void)state;
    assert_non_null(c);
    check_cache_set_max(c, 10);
    assert_null(check_cache_find(c, SPAN("bob")));
    check_cache_put(c, SPAN("bob"), &answer);
    other.num = 4;
    check_cache_put(c, SPAN("bo"), &other);
    assert_int_equal(check_cache_find(c, SPAN("bob"))->num, 3);
    assert_int_equal(check_cache_find(c, SPAN("bo"))->num, 4);
    check_cache_put(c, SPAN("bob"), &other);
    assert_int_equal(check_cache_find(c, SPAN("bob"))->num, 4);
    assert_int_equal(check_cache_count(c), 2);
    check_cache_clear(c);
    assert_null(check_cache_find(c, SPAN("bob")));
    check_cache_free(c);
}

static void the_one_not_asked_for_longest_makes_room(void **state)
{
    struct check_cache *c = check_cache_new();

    (void)state;
    assert_non_null(c);
    check_cache_set_max(c, 2);
    check_cache_put(c, SPAN("a"), &answer);
    check_cache_put(c, SPAN("b"), &answer);
    assert_non_null(check_cache_find(c, SPAN("a")));
    check_cache_put(c, SPAN("c"), &answer);
    assert_null(check_cache_find(c, SPAN("b")));
    assert_non_null(check_cache_find(c, SPAN("a")));
    check_cache_set_max(c, 1);
    assert_int_equal(check_cache_count(c), 1);
    assert_non_null(check_cache_find(c, SPAN("a")));
    check_cache_free(c);
}

static void zero_remembers_nothing(void **state)
{
    struct check_cache *c = check_cache_new();

    (void)state;
    assert_non_null(c);
    check_cache_set_max(c, 0);
    check_cache_put(c, SPAN("a"), &answer);
    assert_int_equal(check_cache_count(c), 0);
    check_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_holds_while_nothing_has_moved),
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(the_one_not_asked_for_longest_makes_room),
        cmocka_unit_test(zero_remembers_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
