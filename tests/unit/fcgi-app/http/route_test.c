/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct route routes[] = {
    {METHOD_POST, "/messages", ACCESS_SEND, SHARE_SERVICE, 0, NULL, NULL},
    {METHOD_GET, "/messages", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
    {METHOD_POST, "/messages/read", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
    {METHOD_GET, "/messages/{id}", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
    {METHOD_DELETE, "/messages/{id}", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
    {METHOD_POST, "/messages/{id}/read", ACCESS_USER, SHARE_READ, 0, NULL, NULL},
    {METHOD_PUT, "/groups/{group}/members/{user}", ACCESS_MANAGE, SHARE_SERVICE, 0, NULL, NULL},
};

static const struct row {
    const char *method, *path;
    enum err e;
    size_t index;
    const char *arg0, *arg1, *allow;
} rows[] = {
    {"GET", "/", ERR_NOT_FOUND, 0, "", "", ""},
    {"GET", "/nothing", ERR_NOT_FOUND, 0, "", "", ""},
    {"GET", "/messages/", ERR_NOT_FOUND, 0, "", "", ""},
    {"GET", "/Messages", ERR_NOT_FOUND, 0, "", "", ""},
    {"GET", "/messages/x", ERR_NOT_FOUND, 0, "", "", ""},
    {"GET", "/messages/-1", ERR_NOT_FOUND, 0, "", "", ""},
    {"POST", "/messages/1/read/2", ERR_NOT_FOUND, 0, "", "", ""},
    {"PUT", "/groups//members/u", ERR_NOT_FOUND, 0, "", "", ""},
    {"PUT", "/groups/g/members", ERR_NOT_FOUND, 0, "", "", ""},
    {"BREW", "/messages", ERR_METHOD, 0, "", "", "GET, HEAD, POST"},
    {"OPTIONS", "/messages/7", ERR_METHOD, 0, "", "", "GET, HEAD, DELETE"},
    {"get", "/messages", ERR_METHOD, 0, "", "", "GET, HEAD, POST"},
    {"GET", "/messages/read", ERR_METHOD, 0, "", "", "POST"},
    {"GET", "/messages/1/read", ERR_METHOD, 0, "", "", "POST"},
    {"POST", "/messages", ERR_NONE, 0, "", "", ""},
    {"GET", "/messages", ERR_NONE, 1, "", "", ""},
    {"HEAD", "/messages", ERR_NONE, 1, "", "", ""},
    {"POST", "/messages/read", ERR_NONE, 2, "", "", ""},
    {"GET", "/messages/12", ERR_NONE, 3, "12", "", ""},
    {"DELETE", "/messages/12", ERR_NONE, 4, "12", "", ""},
    {"POST", "/messages/12/read", ERR_NONE, 5, "12", "", ""},
    {"PUT", "/groups/g/members/u", ERR_NONE, 6, "g", "u", ""},
};

static void find_obeys_path_then_method(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct row *row = &rows[i];
        struct route_match match = {.route = NULL};
        struct path path;
        enum err e;

        assert_int_equal(path_split(span_of(row->path), SPAN(""), &path), ERR_NONE);
        e = route_find(routes, ROWS(routes), route_method(span_of(row->method)), &path, &match);
        if (e != row->e)
            fail_msg("%s %s", row->method, row->path);
        assert_string_equal(match.allow, row->allow);
        if (!e)
            assert_ptr_equal(match.route, &routes[row->index]);
        assert_true(span_equal(match.args[0], span_of(row->arg0)));
        assert_true(span_equal(match.args[1], span_of(row->arg1)));
    }
}

static void methods_are_named_as_they_are_read(void **state)
{
    static const enum method methods[] = {METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_DELETE};

    (void)state;
    for (size_t i = 0; i < ROWS(methods); i++)
        assert_int_equal(route_method(span_of(route_method_name(methods[i]))), methods[i]);
    assert_string_equal(route_method_name(METHOD_GET), "GET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_obeys_path_then_method),
        cmocka_unit_test(methods_are_named_as_they_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
