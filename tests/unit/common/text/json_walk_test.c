/* SPDX-License-Identifier: MIT */
#include "common/text/json_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/text/json.h"

static struct span root_of(const char *text)
{
    assert_int_equal(json_check(span_of(text)), ERR_NONE);
    return json_walk_root(span_of(text));
}

static void the_check_is_that_of_decoding(void **state)
{
    static const struct {
        const char *text;
        enum err e;
    } rows[] = {
        {"", ERR_MALFORMED},          {"{", ERR_MALFORMED},       {"[1,]", ERR_MALFORMED},
        {"{\"a\" 1}", ERR_MALFORMED}, {"\"\\x\"", ERR_MALFORMED}, {"\"\xff\"", ERR_MALFORMED},
        {"[1] 2", ERR_MALFORMED},     {"[01]", ERR_MALFORMED},    {"\"\\ud800\"", ERR_MALFORMED},
        {" [ 1 ] ", ERR_NONE},        {"{\"a\":{}}", ERR_NONE},   {"null", ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(json_check(span_of(rows[i].text)), rows[i].e);
}

static void items_come_as_they_are_written(void **state)
{
    static const char *const items[] = {
        "1",    "\"a,]\\\"\"", "[2,[3],\"]\"]", "{\"x\":[1,2],\"}\":3}", "[]", "{ }",
        "null", "-1.5e3",      "\"\\\\\""};
    struct span rest =
        json_walk_inside(root_of("\t[ 1 ,\"a,]\\\"\",[2,[3],\"]\"],{\"x\":[1,2],\"}\":3}, [] , { "
                                 "}\n, null,-1.5e3,\"\\\\\"] "));
    struct span item;

    (void)state;
    assert_int_equal(json_walk_count(rest), sizeof(items) / sizeof(items[0]));
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        assert_true(json_walk_item(&rest, &item));
        assert_true(span_equal(item, span_of(items[i])));
    }
    assert_false(json_walk_item(&rest, &item));
    assert_false(json_walk_item(&rest, &item));
}

static void members_are_found_by_name(void **state)
{
    static const char *const names[] = {"a", "bb", "none"};
    struct span value = root_of("{\"x\":{\"a\":0},\"bb\" : [1] ,\"a\":\"t\",\"x\":2}");
    struct span found[3];

    (void)state;
    assert_int_equal(json_walk_members(value, names, 3, found), ERR_NONE);
    assert_true(span_equal(found[0], SPAN("\"t\"")));
    assert_true(span_equal(found[1], SPAN("[1]")));
    assert_null(found[2].p);
    assert_int_equal(json_walk_members(root_of("{}"), names, 3, found), ERR_NONE);
    assert_null(found[0].p);
    value = root_of("{\"\\u0062b\":1,\"a\\u0000\":2,\"\\n234567890123456789012345678901234567890"
                    "123456789012345678901234567890\":3}");
    assert_int_equal(json_walk_members(value, names, 3, found), ERR_NONE);
    assert_true(span_equal(found[1], SPAN("1")));
    assert_null(found[0].p);
}

static void members_that_may_be_misread_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum err e;
    } rows[] = {
        {"[]", ERR_INVALID},
        {"\"a\"", ERR_INVALID},
        {"1", ERR_INVALID},
        {"null", ERR_INVALID},
        {"{\"a\":1,\"a\":1}", ERR_MALFORMED},
        {"{\"a\":1,\"\\u0061\":1}", ERR_MALFORMED},
        {"{\"b\":\"\\u0061\"}", ERR_NONE},
        {"{\"b\":1,\"b\":2}", ERR_NONE},
    };
    static const char *const names[] = {"a"};
    struct span found[1];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(json_walk_members(root_of(rows[i].text), names, 1, found), rows[i].e);
}

static void texts_say_what_they_mean(void **state)
{
    static const struct {
        const char *text, *meaning;
        size_t max;
        enum err e;
    } rows[] = {
        {"1", "", 64, ERR_INVALID},
        {"[\"a\"]", "", 64, ERR_INVALID},
        {"\"\\n23\"", "", 2, ERR_TOO_BIG},
        {"\"1\\u4e2d\"", "", 3, ERR_TOO_BIG},
        {"\"1\\u4e2d\"", "1\xe4\xb8\xad", 4, ERR_NONE},
        {"\"\"", "", 0, ERR_NONE},
        {"\"longer than max, but as it is\"", "longer than max, but as it is", 0, ERR_NONE},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 64, ERR_NONE},
        {"\"\\u0041\\u00E9\\uFFFD\"", "A\xc3\xa9\xef\xbf\xbd", 64, ERR_NONE},
        {"\"\\ud83d\\uDE00x\"", "\xf0\x9f\x98\x80x", 64, ERR_NONE},
        {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 64, ERR_NONE},
    };
    char scratch[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span text = SPAN("");

        assert_int_equal(json_walk_text(root_of(rows[i].text), scratch, rows[i].max, &text),
                         rows[i].e);
        assert_true(span_equal(text, span_of(rows[i].meaning)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_is_that_of_decoding),
        cmocka_unit_test(items_come_as_they_are_written),
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(members_that_may_be_misread_are_refused),
        cmocka_unit_test(texts_say_what_they_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
