/* SPDX-License-Identifier: MIT */
#include "common/security/service_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/common/keys.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 32 bytes */
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccc"
#define SHORT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 31 */
#define SHOP "[shop]\nmay = send\nkey = " KEY_A "\n"

static void bad_files_are_refused_with_their_line(void **state)
{
    const struct {
        struct span file;
        size_t line; /* 0: the file as a whole */
    } rows[] = {
        /* plain */
        {SPAN(""), 0},
        {SPAN(SHORT), 0},
        {SPAN(KEY_A "\n\n"), 0},
        {SPAN(KEY_A "\n" KEY_B "\n" KEY_C), 0},
        {SPAN("may = send\nkey = " KEY_A "\n"), 0},
        /* names */
        {SPAN("# keys\nmay = send\n" SHOP), 2},
        {SPAN(KEY_B "\n" SHOP), 1},
        {SPAN("[]\n" SHOP), 1},
        {SPAN("[\n" SHOP), 1},
        {SPAN("[shop\n"), 1},
        {SPAN("[a b]\n" SHOP), 1},
        {SPAN("[aaaaaaaaaaaaaaaaaaaaaaaaa]\n" SHOP), 1},
        {SPAN("[shop]\r\nmay = send\r\n"), 1},
        {SPAN("[shop]\n\tmay = send\n"), 2},
        {SPAN("[shop]\nmay = send\nkey = " KEY_A "\0\n"), 3},
        {SPAN(SHOP "\n[shop]\nmay = send\nkey = " KEY_B "\n"), 5},
        {SPAN("[shop]\nmay =\nkey = " KEY_A "\n"), 2},
        {SPAN("[shop]\nmay = send all\nkey = " KEY_A "\n"), 2},
        {SPAN("[shop]\nmay = send,manage\nkey = " KEY_A "\n"), 2},
        {SPAN("[shop]\nmay = SEND\nkey = " KEY_A "\n"), 2},
        {SPAN("[shop]\nmay = send\nmay = manage\nkey = " KEY_A "\n"), 3},
        {SPAN("[shop]\nmay = send\nkey = " SHORT "\n"), 3},
        {SPAN("[shop]\nmay = send\nkey = aaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaa\n"), 3},
        {SPAN("[shop]\nmay = send\nkey = " KEY_A "\xc3\xa4\n"), 3},
        {SPAN("[shop]\nmay = send\nkeys = " KEY_A "\n"), 3},
        {SPAN("[shop]\nmay = send\nkey " KEY_A "\n"), 3},
        {SPAN("[shop]\nmay = send\n" KEY_A "\n"), 3},
        {SPAN(SHOP "key = " KEY_B "\nkey = " KEY_C "\n"), 5},
        {SPAN(SHOP "key = " KEY_A "\n"), 4},
        {SPAN(SHOP "[other]\nmay = manage\nkey = " KEY_A "\n"), 6},
        {SPAN("[a]\nmay = send:group\ngroup = x\ngroup = y\nkey = " KEY_A "\n"), 4},
        {SPAN("[a]\nmay = send:group\ngroup =\nkey = " KEY_A "\n"), 3},
        {SPAN("[a]\nmay = send:group\ngroup = \xff\nkey = " KEY_A "\n"), 3},
        /* a section that lacks something is named by its first line */
        {SPAN("[a]\nkey = " KEY_A "\n"), 1},
        {SPAN("\n[a]\nmay = send\n\n" SHOP), 2},
        {SPAN(SHOP "[a]\nmay = manage\ngroup = x\nkey = " KEY_B "\n"), 4},
        {SPAN(SHOP "[a]\nmay = send send:group\ngroup = x\nkey = " KEY_B "\n"), 4},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct service_keys s = {.count = 9};
        size_t line = 99;

        assert_int_equal(keys_service(&s, rows[i].file, &line), ERR_INVALID);
        assert_int_equal(line, rows[i].line);
        assert_int_equal(s.count, 9);
    }
}

static void a_plain_file_is_keys_byte_for_byte_that_may_do_everything(void **state)
{
    const struct {
        struct span file, first, second;
    } rows[] = {
        {SPAN(KEY_A), SPAN(KEY_A), SPAN("")},
        {SPAN(KEY_A "\n" KEY_B "\n"), SPAN(KEY_A), SPAN(KEY_B)},
        {SPAN(KEY_A "\n" KEY_A "\n"), SPAN(KEY_A), SPAN(KEY_A)},
        {SPAN(" " KEY_A "\t\r\n"), SPAN(" " KEY_A "\t\r"), SPAN("")},
        /* whatever they look like */
        {SPAN("[" KEY_A "]\n"), SPAN("[" KEY_A "]"), SPAN("")},
        {SPAN("# the key of the shop, in long\nkey = " KEY_A), SPAN(""), SPAN("")},
        {SPAN("# the key of the shop, in length\nkey = " KEY_A),
         SPAN("# the key of the shop, in length"), SPAN("key = " KEY_A)},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct service_keys s = {0};
        size_t line = 0;
        enum err e = keys_service(&s, rows[i].file, &line);

        assert_int_equal(e, rows[i].first.len ? ERR_NONE : ERR_INVALID);
        if (e)
            continue;
        assert_int_equal(s.count, 1);
        assert_int_equal(s.named[0].purposes, PURPOSE_ALL);
        assert_int_equal(s.named[0].name.len, 0);
        assert_ptr_equal(service_keys_find(&s, rows[i].first), &s.named[0]);
        if (rows[i].second.len)
            assert_ptr_equal(service_keys_find(&s, rows[i].second), &s.named[0]);
        service_keys_deinit(&s);
        assert_null(s.file.bytes);
    }
}

