/* SPDX-License-Identifier: MIT */
#include "common/http/bearer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_bearer_has_a_key(void **state)
{
    static const struct {
        const char *authorization;
        const char *key; /* NULL: there is none */
    } rows[] = {
        {"", NULL},          {"Basic abc", NULL},   {"Bearers k", NULL}, {"Bearer\tk", NULL},
        {"Bearer", ""},      {"Bearer ", ""},       {"Bearer k", "k"},   {"bearer  k ", "k"},
        {"  BEARER k", "k"}, {"Bearer a b", "a b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span key = SPAN("untouched");
        bool is_found = bearer_read(span_of(rows[i].authorization), &key);

        assert_int_equal(is_found, rows[i].key != NULL);
        assert_true(span_equal(key, is_found ? span_of(rows[i].key) : SPAN("untouched")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_bearer_has_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
