/* SPDX-License-Identifier: MIT */
#include "common/bytes/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void every_value_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        assert_string_not_equal(err_text((enum err)i), "unknown error");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(err_text((enum err)i), err_text((enum err)j));
    }
}

static void texts_are_without_a_full_stop(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *text = err_text((enum err)i);

        assert_true(strlen(text) > 0);
        assert_null(strchr(text, '.'));
    }
}

static void values_outside_of_the_set_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(err_text(ERR_COUNT), "unknown error");
    assert_string_equal(err_text((enum err) - 1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_outside_of_the_set_are_unknown),
        cmocka_unit_test(every_value_has_a_text_of_its_own),
        cmocka_unit_test(texts_are_without_a_full_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