static void a_key_has_its_name_and_purposes(void **state)
{
    struct service_keys s = {0};
    const struct service_key *k;
    size_t line;

    (void)state;
    assert_int_equal(
        keys_service(&s,
                     SPAN("# All keys of the site, and this is a long comment\n"
                          "  [shop-1]\nkey=" KEY_A "\n may =  send   statistics \n"
                          "[forum]\n; the board\nmay = send:group metrics\n"
                          "group = staff of the board\nkey = " KEY_B "\nkey = ==" KEY_C "=="),
                     &line),
        ERR_NONE);
    assert_int_equal(s.count, 2);
    k = service_keys_find(&s, SPAN(KEY_A));
    assert_true(span_equal(k->name, SPAN("shop-1")));
    assert_int_equal(k->purposes, PURPOSE_SEND | PURPOSE_STATISTICS);
    assert_int_equal(k->group.len, 0);
    k = service_keys_find(&s, SPAN(KEY_B));
    assert_true(span_equal(k->name, SPAN("forum")));
    assert_int_equal(k->purposes, PURPOSE_SEND_GROUP | PURPOSE_METRICS);
    assert_true(span_equal(k->group, SPAN("staff of the board")));
    assert_ptr_equal(service_keys_find(&s, SPAN("==" KEY_C "==")), k);
    assert_null(service_keys_find(&s, SPAN(KEY_C)));
    assert_null(service_keys_find(&s, SPAN("")));
    assert_null(service_keys_find(&s, SPAN("key=" KEY_A)));
    service_keys_deinit(&s);
    assert_null(service_keys_find(&s, SPAN(KEY_A)));
}

static void there_are_at_most_16_names(void **state)
{
    char text[4096];
    size_t len = 0;

    (void)state;
    for (int i = 1; i <= SERVICE_KEYS_MAX + 1; i++) {
        struct service_keys s = {0};
        size_t line;

        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "[name-%d]\nmay = send\nkey = " SHORT "%c\n", i, 'a' + i);
        assert_int_equal(keys_service(&s, (struct span){text, len}, &line),
                         i <= SERVICE_KEYS_MAX ? ERR_NONE : ERR_INVALID);
        service_keys_deinit(&s);
    }
}

static void texts_have_their_longest_and_not_one_byte_more(void **state)
{
    static const struct {
        const char *format; /* with a text of so many bytes */
        int max;
    } rows[] = {
        {"[%.*s]\nmay = send\nkey = " KEY_A, SERVICE_KEY_NAME_MAX},
        {"[a]\nmay = send:group\nkey = " KEY_A "\ngroup = %.*s", SERVICE_KEY_GROUP_MAX},
        {"[a]\nmay = send\nkey = %.*s", KEY_MAX},
    };
    char longest[KEY_MAX + 1];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < ROWS(rows) * 2; i++) {
        struct service_keys s = {0};
        char text[KEY_MAX + 128];
        size_t line;

        (void)snprintf(text, sizeof(text), rows[i / 2].format, rows[i / 2].max + (int)(i % 2),
                       longest);
        assert_int_equal(keys_service(&s, span_of(text), &line), i % 2 ? ERR_INVALID : ERR_NONE);
        service_keys_deinit(&s);
    }
}

static void every_purpose_has_its_word(void **state)
{
    static const char *const words[] = {"send", "send:group", "manage", "statistics", "metrics"};
    unsigned all = 0;

    (void)state;
    for (size_t i = 0; i < ROWS(words); i++) {
        assert_string_equal(purpose_name((enum purpose)(1 << i)), words[i]);
        all |= 1U << i;
    }
    assert_int_equal(all, PURPOSE_ALL);
}

static void overlaps_find_a_key_under_any_name(void **state)
{
    struct service_keys s = {0};
    struct keyring ring = {0};
    size_t line;

    (void)state;
    assert_int_equal(
        keys_service(&s, SPAN(SHOP "[a]\nmay = manage\nkey = " KEY_B "\nkey = " KEY_C), &line),
        ERR_NONE);
    assert_int_equal(keys_ring(&ring, SPAN(KEY_A "x\n" KEY_C)), ERR_NONE);
    assert_true(service_keys_overlap(&s, &ring));
    keyring_deinit(&ring);
    assert_int_equal(keys_ring(&ring, SPAN(KEY_A "x")), ERR_NONE);
    assert_false(service_keys_overlap(&s, &ring));
    keyring_deinit(&ring);
    service_keys_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(a_plain_file_is_keys_byte_for_byte_that_may_do_everything),
        cmocka_unit_test(a_key_has_its_name_and_purposes),
        cmocka_unit_test(there_are_at_most_16_names),
        cmocka_unit_test(texts_have_their_longest_and_not_one_byte_more),
        cmocka_unit_test(every_purpose_has_its_word),
        cmocka_unit_test(overlaps_find_a_key_under_any_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
