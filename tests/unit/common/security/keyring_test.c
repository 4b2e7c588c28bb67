/* SPDX-License-Identifier: MIT */
#include "common/security/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/common/keys.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 32 bytes */
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccc"
#define SHORT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 31 */

static void bad_files_are_refused(void **state)
{
    const struct span rows[] = {
        SPAN(""),
        SPAN("\n"),
        SPAN(SHORT),
        SPAN(SHORT "\n"),
        SPAN(KEY_A "\n" SHORT "\n"),
        SPAN(KEY_A "\n\n"),
        SPAN("\n" KEY_A "\n"),
        SPAN(KEY_A "\n\n" KEY_B),
        SPAN(KEY_A "\n" KEY_B "\n\n"),
        SPAN(KEY_A "\n" KEY_B "\n" KEY_C),
        SPAN(KEY_A "\0" KEY_B),
        SPAN(KEY_A "\n" KEY_B "\0"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct keyring k = {.count = 9};

        assert_int_equal(keys_ring(&k, rows[i]), ERR_INVALID);
        assert_int_equal(k.count, 9);
    }
}

static void a_key_has_at_most_4096_bytes(void **state)
{
    static char huge[KEY_MAX + 1];
    struct keyring k = {0};

    (void)state;
    memset(huge, 'x', sizeof(huge));
    assert_int_equal(keys_ring(&k, (struct span){huge, KEY_MAX + 1}), ERR_INVALID);
    assert_int_equal(keys_ring(&k, (struct span){huge, KEY_MAX}), ERR_NONE);
    keyring_deinit(&k);
}

static void lines_are_keys_byte_for_byte(void **state)
{
    const struct {
        struct span bytes;
        size_t count;
        struct span first, second;
    } rows[] = {
        {SPAN(KEY_A), 1, SPAN(KEY_A), SPAN("")},
        {SPAN(KEY_A "\n"), 1, SPAN(KEY_A), SPAN("")},
        {SPAN(KEY_A "\r\n"), 1, SPAN(KEY_A "\r"), SPAN("")},
        {SPAN(" " KEY_A "\t \n" KEY_B), 2, SPAN(" " KEY_A "\t "), SPAN(KEY_B)},
        {SPAN(KEY_A "\xff\x01\n" KEY_B "\n"), 2, SPAN(KEY_A "\xff\x01"), SPAN(KEY_B)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct keyring k = {0};

        assert_int_equal(keys_ring(&k, rows[i].bytes), ERR_NONE);
        assert_int_equal(k.count, rows[i].count);
        assert_true(span_equal(k.keys[0], rows[i].first));
        if (k.count == 2)
            assert_true(span_equal(k.keys[1], rows[i].second));
        keyring_deinit(&k);
        assert_null(k.file.bytes);
        assert_int_equal(k.count, 0);
        keyring_deinit(&k);
    }
}

static void either_key_is_accepted_and_no_other(void **state)
{
    struct keyring none = {0};
    struct keyring k = {0};

    (void)state;
    assert_false(keyring_accepts(&none, SPAN("")));
    assert_int_equal(keys_ring(&k, SPAN(KEY_A "\n" KEY_B "\n")), ERR_NONE);
    assert_false(keyring_accepts(&k, SPAN("")));
    assert_false(keyring_accepts(&k, SPAN(KEY_C)));
    assert_false(keyring_accepts(&k, SPAN(SHORT)));
    assert_false(keyring_accepts(&k, SPAN(KEY_A "a")));
    assert_false(keyring_accepts(&k, SPAN(KEY_A "\n" KEY_B)));
    assert_true(keyring_accepts(&k, SPAN(KEY_A)));
    assert_true(keyring_accepts(&k, SPAN(KEY_B)));
    keyring_deinit(&k);
}

static void overlaps_find_a_key_in_any_line(void **state)
{
    const struct {
        struct span a, b;
        bool overlaps;
    } rows[] = {
        {SPAN(KEY_A), SPAN(KEY_B), false},
        {SPAN(KEY_A), SPAN(KEY_A "a"), false},
        {SPAN(KEY_A), SPAN(KEY_A), true},
        {SPAN(KEY_A "\n" KEY_B), SPAN(KEY_C "\n" KEY_B), true},
        {SPAN(KEY_B), SPAN(KEY_A "\n" KEY_B), true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct keyring a = {0};
        struct keyring b = {0};

        assert_int_equal(keys_ring(&a, rows[i].a), ERR_NONE);
        assert_int_equal(keys_ring(&b, rows[i].b), ERR_NONE);
        assert_int_equal(keyring_overlaps(&a, &b), rows[i].overlaps);
        assert_int_equal(keyring_overlaps(&b, &a), rows[i].overlaps);
        keyring_deinit(&a);
        keyring_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(a_key_has_at_most_4096_bytes),
        cmocka_unit_test(lines_are_keys_byte_for_byte),
        cmocka_unit_test(either_key_is_accepted_and_no_other),
        cmocka_unit_test(overlaps_find_a_key_in_any_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
