/* SPDX-License-Identifier: MIT */
#include "fcgi-app/postgres/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void states_mean_what_the_caller_can_do(void **state)
{
    static const struct {
        const char *state;
        enum err e;
        bool is_temporary;
    } rows[] = {
        {NULL, ERR_UNAVAILABLE, true},     {"08006", ERR_UNAVAILABLE, true},
        {"40001", ERR_UNAVAILABLE, true},  {"40P01", ERR_UNAVAILABLE, true},
        {"53300", ERR_UNAVAILABLE, true},  {"55P03", ERR_UNAVAILABLE, true},
        {"57014", ERR_UNAVAILABLE, true},  {"57P03", ERR_UNAVAILABLE, true},
        {"42883", ERR_UNAVAILABLE, false}, {"42P01", ERR_UNAVAILABLE, false},
        {"25006", ERR_UNAVAILABLE, false}, {"25001", ERR_UNAVAILABLE, false},
        {"28P01", ERR_UNAVAILABLE, false}, {"23505", ERR_UNAVAILABLE, false},
        {"0A000", ERR_UNAVAILABLE, false}, {"XX000", ERR_UNAVAILABLE, false},
        {"DB999", ERR_UNAVAILABLE, false}, {"DB400", ERR_MALFORMED, false},
        {"DB404", ERR_NOT_FOUND, false},   {"DB409", ERR_CONFLICT, false},
        {"DB422", ERR_INVALID, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(sqlstate_err(rows[i].state), rows[i].e);
        assert_int_equal(sqlstate_is_ours(rows[i].state), rows[i].e != ERR_UNAVAILABLE);
        assert_int_equal(sqlstate_is_temporary(rows[i].state), rows[i].is_temporary);
        assert_int_equal(sqlstate_is_of_session(rows[i].state),
                         rows[i].state && (strcmp(rows[i].state, "25006") == 0 ||
                                           strcmp(rows[i].state, "0A000") == 0));
        assert_int_equal(sqlstate_is_of_past(rows[i].state),
                         rows[i].state && (strncmp(rows[i].state, "42", 2) == 0 ||
                                           strcmp(rows[i].state, "0A000") == 0));
        assert_int_equal(sqlstate_is_of_chance(rows[i].state),
                         rows[i].state && (strcmp(rows[i].state, "40001") == 0 ||
                                           strcmp(rows[i].state, "40P01") == 0 ||
                                           strcmp(rows[i].state, "XX000") == 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_mean_what_the_caller_can_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
