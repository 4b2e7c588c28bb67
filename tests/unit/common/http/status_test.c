/* SPDX-License-Identifier: MIT */
#include "common/http/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void every_error_has_a_status_a_code_and_a_sentence(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++) {
        const struct status *status = status_of((enum err)e);

        assert_non_null(status->code);
        assert_non_null(status->message);
        assert_string_not_equal(status_reason(status->http), "Unknown");
    }
}

static void what_is_not_the_callers_fault_is_503(void **state)
{
    (void)state;
    assert_int_equal(status_of(ERR_UNAVAILABLE)->http, 503);
    assert_int_equal(status_of(ERR_NO_MEMORY)->http, 503);
    assert_int_equal(status_of(ERR_END)->http, 503);
    assert_int_equal(status_of(ERR_INVALID)->http, 422);
    assert_int_equal(status_of(ERR_MALFORMED)->http, 400);
}

static void unknown_status_has_a_reason(void **state)
{
    (void)state;
    assert_string_equal(status_reason(299), "Unknown");
    assert_string_equal(status_reason(304), "Not Modified");
}

static void a_status_has_the_code_of_its_results(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++) {
        const struct status *status = status_of((enum err)e);

        /* 401 and 409 are two of them, and the more general one is its code. */
        if (e != ERR_REVOKED && e != ERR_ANOTHER_USER)
            assert_string_equal(status_code(status->http), status->code);
    }
    assert_string_equal(status_code(411), "length_required");
    assert_string_equal(status_code(599), "unavailable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_status_a_code_and_a_sentence),
        cmocka_unit_test(what_is_not_the_callers_fault_is_503),
        cmocka_unit_test(a_status_has_the_code_of_its_results),
        cmocka_unit_test(unknown_status_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
