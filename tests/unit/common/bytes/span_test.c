/* SPDX-License-Identifier: MIT */
#include "common/bytes/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void span_of_nothing_is_empty(void **state)
{
    (void)state;
    assert_int_equal(span_of(NULL).len, 0);
    assert_int_equal(span_of("").len, 0);
    assert_int_equal(SPAN("a\0b").len, 3);
}

static void equality_knows_case_and_length(void **state)
{
    const struct {
        struct span a, b;
        bool is_equal, is_equal_nocase;
    } rows[] = {
        {SPAN("a"), SPAN("b"), false, false},
        {SPAN("a"), SPAN("ab"), false, false},
        {SPAN(""), SPAN("a"), false, false},
        {SPAN("aB"), SPAN("Ab"), false, true},
        {SPAN("@"), SPAN("`"), false, false},
        {SPAN("["), SPAN("{"), false, false},
        {SPAN("\xc3\xa4"), SPAN("\xc3\x84"), false, false},
        {SPAN("a\0b"), SPAN("a\0c"), false, false},
        {SPAN("a\0b"), SPAN("a\0b"), true, true},
        {{NULL, 0}, SPAN(""), true, true},
        {SPAN("same"), SPAN("same"), true, true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(span_equal(rows[i].a, rows[i].b), rows[i].is_equal);
        assert_int_equal(span_equal_secret(rows[i].a, rows[i].b), rows[i].is_equal);
        assert_int_equal(span_equal_nocase(rows[i].a, rows[i].b), rows[i].is_equal_nocase);
    }
}

static void starts_with_needs_the_whole_prefix(void **state)
{
    (void)state;
    assert_false(span_starts_with(SPAN("ab"), SPAN("abc")));
    assert_false(span_starts_with(SPAN("abc"), SPAN("b")));
    assert_true(span_starts_with(SPAN("abc"), SPAN("ab")));
    assert_true(span_starts_with((struct span){NULL, 0}, SPAN("")));
}

static void trim_takes_blanks_and_tabs_only(void **state)
{
    const struct {
        struct span in, out;
    } rows[] = {
        {SPAN(""), SPAN("")},           {SPAN(" \t "), SPAN("")}, {SPAN(" a b\t"), SPAN("a b")},
        {SPAN("\na\r"), SPAN("\na\r")}, {SPAN("a"), SPAN("a")},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_true(span_equal(span_trim(rows[i].in), rows[i].out));
}

static void cut_walks_pieces_and_ends_in_null(void **state)
{
    struct span rest = SPAN("a,,b,");

    (void)state;
    assert_true(span_equal(span_cut(&rest, ','), SPAN("a")));
    assert_true(span_equal(span_cut(&rest, ','), SPAN("")));
    assert_true(span_equal(span_cut(&rest, ','), SPAN("b")));
    assert_non_null(rest.p);
    assert_true(span_equal(span_cut(&rest, ','), SPAN("")));
    assert_null(rest.p);
    assert_int_equal(span_cut(&rest, ',').len, 0);
}

static void parse_int_takes_decimal_digits_only(void **state)
{
    const struct {
        const char *text;
        enum err e;
        int64_t n;
    } rows[] = {
        {"", ERR_MALFORMED, 0},
        {"-", ERR_MALFORMED, 0},
        {"+1", ERR_MALFORMED, 0},
        {" 1", ERR_MALFORMED, 0},
        {"1 ", ERR_MALFORMED, 0},
        {"1.0", ERR_MALFORMED, 0},
        {"0x10", ERR_MALFORMED, 0},
        {"--1", ERR_MALFORMED, 0},
        {"9223372036854775808", ERR_MALFORMED, 0},
        {"-9223372036854775809", ERR_MALFORMED, 0},
        {"99999999999999999999", ERR_MALFORMED, 0},
        {"92233720368547758070", ERR_MALFORMED, 0},
        {"0", ERR_NONE, 0},
        {"-0", ERR_NONE, 0},
        {"007", ERR_NONE, 7},
        {"-12", ERR_NONE, -12},
        {"9223372036854775807", ERR_NONE, INT64_MAX},
        {"-9223372036854775808", ERR_NONE, INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t n = 4711;

        assert_int_equal(span_parse_int(span_of(rows[i].text), &n), rows[i].e);
        assert_int_equal(n, rows[i].e ? 4711 : rows[i].n);
    }
}

static void utf8_is_well_formed_or_refused(void **state)
{
    const struct {
        struct span text;
        size_t first; /* length of the first character */
        bool is_utf8;
    } rows[] = {
        {SPAN("\x80"), 0, false},
        {SPAN("\xbf"), 0, false},
        {SPAN("\xc0\x80"), 0, false},
        {SPAN("\xc1\xbf"), 0, false},
        {SPAN("\xc2"), 0, false},
        {SPAN("\xc2\x7f"), 0, false},
        {SPAN("\xe0\x9f\xbf"), 0, false},
        {SPAN("\xe1\x80"), 0, false},
        {SPAN("\xed\xa0\x80"), 0, false},
        {SPAN("\xed\xbf\xbf"), 0, false},
        {SPAN("\xf0\x8f\xbf\xbf"), 0, false},
        {SPAN("\xf0\x90\x80"), 0, false},
        {SPAN("\xf4\x90\x80\x80"), 0, false},
        {SPAN("\xf5\x80\x80\x80"), 0, false},
        {SPAN("\xff"), 0, false},
        {SPAN("\xf1\x80\x80\x7f"), 0, false},
        {SPAN("a\xe2\x82"), 1, false},
        {SPAN(""), 0, true},
        {SPAN("a\0b"), 1, true},
        {SPAN("\xc2\x80"), 2, true},
        {SPAN("\xdf\xbf"), 2, true},
        {SPAN("\xe0\xa0\x80"), 3, true},
        {SPAN("\xed\x9f\xbf"), 3, true},
        {SPAN("\xee\x80\x80"), 3, true},
        {SPAN("\xef\xbf\xbf"), 3, true},
        {SPAN("\xf0\x90\x80\x80"), 4, true},
        {SPAN("\xf4\x8f\xbf\xbf"), 4, true},
        {SPAN("\xf3\x80\x80\x80z"), 4, true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(span_is_utf8(rows[i].text), rows[i].is_utf8);
        assert_int_equal(span_utf8_len(rows[i].text), rows[i].first);
    }
}

static void control_characters_are_found(void **state)
{
    (void)state;
    assert_true(span_has_control(SPAN("a\0")));
    assert_true(span_has_control(SPAN("\x1f")));
    assert_true(span_has_control(SPAN("a\x7f")));
    assert_true(span_has_control(SPAN("a\nb")));
    assert_false(span_has_control(SPAN("")));
    assert_false(span_has_control(SPAN(" ~\xff")));
}

static void percent_decode_works_in_place(void **state)
{
    const struct {
        struct span in;
        bool plus_is_blank;
        enum err e;
        struct span out;
    } rows[] = {
        {SPAN("%"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("%4"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("a%4"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("%g0"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("%0g"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("%%41"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("% 41"), false, ERR_MALFORMED, SPAN("")},
        {SPAN("%-1"), false, ERR_MALFORMED, SPAN("")},
        {SPAN(""), false, ERR_NONE, SPAN("")},
        {SPAN("a+b"), false, ERR_NONE, SPAN("a+b")},
        {SPAN("a+b%2B"), true, ERR_NONE, SPAN("a b+")},
        {SPAN("%00%fF"), true, ERR_NONE, SPAN("\0\xff")},
        {SPAN("%2541"), true, ERR_NONE, SPAN("%41")},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char bytes[16] = {0};
        size_t len = rows[i].in.len;

        memcpy(bytes, rows[i].in.p, len);
        assert_int_equal(span_percent_decode(bytes, &len, rows[i].plus_is_blank), rows[i].e);
        if (!rows[i].e)
            assert_true(span_equal((struct span){bytes, len}, rows[i].out));
    }
}

static void characters_are_counted(void **state)
{
    (void)state;
    assert_int_equal(span_utf8_count(SPAN("")), 0);
    assert_int_equal(span_utf8_count(SPAN("a\n")), 2);
    assert_int_equal(span_utf8_count(SPAN("aü中🔔")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_of_nothing_is_empty),
        cmocka_unit_test(equality_knows_case_and_length),
        cmocka_unit_test(starts_with_needs_the_whole_prefix),
        cmocka_unit_test(trim_takes_blanks_and_tabs_only),
        cmocka_unit_test(cut_walks_pieces_and_ends_in_null),
        cmocka_unit_test(parse_int_takes_decimal_digits_only),
        cmocka_unit_test(utf8_is_well_formed_or_refused),
        cmocka_unit_test(characters_are_counted),
        cmocka_unit_test(control_characters_are_found),
        cmocka_unit_test(percent_decode_works_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
