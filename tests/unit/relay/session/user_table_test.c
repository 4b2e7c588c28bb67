/* SPDX-License-Identifier: MIT */
#include "relay/session/user_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 5000 };

static struct span name(char text[16], int n)
{
    return (struct span){text, (size_t)snprintf(text, 16, "u%d", n)};
}

static void an_empty_table_finds_nobody(void **state)
{
    struct user_table t = {0};

    (void)state;
    assert_null(user_table_find(&t, SPAN("42")));
    user_table_deinit(&t);
}

static void ids_are_compared_whole(void **state)
{
    struct user_table t = {0};
    struct hub_user *u = user_table_add(&t, SPAN("42"));

    (void)state;
    assert_non_null(u);
    assert_ptr_equal(user_table_find(&t, SPAN("42")), u);
    assert_null(user_table_find(&t, SPAN("4")));
    assert_null(user_table_find(&t, SPAN("422")));
    assert_null(user_table_find(&t, SPAN("")));
    user_table_deinit(&t);
}

static void many_users_are_found_while_others_come_and_go(void **state)
{
    struct user_table t = {0};
    char text[16];

    (void)state;
    for (int i = 0; i < MANY; i++)
        assert_non_null(user_table_add(&t, name(text, i)));
    for (int i = 0; i < MANY; i += 2)
        user_table_remove(&t, user_table_find(&t, name(text, i)));
    assert_int_equal(t.count, MANY / 2);
    for (int i = 0; i < MANY; i++) {
        struct hub_user *u = user_table_find(&t, name(text, i));

        assert_int_equal(u != NULL, i % 2);
        assert_true(!u || span_equal((struct span){u->id, u->id_len}, name(text, i)));
    }
    user_table_deinit(&t);
    assert_int_equal(t.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_finds_nobody),
        cmocka_unit_test(ids_are_compared_whole),
        cmocka_unit_test(many_users_are_found_while_others_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
