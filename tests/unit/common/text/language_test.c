/* SPDX-License-Identifier: MIT */
#include "common/text/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_no_tag_is_refused(void **state)
{
    static const char *const rows[] = {
        "",      "e",     "*",         "en-",          "-en",
        "en--x", "en_US", "en US",     "e1",           "123",
        "en;q",  "中",    "abcdefghi", "en-123456789", "en-aaaaaaaa-bbbbbbbb-cccccccc-dddddd",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (language_is_tag(span_of(rows[i])))
            fail_msg("%s", rows[i]);
    assert_false(language_is_tag((struct span){"en\0", 3}));
    assert_false(language_is_tag((struct span){NULL, 0}));
}

static void tag_is_recognised(void **state)
{
    static const char *const rows[] = {
        "en",  "EN",     "zh-Hant-TW", "de-CH-1996",
        "yue", "es-419", "zh-x-a",     "en-aaaaaaaa-bbbbbbbb-cccccccc-ddddd",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!language_is_tag(span_of(rows[i])))
            fail_msg("%s", rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_tag_is_refused),
        cmocka_unit_test(tag_is_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
