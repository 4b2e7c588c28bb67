/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void room_ends_before_the_limit(void **state)
{
    struct batch b;
    struct span body;

    (void)state;
    batch_init(&b, &batch_rings);
    b.max = 40;
    assert_false(batch_can_hold(&b, SPAN("{\"to\":[\"a ring far beyond the limit\"]}")));
    assert_false(batch_has_room(&b, SPAN("{\"to\":[\"a ring far beyond the limit\"]}")));
    assert_true(batch_can_hold(&b, SPAN("{\"a\":1}")));
    assert_int_equal(batch_add(&b, SPAN("{\"a\":1}")), ERR_NONE);
    assert_false(batch_has_room(&b, SPAN("{\"b\":1}")));
    assert_true(batch_has_room(&b, SPAN("{}")));
    assert_int_equal(batch_add(&b, SPAN("{}")), ERR_NONE);
    assert_int_equal(batch_finish(&b, &body), ERR_NONE);
    assert_true(body.len <= 40);
    batch_deinit(&b);
}

static void body_is_what_the_relay_takes(void **state)
{
    struct batch b;
    struct span body;

    (void)state;
    batch_init(&b, &batch_rings);
    assert_int_equal(batch_add(&b, SPAN("{\"a\":1}")), ERR_NONE);
    assert_int_equal(batch_add(&b, SPAN("{\"b\":2}")), ERR_NONE);
    assert_int_equal(batch_finish(&b, &body), ERR_NONE);
    assert_true(span_equal(body, SPAN("{\"rings\":[{\"a\":1},{\"b\":2}],\"report\":false}")));
    batch_reset(&b);
    assert_int_equal(b.count, 0);
    assert_int_equal(batch_add(&b, SPAN("{}")), ERR_NONE);
    assert_int_equal(batch_finish(&b, &body), ERR_NONE);
    assert_true(span_equal(body, SPAN("{\"rings\":[{}],\"report\":false}")));
    batch_deinit(&b);
}

static void questions_have_a_body_of_their_own(void **state)
{
    struct batch b;
    struct span body;

    (void)state;
    batch_init(&b, &batch_users);
    assert_int_equal(batch_add(&b, SPAN("\"42\"")), ERR_NONE);
    assert_int_equal(batch_add(&b, SPAN("\"43\"")), ERR_NONE);
    assert_int_equal(batch_finish(&b, &body), ERR_NONE);
    assert_true(span_equal(body, SPAN("{\"users\":[\"42\",\"43\"]}")));
    batch_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_ends_before_the_limit),
        cmocka_unit_test(body_is_what_the_relay_takes),
        cmocka_unit_test(questions_have_a_body_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
