/* SPDX-License-Identifier: MIT */
#include "relay/publish/online.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void decode_takes_a_list_of_users_only(void **state)
{
    static const struct {
        const char *body;
        enum err e;
        size_t users;
    } rows[] = {
        {"", ERR_MALFORMED, 0},
        {"{", ERR_MALFORMED, 0},
        {"{\"users\":[],\"users\":[]}", ERR_MALFORMED, 0},
        {"[]", ERR_INVALID, 0},
        {"{}", ERR_INVALID, 0},
        {"{\"users\":\"42\"}", ERR_INVALID, 0},
        {"{\"users\":null}", ERR_INVALID, 0},
        {"{\"users\":[\"42\",\"\"]}", ERR_INVALID, 0},
        {"{\"users\":[\"*\"]}", ERR_INVALID, 0},
        {"{\"users\":[null]}", ERR_INVALID, 0},
        {"{\"users\":[\"a\\n\"]}", ERR_INVALID, 0},
        {"{\"users\":[],\"epoch\":\"\"}", ERR_INVALID, 0},
        {"{\"users\":[],\"seq\":-1}", ERR_INVALID, 0},
        {"{\"users\":[]}", ERR_NONE, 0},
        {"{\"users\":[],\"epoch\":\"k3x\",\"seq\":94}", ERR_NONE, 0},
        {"{\"users\":[\"42\",43,\"\\u00fc\"]}", ERR_NONE, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rings_users users = {.rest = {NULL, 0}};
        struct told told = {0};
        struct span user;
        const char *why = NULL;
        size_t count = 0;

        if (online_decode(span_of(rows[i].body), &users, &told, &why) != rows[i].e)
            fail_msg("%s: %s", rows[i].body, why);
        while (rings_next_user(&users, &user))
            count++;
        assert_int_equal(count, rows[i].users);
        assert_int_equal(told.seq, told.epoch.len ? 94 : 0);
    }
}

static void a_thousand_users_are_the_most(void **state)
{
    static char body[2 * ONLINE_BODY_USERS_MAX + 64];
    struct rings_users users;
    struct told told;
    const char *why;
    size_t len;

    (void)state;
    strcpy(body, "{\"users\":[1");
    len = strlen(body);
    for (size_t n = 1; n < ONLINE_BODY_USERS_MAX; n++, len += 2)
        memcpy(body + len, ",1", 2);
    memcpy(body + len, "]}", 3);
    assert_int_equal(online_decode(span_of(body), &users, &told, &why), ERR_NONE);
    memcpy(body + len, ",1]}", 5);
    assert_int_equal(online_decode(span_of(body), &users, &told, &why), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_takes_a_list_of_users_only),
        cmocka_unit_test(a_thousand_users_are_the_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
