/* SPDX-License-Identifier: MIT */
#include "fcgi-app/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static struct live *make(void)
{
    struct config *config;
    struct secrets secrets = {.token = NULL};
    struct live *l;

    assert_int_equal(config_parse(SPAN(""), NULL, NULL, stderr, &config), ERR_NONE);
    assert_int_equal(live_new(config, &secrets, &l), ERR_NONE);
    return l;
}

static void nothing_offered_changes_nothing(void **state)
{
    struct live_inbox inbox = {.next = NULL};
    struct live *l = make(), *current = l;

    (void)state;
    live_update(&inbox, &current);
    assert_ptr_equal(current, l);
    live_unref(current);
    live_unref(NULL);
}

/* What is leaked or freed twice here is found by the sanitizers. */
static void each_is_freed_when_its_last_user_has_moved_on(void **state)
{
    struct live_inbox a = {.next = NULL}, b = {.next = NULL};
    struct live *first = make(), *second = make(), *third = make();
    struct live *of_a = live_ref(first), *of_b = live_ref(first);

    (void)state;
    live_unref(first);
    live_offer(&a, second);
    live_offer(&b, second);
    live_update(&a, &of_a);
    assert_ptr_equal(of_a, second);
    live_offer(&a, third);
    live_offer(&b, third);
    live_update(&b, &of_b);
    assert_ptr_equal(of_b, third);
    assert_int_equal(atomic_load(&second->refs), 2);
    live_offer(&a, NULL);
    live_unref(of_a);
    live_unref(of_b);
    live_unref(second);
    live_unref(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_offered_changes_nothing),
        cmocka_unit_test(each_is_freed_when_its_last_user_has_moved_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
