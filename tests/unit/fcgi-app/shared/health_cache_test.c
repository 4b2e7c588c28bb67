/* SPDX-License-Identifier: MIT */
#include "fcgi-app/shared/health_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_was_found_is_kept_for_a_second(void **state)
{
    struct health_cache c = {0};
    bool is_up;

    (void)state;
    assert_false(health_cache_get(&c, 5000, &is_up));
    health_cache_set(&c, 5000, true);
    assert_true(health_cache_get(&c, 5999, &is_up));
    assert_true(is_up);
    assert_false(health_cache_get(&c, 6000, &is_up));
    health_cache_set(&c, 6000, false);
    assert_true(health_cache_get(&c, 6999, &is_up));
    assert_false(is_up);
    health_cache_set(&c, 6999, true);
    assert_true(health_cache_get(&c, 6999, &is_up));
    assert_true(is_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_found_is_kept_for_a_second)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
