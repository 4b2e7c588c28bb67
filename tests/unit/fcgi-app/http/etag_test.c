/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void one_changed_byte_changes_the_tag(void **state)
{
    char a[ETAG_SIZE], b[ETAG_SIZE];

    (void)state;
    etag_of(SPAN("{\"num\":1}"), a);
    etag_of(SPAN("{\"num\":2}"), b);
    assert_string_not_equal(a, b);
    etag_of(SPAN("{\"num\":1}"), b);
    assert_string_equal(a, b);
    etag_of(SPAN(""), b);
    assert_int_equal(strlen(b), 18);
    assert_int_equal(b[0], '"');
    assert_int_equal(b[17], '"');
}

static void tag_is_found_in_a_list_whatever_its_weight(void **state)
{
    const struct {
        const char *header;
        bool expected;
    } rows[] = {
        {"", false},
        {"tag", false},
        {"\"tagg\"", false},
        {"\"TAG\"", false},
        {"\"a\", \"b\"", false},
        {"\"*\"", false},
        {"*", true},
        {" * ", true},
        {"\"tag\"", true},
        {"\"tag-gzi\"", false},
        {"\"tag-gzip", false},
        {"\"tag\"-gzip", false},
        {"\"tag--gzip\"", false},
        {"\"-gzip\"", false},
        {"\"tag-gzip-gzip\"", false},
        {"\"tag-gzip\"", true},
        {"W/\"tag-gzip\"", true},
        {"\"tag-br\"", true},
        {"\"a\", \"tag-br\"", true},
        {"W/\"tag\"", true},
        {"\"a\",\"tag\"", true},
        {"\"a\" , W/\"tag\" ,\"b\"", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        if (etag_matches(span_of(rows[i].header), SPAN("\"tag\"")) != rows[i].expected)
            fail_msg("%s", rows[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_changed_byte_changes_the_tag),
        cmocka_unit_test(tag_is_found_in_a_list_whatever_its_weight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
