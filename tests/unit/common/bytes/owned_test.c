/* SPDX-License-Identifier: MIT */
#include "common/bytes/owned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_no_memory_holds_is_refused(void **state)
{
    struct owned o = {.len = 7};

    (void)state;
    assert_int_equal(owned_init(&o, SIZE_MAX), ERR_NO_MEMORY);
    assert_int_equal(owned_init(&o, SIZE_MAX / 2), ERR_NO_MEMORY);
    assert_int_equal(o.len, 7);
}

static void a_copy_is_whole_and_a_nul_follows(void **state)
{
    const struct span rows[] = {{NULL, 0}, SPAN(""), SPAN("a"), SPAN("a\0b\n")};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct owned o;

        assert_int_equal(owned_copy(&o, rows[i]), ERR_NONE);
        assert_true(span_equal(owned_span(&o), rows[i]));
        assert_int_equal(o.bytes[o.len], '\0');
        owned_deinit(&o);
        assert_null(o.bytes);
        assert_int_equal(owned_span(&o).len, 0);
        owned_deinit(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_memory_holds_is_refused),
        cmocka_unit_test(a_copy_is_whole_and_a_nul_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
