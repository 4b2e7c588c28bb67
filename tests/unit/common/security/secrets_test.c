/* SPDX-License-Identifier: MIT */
#include "common/security/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/common/keys.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccc"

static void a_key_has_one_purpose(void **state)
{
    static const struct {
        const char *secret, *send, *publish;
        enum err e;
    } rows[] = {
        {KEY_A, KEY_A, KEY_C, ERR_INVALID},
        {KEY_A, KEY_B, KEY_A, ERR_INVALID},
        {KEY_A, "[a]\nmay = send\nkey = " KEY_A, KEY_C, ERR_INVALID},
        {KEY_A, "[a]\nmay = send\nkey = " KEY_B "\nkey = " KEY_C, KEY_C, ERR_INVALID},
        {KEY_A, KEY_B, KEY_C "\n" KEY_B, ERR_INVALID},
        {KEY_A, KEY_B, KEY_C, ERR_NONE},
    };
    struct config *c;
    FILE *faults = tmpfile();

    (void)state;
    assert_non_null(faults);
    assert_int_equal(config_parse(SPAN(""), NULL, NULL, faults, &c), ERR_NONE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct secrets s = {0};
        size_t line;

        assert_int_equal(keys_token(TOKEN_HS256, rows[i].secret, "", &s.token), ERR_NONE);
        assert_int_equal(keys_service(&s.service, span_of(rows[i].send), &line), ERR_NONE);
        assert_int_equal(keys_ring(&s.publish, span_of(rows[i].publish)), ERR_NONE);
        assert_int_equal(secrets_check(c, &s, faults), rows[i].e);
        secrets_deinit(&s);
        assert_null(s.token);
        secrets_deinit(&s);
    }
    config_free(c);
    fclose(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_one_purpose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
