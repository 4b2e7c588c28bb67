/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* The segments, joined by '|'. */
static void join(const struct path *path, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < path->count; i++) {
        if (i > 0)
            out[len++] = '|';
        assert_true(len + path->segments[i].len + 2 < size);
        if (path->segments[i].len > 0)
            memcpy(out + len, path->segments[i].p, path->segments[i].len);
        len += path->segments[i].len;
        out[len] = '\0';
    }
}

static const struct row {
    const char *text, *prefix;
    enum err e;
    const char *expected;
} uri_rows[] = {
    {"/doorbell/%", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/%4", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/%zz", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/a%00b", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/.", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/../unread", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/%2e%2E/unread", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/%ff", "/doorbell", ERR_MALFORMED, ""},
    {"", "/doorbell", ERR_NOT_FOUND, ""},
    {"/", "/doorbell", ERR_NOT_FOUND, ""},
    {"/doorbell", "/doorbell", ERR_NOT_FOUND, ""},
    {"/doorbells/unread", "/doorbell", ERR_NOT_FOUND, ""},
    {"/Doorbell/unread", "/doorbell", ERR_NOT_FOUND, ""},
    {"/d/doorbell/unread", "/doorbell", ERR_NOT_FOUND, ""},
    {"*", "/doorbell", ERR_NOT_FOUND, ""},
    {"http://host", "/doorbell", ERR_NOT_FOUND, ""},
    {"/doorbell/1/2/3/4/5/6/7/8/9", "/doorbell", ERR_NOT_FOUND, ""},
    {"/doorbell/", "/doorbell", ERR_NONE, ""},
    {"/doorbell/unread", "/doorbell", ERR_NONE, "unread"},
    {"/doorbell/unread/", "/doorbell", ERR_NONE, "unread|"},
    {"/doorbell//unread", "/doorbell", ERR_NONE, "|unread"},
    {"/doorbell/unread?a=/../%", "/doorbell", ERR_NONE, "unread"},
    {"/doorbell/a+b", "/doorbell", ERR_NONE, "a+b"},
    {"/doorbell/%252e", "/doorbell", ERR_NONE, "%2e"},
    {"/doorbell/...", "/doorbell", ERR_NONE, "..."},
    {"/doorbell/users/a%2Fb%25%C3%BC%20%E4%B8%AD", "/doorbell", ERR_NONE, "users|a/b%ü 中"},
    {"/api/v1/unread", "/api/v1", ERR_NONE, "unread"},
    {"/unread", "", ERR_NONE, "unread"},
    {"http://host/doorbell/unread", "/doorbell", ERR_NONE, "unread"},
    {"https://host:444/doorbell/unread?x", "/doorbell", ERR_NONE, "unread"},
    {"/doorbell/1/2/3/4/5/6/7/8", "/doorbell", ERR_NONE, "1|2|3|4|5|6|7|8"},
};

static const struct row split_rows[] = {
    {"/doorbell/..", "/doorbell", ERR_MALFORMED, ""},
    {"/doorbell/\xff", "/doorbell", ERR_MALFORMED, ""},
    {"/unread", "/doorbell", ERR_NOT_FOUND, ""},
    {"/doorbell/a%2fb", "/doorbell", ERR_NONE, "a%2fb"},
    {"/doorbell/users/b%ü 中", "/doorbell", ERR_NONE, "users|b%ü 中"},
};

static void uri_is_split_then_decoded_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(uri_rows); i++) {
        const struct row *row = &uri_rows[i];
        struct path path = {.count = 0};
        char uri[128], joined[256];

        strcpy(uri, row->text);
        if (path_decode_uri(uri, strlen(uri), span_of(row->prefix), &path) != row->e)
            fail_msg("%s", row->text);
        join(&path, joined, sizeof(joined));
        assert_string_equal(joined, row->expected);
    }
}

static void decoded_path_is_only_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(split_rows); i++) {
        const struct row *row = &split_rows[i];
        struct path path = {.count = 0};
        char joined[256];

        assert_int_equal(path_split(span_of(row->text), span_of(row->prefix), &path), row->e);
        join(&path, joined, sizeof(joined));
        assert_string_equal(joined, row->expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uri_is_split_then_decoded_once),
        cmocka_unit_test(decoded_path_is_only_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
