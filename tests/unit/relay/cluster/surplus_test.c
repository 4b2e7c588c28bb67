/* SPDX-License-Identifier: MIT */
#include "relay/cluster/surplus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/security/user.h"

static void the_oldest_are_too_many(void **state)
{
    struct surplus s = {NULL, 0};

    (void)state;
    surplus_sort(&s);
    assert_int_equal(surplus_take(&s, 7, SPAN("{\"ages\":[0,500]}")), ERR_NONE);
    assert_int_equal(surplus_take(&s, 8, SPAN("{\"ages\":[]}")), ERR_NONE);
    assert_int_equal(surplus_take(&s, 9, SPAN("{\"ages\":[100,900]}")), ERR_NONE);
    surplus_sort(&s);
    assert_int_equal(s.count, 4);
    assert_int_equal(surplus_keep(&s, 7, 3), 2);
    assert_int_equal(surplus_keep(&s, 9, 3), 1);
    assert_int_equal(surplus_keep(&s, 9, 1), 0);
    assert_int_equal(surplus_keep(&s, 8, 3), 0);
    surplus_deinit(&s);
}

static void so_many_are_looked_at(void **state)
{
    struct surplus s = {NULL, 0};

    (void)state;
    for (int i = 0; i < SURPLUS_SESSIONS_MAX; i++)
        assert_int_equal(surplus_add(&s, 7, i), ERR_NONE);
    assert_int_equal(surplus_add(&s, 7, 0), ERR_TOO_MANY);
    surplus_deinit(&s);
}

static void what_is_malformed_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"ages\":1}", "{\"ages\":[\"1\"]}", "{\"ages\":[-1]}"};
    static const char *const bad_keeps[] = {"", "{\"user\":\"42\"}", "{\"user\":\"*\",\"keep\":1}",
                                            "{\"user\":\"42\",\"keep\":-1}",
                                            "{\"user\":42,\"keep\":1}"};
    struct surplus s = {NULL, 0};
    char scratch[USER_ID_MAX];
    struct span user;
    size_t keep;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(surplus_take(&s, 7, span_of(bad[i])), ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(bad_keeps) / sizeof(bad_keeps[0]); i++)
        assert_int_equal(surplus_decode_keep(span_of(bad_keeps[i]), scratch, &user, &keep),
                         ERR_MALFORMED);
    surplus_deinit(&s);
}

static void how_many_to_keep_comes_back_as_it_went(void **state)
{
    char scratch[USER_ID_MAX];
    struct span user;
    struct buf out;
    size_t keep;

    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(surplus_encode_keep(SPAN("ü \"2\""), 3, &out), ERR_NONE);
    assert_int_equal(surplus_decode_keep(buf_span(&out), scratch, &user, &keep), ERR_NONE);
    assert_true(span_equal(user, SPAN("ü \"2\"")));
    assert_int_equal(keep, 3);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_are_too_many),
        cmocka_unit_test(so_many_are_looked_at),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(how_many_to_keep_comes_back_as_it_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
