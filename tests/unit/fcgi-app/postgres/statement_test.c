/* SPDX-License-Identifier: MIT */
#include "fcgi-app/postgres/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

STATEMENT(pair, AS_ANY, 2, 1, SHAPE_ROW, REPEATABLE, "SELECT $1, $2");

static void sound_statements_mention_each_parameter(void **state)
{
    const struct {
        int params;
        const char *sql;
        bool expected;
    } rows[] = {
        {1, "SELECT 1", false},
        {0, "SELECT $1", false},
        {2, "SELECT $1", false},
        {2, "SELECT $2", false},
        {2, "SELECT $1, $3", false},
        {2, "SELECT $1, $2, $3", false},
        {1, "SELECT $0, $1", false},
        {1, "SELECT $, $1", false},
        {-1, "SELECT 1", false},
        {64, "SELECT 1", false},
        {0, "SELECT 1", true},
        {1, "SELECT $1", true},
        {2, "SELECT $2::text[], $1::bigint, $2", true},
        {11, "SELECT $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct statement s = {"s", AS_ANY, rows[i].params, 1, SHAPE_ROW, ONCE, rows[i].sql};

        if (statement_is_sound(&s) != rows[i].expected)
            fail_msg("%d: %s", rows[i].params, rows[i].sql);
    }
}

static void values_are_an_array_of_texts(void **state)
{
    const char *const *values = VALUES(pair, "a", NULL);

    (void)state;
    assert_true(statement_is_sound(&pair));
    assert_string_equal(pair.name, "pair");
    assert_string_equal(values[0], "a");
    assert_null(values[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_statements_mention_each_parameter),
        cmocka_unit_test(values_are_an_array_of_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
