/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static struct snapshot *make(void)
{
    struct config *config;
    struct secrets secrets = {.token = NULL};
    struct snapshot *l;

    assert_int_equal(config_parse(SPAN(""), NULL, NULL, stderr, &config), ERR_NONE);
    assert_int_equal(snapshot_new(config, &secrets, &l), ERR_NONE);
    return l;
}

static void nothing_offered_changes_nothing(void **state)
{
    struct snapshot_inbox inbox = {.next = NULL};
    struct snapshot *l = make(), *current = l;

    (void)state;
    snapshot_update(&inbox, &current);
    assert_ptr_equal(current, l);
    snapshot_unref(current);
    snapshot_unref(NULL);
}

/* What is leaked or freed twice here is found by the sanitizers. */
static void each_is_freed_when_its_last_user_has_moved_on(void **state)
{
    struct snapshot_inbox a = {.next = NULL}, b = {.next = NULL};
    struct snapshot *first = make(), *second = make(), *third = make();
    struct snapshot *of_a = snapshot_ref(first), *of_b = snapshot_ref(first);

    (void)state;
    snapshot_unref(first);
    snapshot_offer(&a, second);
    snapshot_offer(&b, second);
    snapshot_update(&a, &of_a);
    assert_ptr_equal(of_a, second);
    snapshot_offer(&a, third);
    snapshot_offer(&b, third);
    snapshot_update(&b, &of_b);
    assert_ptr_equal(of_b, third);
    assert_int_equal(atomic_load(&second->refs), 2);
    snapshot_offer(&a, NULL);
    snapshot_unref(of_a);
    snapshot_unref(of_b);
    snapshot_unref(second);
    snapshot_unref(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_offered_changes_nothing),
        cmocka_unit_test(each_is_freed_when_its_last_user_has_moved_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
