/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/languages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_read(const char *accept, const char *wanted)
{
    struct languages found;
    char text[1024] = "";
    size_t len = 0;

    languages_read(span_of(accept), &found);
    for (size_t i = 0; i < found.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", i ? " " : "",
                                SPAN_ARGS(found.tags[i]));
    if (strcmp(text, wanted) != 0)
        fail_msg("%s: %s, not %s", accept, text, wanted);
}

static void what_is_no_language_is_passed_by(void **state)
{
    static const struct {
        const char *accept, *found;
    } rows[] = {
        {"", ""},
        {",", ""},
        {"*", ""},
        {"en_US, de", "de"},
        {"en;q=0", ""},
        {"en;q=0.000,de", "de"},
        {"en;q=1.001", ""},
        {"en;q=2", ""},
        {"en;q=.5", ""},
        {"en;q=0.1234", ""},
        {"en;q=-1", ""},
        {"en;q=", ""},
        {"en;q", ""},
        {"en;", ""},
        {"en;level=1", ""},
        {"en;q=0x1", ""},
        {"en;q=0.5;q=1", ""},
        {";q=1, fr", "fr"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_read(rows[i].accept, rows[i].found);
}

static void best_comes_first(void **state)
{
    static const struct {
        const char *accept, *found;
    } rows[] = {
        {"en", "en"},
        {"zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-TW zh en-US en"},
        {"en;q=0.7 , de ;q=0.8,\tfr; q=0.9", "fr de en"},
        {"a1, en;q=0.001,de;Q=0.002", "de en"},
        {"en;q=0.5,de;q=0.5,fr;q=0.50,nl;q=0.500", "en de fr nl"},
        {"da;q=1.000,en;q=1,sv", "da en sv"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_read(rows[i].accept, rows[i].found);
}

static void number_is_bounded(void **state)
{
    char accept[8 * (LANGUAGES_MAX + 1)] = "";
    struct languages found;

    (void)state;
    for (size_t i = 0; i <= LANGUAGES_MAX; i++)
        strcat(accept, "en,");
    languages_read(span_of(accept), &found);
    assert_int_equal(found.count, LANGUAGES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_language_is_passed_by),
        cmocka_unit_test(best_comes_first),
        cmocka_unit_test(number_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
