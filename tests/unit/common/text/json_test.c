/* SPDX-License-Identifier: MIT */
#include "common/text/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void decode_refuses_what_rfc_8259_does_not_allow(void **state)
{
    const struct span rows[] = {
        SPAN(""),
        SPAN("  "),
        SPAN("NaN"),
        SPAN("Infinity"),
        SPAN("-Infinity"),
        SPAN("[NaN]"),
        SPAN("01"),
        SPAN("-01"),
        SPAN("[00]"),
        SPAN("[1.]"),
        SPAN("[.5]"),
        SPAN("[+1]"),
        SPAN("[- 1]"),
        SPAN("[1e]"),
        SPAN("[1e+]"),
        SPAN("-"),
        SPAN("1.e5"),
        SPAN("0x10"),
        SPAN("TRUE"),
        SPAN("nul"),
        SPAN("truee"),
        SPAN("[1,]"),
        SPAN("[,1]"),
        SPAN("[1 2]"),
        SPAN("{\"a\":1,}"),
        SPAN("{a:1}"),
        SPAN("{'a':1}"),
        SPAN("['a']"),
        SPAN("{\"a\" 1}"),
        SPAN("{\"a\":}"),
        SPAN("{\"a\"}"),
        SPAN("{1:2}"),
        SPAN("[\"a\tb\"]"),
        SPAN("[\"a\nb\"]"),
        SPAN("\"\\x\""),
        SPAN("\"\\u12\""),
        SPAN("\"\\'\""),
        SPAN("\"\\\""),
        SPAN("\"abc"),
        SPAN("\"\\"),
        SPAN("\"\\ud800\""),
        SPAN("\"\\udc00\""),
        SPAN("\"\\ud800\\ud800\""),
        SPAN("\"\\ud800\\u0041\""),
        SPAN("\"\\ud800x\""),
        SPAN("/* c */ 1"),
        SPAN("[1/**/]"),
        SPAN("1 // c"),
        SPAN("{} x"),
        SPAN("{} {}"),
        SPAN("1 2"),
        SPAN("[1]]"),
        SPAN("[1}"),
        SPAN("{\"a\":1]"),
        SPAN("["),
        SPAN("[1"),
        SPAN("[1,"),
        SPAN("{"),
        SPAN("{\"a\":1"),
        SPAN("\f1"),
        SPAN("[1]\v"),
        SPAN("\xef\xbb\xbf[1]"),
        SPAN("[1]\0"),
        SPAN("[1]\0x"),
        SPAN("\"a\0b\""),
        SPAN("\0"),
        SPAN("\"\xff\""),
        SPAN("\"\xc0\x80\""),
        SPAN("\"\xed\xa0\x80\""),
        SPAN("1\xff"),
        SPAN("99999999999999999999"),
        SPAN("[9223372036854775808]"),
        SPAN("[-9223372036854775809]"),
        SPAN("]"),
        SPAN(","),
        SPAN(":"),
        SPAN("{\"a\":1,\"a\":1}"),
        SPAN("{\"a\":null,\"\\u0061\":null}"),
        SPAN("[[{\"b\":{\"a\":1,\"c\":2,\"a\":3}}]]"),
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct json_object *node = (struct json_object *)&rows;
        enum err e = json_decode(rows[i], &node);

        if (e != ERR_MALFORMED)
            print_message("row %zu: %.*s\n", i, SPAN_ARGS(rows[i]));
        assert_int_equal(e, ERR_MALFORMED);
        assert_ptr_equal(node, &rows);
    }
}

