/* SPDX-License-Identifier: MIT */
#include "relay/publish/revoked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void decode_takes_a_list_of_revocations_only(void **state)
{
    static const struct {
        const char *body;
        enum err e;
        size_t count;
    } rows[] = {
        {"", ERR_MALFORMED, 0},
        {"{", ERR_MALFORMED, 0},
        {"{\"revocations\":[],\"revocations\":[]}", ERR_MALFORMED, 0},
        {"[]", ERR_INVALID, 0},
        {"{}", ERR_INVALID, 0},
        {"{\"revocations\":{}}", ERR_INVALID, 0},
        {"{\"revocations\":[\"42\"]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":\"42\"}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"at\":1}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":42,\"at\":1}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":\"*\",\"at\":1}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":\"42\",\"at\":-1}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":\"42\",\"at\":1.5}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":\"42\",\"at\":\"1\"}]}", ERR_INVALID, 0},
        {"{\"revocations\":[{\"user\":\"42\",\"at\":1},{\"user\":\"43\"}]}", ERR_INVALID, 0},
        {"{\"revocations\":[]}", ERR_NONE, 0},
        {"{\"revocations\":[{\"user\":\"42\",\"at\":1},{\"at\":2,\"user\":\"\\u0034\"}]}", ERR_NONE,
         2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct revoked list = {.rest = {NULL, 0}};
        struct span user;
        int64_t at_us;
        const char *why = NULL;
        size_t count = 0;

        if (revoked_decode(span_of(rows[i].body), &list, &why) != rows[i].e)
            fail_msg("%s: %s", rows[i].body, why);
        while (revoked_next(&list, &user, &at_us)) {
            assert_true(span_equal(user, count == 0 ? SPAN("42") : SPAN("4")));
            assert_int_equal(at_us, ++count);
        }
        assert_int_equal(count, rows[i].count);
    }
}

static void a_thousand_are_the_most(void **state)
{
    static const char item[] = ",{\"user\":\"1\",\"at\":1}";
    static char body[sizeof(item) * (REVOKED_MAX + 2)];
    struct revoked list;
    const char *why;
    size_t len;

    (void)state;
    strcpy(body, "{\"revocations\":[");
    len = strlen(body);
    for (size_t n = 0; n < REVOKED_MAX; n++, len = strlen(body))
        strcpy(body + len, n == 0 ? item + 1 : item);
    strcpy(body + len, "]}");
    assert_int_equal(revoked_decode(span_of(body), &list, &why), ERR_NONE);
    strcpy(body + len, item);
    strcat(body, "]}");
    assert_int_equal(revoked_decode(span_of(body), &list, &why), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_takes_a_list_of_revocations_only),
        cmocka_unit_test(a_thousand_are_the_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
