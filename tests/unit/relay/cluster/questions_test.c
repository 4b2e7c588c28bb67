/* SPDX-License-Identifier: MIT */
#include "relay/cluster/questions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct questions all;

static struct question *begin(size_t count)
{
    struct question *one;

    assert_int_equal(questions_begin(&all, QUESTION_REPORT, SPAN("\"1\",\"2\""), count, 1000, &one),
                     ERR_NONE);
    return one;
}

static void answers_add_up(void **state)
{
    struct question *one = begin(2);
    struct peers peers = {0};

    (void)state;
    (void)peers_hear(&peers, 7, &(struct hello){.life = 1}, 0);
    (void)peers_hear(&peers, 8, &(struct hello){.life = 1}, 0);
    assert_false(question_is_answered(one));
    assert_int_equal(question_take(one, 0, 7, SPAN("{\"sessions\":[1,0]}")), ERR_NONE);
    assert_false(question_is_answered(one));
    one->receivers = 3;
    assert_false(question_is_answered(one));
    assert_true(question_is_partial(one, &peers));
    assert_int_equal(question_take(one, 1, 8, SPAN("{\"sessions\":[2,5]}")), ERR_NONE);
    assert_true(question_is_answered(one));
    assert_false(question_is_partial(one, &peers));
    assert_int_equal(one->counts[0], 3);
    assert_int_equal(one->counts[1], 5);
    assert_int_equal(one->sessions, 8);
    questions_deinit(&all);
}

static void a_bad_answer_changes_nothing(void **state)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "{\"sessions\":1}",
                                      "{\"sessions\":[1]}",
                                      "{\"sessions\":[1,2,3]}",
                                      "{\"sessions\":[1,-2]}",
                                      "{\"sessions\":[1,\"2\"]}",
                                      "{\"sessions\":[1,4294967295]}"};
    struct question *one = begin(2);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(question_take(one, 3, 9, span_of(bad[i])), ERR_MALFORMED);
    assert_int_equal(one->sessions, 0);
    assert_int_equal(one->answers, 0);
    assert_int_equal(question_take(one, 3, 9, SPAN("{\"sessions\":[1,2]}")), ERR_NONE);
    assert_int_equal(question_take(one, 3, 9, SPAN("{\"sessions\":[1,2]}")), ERR_MALFORMED);
    assert_int_equal(one->sessions, 3);
    questions_deinit(&all);
}

static void one_has_an_end_and_its_place_is_free_again(void **state)
{
    struct question *one = begin(0), *two;
    uint32_t id = one->id;

    (void)state;
    assert_ptr_equal(questions_find(&all, id), one);
    assert_null(questions_find(&all, 0));
    assert_null(questions_next_over(&all, 1000 + QUESTION_MS - 1));
    assert_ptr_equal(questions_next_over(&all, 1000 + QUESTION_MS), one);
    question_end(one);
    assert_null(questions_find(&all, id));
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        (void)begin(1);
    assert_int_equal(questions_begin(&all, QUESTION_KICK, SPAN(""), 1, 0, &two), ERR_TOO_MANY);
    questions_deinit(&all);
    all.last_id = UINT32_MAX;
    assert_int_equal(begin(1)->id, 1);
    assert_int_equal(
        questions_begin(&all, QUESTION_ONLINE, SPAN(""), QUESTIONS_USERS_MAX + 1, 0, &two),
        ERR_TOO_MANY);
    questions_deinit(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_add_up),
        cmocka_unit_test(a_bad_answer_changes_nothing),
        cmocka_unit_test(one_has_an_end_and_its_place_is_free_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