static void decode_takes_all_of_rfc_8259(void **state)
{
    const struct {
        const char *text;
        const char *plain; /* what json-c prints */
    } rows[] = {
        {"null", NULL},
        {" true\r\n\t", "true"},
        {"12", "12"},
        {"-0", "0"},
        {"0", "0"},
        {"0.50", "0.50"},
        {"1E+5", "1E+5"},
        {"-1.5e-3", "-1.5e-3"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"\"\"", "\"\""},
        {"\"\\u0041\\n\\/\"", "\"A\\n\\/\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"\"\x7f\xe4\xb8\xad\"", "\"\x7f\xe4\xb8\xad\""},
        {"[]", "[]"},
        {"{ }", "{}"},
        {"[ [ ] , { } ]", "[[],{}]"},
        {"{\"a\" : [1, {\"\":null}] , \"b\":false}", "{\"a\":[1,{\"\":null}],\"b\":false}"},
        {"[{\"a\":{\"a\":1}},{\"a\":2}]", "[{\"a\":{\"a\":1}},{\"a\":2}]"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct json_object *node = NULL;

        assert_int_equal(json_decode(span_of(rows[i].text), &node), ERR_NONE);
        if (rows[i].plain)
            assert_string_equal(json_object_to_json_string_ext(node, JSON_C_TO_STRING_PLAIN),
                                rows[i].plain);
        else
            assert_null(node);
        json_object_put(node);
    }
}

/* n times [ or {"": , then as many closed. */
static char *nested(size_t n, bool is_array, size_t *len)
{
    size_t step = is_array ? 1 : 4;
    char *text = malloc(n * (step + 1) + 2);

    assert_non_null(text);
    *len = 0;
    for (size_t i = 0; i < n; i++, *len += step)
        memcpy(text + *len, is_array ? "[" : "{\"\":", step);
    text[(*len)++] = '1';
    for (size_t i = 0; i < n; i++)
        text[(*len)++] = is_array ? ']' : '}';
    return text;
}

static void decode_is_bounded_in_depth(void **state)
{
    const struct {
        size_t depth;
        enum err e;
    } rows[] = {
        {10000, ERR_TOO_BIG},       {1000000, ERR_TOO_BIG}, {JSON_DEPTH_MAX + 1, ERR_TOO_BIG},
        {JSON_DEPTH_MAX, ERR_NONE}, {1, ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows) * 2; i++) {
        struct json_object *node = NULL;
        size_t len;
        char *text = nested(rows[i / 2].depth, i % 2 == 0, &len);

        assert_int_equal(json_decode((struct span){text, len}, &node), rows[i / 2].e);
        json_object_put(node);
        free(text);
    }
}

static void text_is_that_of_strings_only(void **state)
{
    struct json_object *node = NULL;

    (void)state;
    assert_null(json_text(NULL).p);
    assert_int_equal(json_decode(SPAN("[1,\"a\\u0000b\",\"\"]"), &node), ERR_NONE);
    assert_null(json_text(node).p);
    assert_null(json_text(json_object_array_get_idx(node, 0)).p);
    assert_true(span_equal(json_text(json_object_array_get_idx(node, 1)), SPAN("a\0b")));
    assert_non_null(json_text(json_object_array_get_idx(node, 2)).p);
    json_object_put(node);
}

static void append_escapes_what_it_must(void **state)
{
    const struct {
        struct span text;
        const char *literal;
    } rows[] = {
        {SPAN(""), "\"\""},
        {SPAN("a\"b\\c"), "\"a\\\"b\\\\c\""},
        {SPAN("\n\r\t\b\f"), "\"\\n\\r\\t\\b\\f\""},
        {SPAN("\0\x1f\x7f"), "\"\\u0000\\u001f\x7f\""},
        {SPAN("\xe4\xb8\xad/<"), "\"\xe4\xb8\xad/<\""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct json_object *node = NULL;
        struct buf b;

        buf_init(&b, 100);
        assert_int_equal(json_append_text(&b, rows[i].text), ERR_NONE);
        assert_true(span_equal(buf_span(&b), span_of(rows[i].literal)));
        assert_int_equal(json_decode(buf_span(&b), &node), ERR_NONE);
        assert_true(span_equal(json_text(node), rows[i].text));
        json_object_put(node);
        buf_deinit(&b);
    }
}

static void a_list_has_commas_between_its_texts(void **state)
{
    const char *before = "[";
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(json_append_next(&b, &before, SPAN("a")), ERR_NONE);
    assert_int_equal(json_append_next(&b, &before, SPAN("\"")), ERR_NONE);
    assert_true(span_equal(buf_span(&b), SPAN("[\"a\",\"\\\"\"")));
    buf_deinit(&b);
}

static void append_ascii_escapes_all_else(void **state)
{
    const struct {
        struct span text;
        const char *literal;
    } rows[] = {
        {SPAN("\xff"), "\"\\ufffd\""},
        {SPAN("a\xe4\xb8"), "\"a\\ufffd\\ufffd\""},
        {SPAN("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""},
        {SPAN(""), "\"\""},
        {SPAN("plain / ~"), "\"plain / ~\""},
        {SPAN("\"\\\n\x1e\x7f"), "\"\\\"\\\\\\n\\u001e\\u007f\""},
        {SPAN("a\0b"), "\"a\\u0000b\""},
        {SPAN("\xc2\x80\xc3\xa9"), "\"\\u0080\\u00e9\""},
        {SPAN("\xe5\xbd\x93\xe2\x80\xa8"), "\"\\u5f53\\u2028\""},
        {SPAN("\xf0\x90\x80\x80\xf0\x9f\x94\x94\xf4\x8f\xbf\xbf"),
         "\"\\ud800\\udc00\\ud83d\\udd14\\udbff\\udfff\""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf b;

        buf_init(&b, 100);
        assert_int_equal(json_append_ascii(&b, rows[i].text), ERR_NONE);
        assert_true(span_equal(buf_span(&b), span_of(rows[i].literal)));
        buf_deinit(&b);
    }
}

static void append_over_the_ceiling_leaves_nothing(void **state)
{
    struct buf b;

    (void)state;
    for (size_t max = 1; max < 11; max++) {
        buf_init(&b, max);
        assert_int_equal(buf_append_char(&b, 'x'), ERR_NONE);
        assert_int_equal(json_append_text(&b, SPAN("ab\ncd\"ef")), ERR_TOO_BIG);
        assert_int_equal(json_append_ascii(&b, SPAN("ab\ncd\"ef")), ERR_TOO_BIG);
        assert_true(span_equal(buf_span(&b), SPAN("x")));
        buf_deinit(&b);
    }
}

static void nul_is_found_where_it_is_written(void **state)
{
    const struct {
        const char *json;
        bool expected;
    } rows[] = {
        {"", false},
        {"\"\\\"", false},
        {"\"u0000\"", false},
        {"\"\\u000\"", false},
        {"\"\\u00001\"", true},
        {"\"\\\\u0000\"", false},
        {"\"\\u0001\"", false},
        {"\"\\\\\\u0000\"", true},
        {"{\"a\\u0000\":1}", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (json_has_nul(span_of(rows[i].json)) != rows[i].expected)
            fail_msg("%s", rows[i].json);
}

static void vast_numbers_are_found_outside_of_strings(void **state)
{
    static const struct {
        const char *json;
        bool expected;
    } rows[] = {
        {"{\"a\":1e309}", true},
        {"[1E+309]", true},
        {"[1,-2.5e-309]", true},
        {"1e400000", true},
        {"[\"e999\",1e999]", true},
        {"[1e00000000000000000309]", true},
        {"[\"\\\"\",1e999]", true},
        {"{\"a\":1e308}", false},
        {"[1e-308,true,false,null]", false},
        {"{\"1e999\":\"\\\"1e999\"}", false},
        {"[12345]", false},
        {"{}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (json_has_vast_number(span_of(rows[i].json)) != rows[i].expected)
            fail_msg("%s", rows[i].json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_refuses_what_rfc_8259_does_not_allow),
        cmocka_unit_test(decode_takes_all_of_rfc_8259),
        cmocka_unit_test(decode_is_bounded_in_depth),
        cmocka_unit_test(text_is_that_of_strings_only),
        cmocka_unit_test(append_escapes_what_it_must),
        cmocka_unit_test(a_list_has_commas_between_its_texts),
        cmocka_unit_test(append_ascii_escapes_all_else),
        cmocka_unit_test(append_over_the_ceiling_leaves_nothing),
        cmocka_unit_test(nul_is_found_where_it_is_written),
        cmocka_unit_test(vast_numbers_are_found_outside_of_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
