/* SPDX-License-Identifier: MIT */
#include "relay/access/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define S INT64_C(1000000)

/* Whether a token of these is refused. */
static bool refuses(const struct revocations *k, const char *user, int64_t issued_at_us,
                    int64_t generation)
{
    struct token_claims claims = {.issued_at_us = issued_at_us, .generation = generation};

    strcpy(claims.user, user);
    return revocations_refuse(k, &claims);
}

static void tokens_issued_until_the_kick_are_refused(void **state)
{
    struct revocations *k = revocations_new(10);

    (void)state;
    assert_false(refuses(k, "42", 0, 0));
    assert_int_equal(revocations_kick(k, SPAN("42"), 1000 * S + 5, 60), ERR_NONE);
    assert_true(refuses(k, "42", 0, 0)); /* no iat: very old */
    assert_true(refuses(k, "42", 1000 * S, 1000 * S - 1));
    assert_true(refuses(k, "42", 1000 * S + 5, 0));
    assert_false(refuses(k, "42", 1000 * S + 6, 0)); /* in the same second */
    assert_false(refuses(k, "4", 0, 0));
    assert_int_equal(revocations_kick(k, SPAN("42"), 1005 * S, 60), ERR_NONE);
    assert_true(refuses(k, "42", 1005 * S, 0));
    /* Once more, by a clock that is behind. */
    assert_int_equal(revocations_kick(k, SPAN("42"), 990 * S, 60), ERR_NONE);
    assert_true(refuses(k, "42", 1005 * S, 0));
    assert_int_equal(revocations_count(k), 1);
    revocations_free(k);
    revocations_free(NULL);
}

static void tokens_of_before_a_revocation_are_refused(void **state)
{
    struct revocations *k = revocations_new(10);

    (void)state;
    assert_int_equal(revocations_add(k, SPAN("42"), 1000 * S, 1001 * S, 60), ERR_NONE);
    assert_true(refuses(k, "42", 2000 * S, 1000 * S - 1));
    assert_false(refuses(k, "42", 1, 1000 * S)); /* no clock has a say */
    /* It is told again, or late: nothing is new. */
    assert_int_equal(revocations_add(k, SPAN("42"), 1000 * S, 1002 * S, 60), ERR_END);
    assert_int_equal(revocations_add(k, SPAN("42"), 999 * S, 1002 * S, 60), ERR_END);
    assert_false(refuses(k, "42", 1, 1000 * S));
    /* A kick and a revocation do not undo each other. */
    assert_int_equal(revocations_kick(k, SPAN("42"), 1003 * S, 60), ERR_NONE);
    assert_true(refuses(k, "42", 1003 * S, 1000 * S));
    assert_true(refuses(k, "42", 1004 * S, 0));
    assert_false(refuses(k, "42", 1004 * S, 1000 * S));
    assert_int_equal(revocations_add(k, SPAN("42"), 1005 * S, 1005 * S, 60), ERR_NONE);
    assert_true(refuses(k, "42", 1003 * S, 1005 * S));
    assert_int_equal(revocations_count(k), 1);
    /* Of no use any more. */
    assert_int_equal(revocations_add(k, SPAN("43"), 1000 * S, 1091 * S, 60), ERR_END);
    assert_int_equal(revocations_count(k), 1);
    revocations_free(k);
}

static void a_full_table_keeps_what_still_matters(void **state)
{
    struct revocations *k = revocations_new(2);

    (void)state;
    assert_int_equal(revocations_kick(k, SPAN("a"), 1000 * S, 60), ERR_NONE);
    assert_int_equal(revocations_add(k, SPAN("b"), 1010 * S, 1010 * S, 60), ERR_NONE);
    assert_int_equal(revocations_kick(k, SPAN("c"), 1020 * S, 60), ERR_TOO_MANY);
    assert_int_equal(revocations_add(k, SPAN("c"), 1020 * S, 1020 * S, 60), ERR_TOO_MANY);
    assert_true(refuses(k, "a", 999 * S, 0));
    /* 60 s and the leeway after "a" */
    assert_int_equal(revocations_kick(k, SPAN("c"), 1090 * S, 60), ERR_TOO_MANY);
    assert_int_equal(revocations_kick(k, SPAN("c"), 1091 * S, 60), ERR_NONE);
    assert_false(refuses(k, "a", 999 * S, 0));
    assert_true(refuses(k, "b", 1010 * S, 0));
    assert_int_equal(revocations_count(k), 2);
    /* One who is there can be kicked again. */
    assert_int_equal(revocations_kick(k, SPAN("b"), 1095 * S, 60), ERR_NONE);
    assert_true(refuses(k, "b", 1096 * S, 0));
    revocations_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_issued_until_the_kick_are_refused),
        cmocka_unit_test(tokens_of_before_a_revocation_are_refused),
        cmocka_unit_test(a_full_table_keeps_what_still_matters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
