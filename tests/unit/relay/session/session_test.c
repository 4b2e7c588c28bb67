/* SPDX-License-Identifier: MIT */
#include "relay/session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_session_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct session) <= 176);
}

static void a_deadline_and_a_token_end_it(void **state)
{
    static const struct session_end late = {"late", 1012};
    static const struct {
        enum session_state state;
        int64_t deadline_ms, expires_at;
        struct instant now;
        unsigned code; /* 0: it goes on */
    } rows[] = {
        {SESSION_NEW, 10000, 0, {.ms = 10000, .s = 500}, 1012},
        {SESSION_NEW, 10000, 0, {.ms = 9999, .s = 500}, 0},
        {SESSION_NEW, 0, 0, {.ms = 99999, .s = 500}, 0},
        {SESSION_OPEN, 0, 470, {.ms = 100, .s = 500}, 4401},
        {SESSION_OPEN, 0, 471, {.ms = 100, .s = 500}, 0},
        {SESSION_OPEN, 300, 900, {.ms = 300, .s = 500}, 1012},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct session s = {.state = (uint8_t)rows[i].state,
                            .deadline_ms = rows[i].deadline_ms,
                            .token_expires_at = rows[i].expires_at};
        struct session_end end = {NULL, 0};

        assert_int_equal(session_is_over(&s, rows[i].now, &late, &end), rows[i].code != 0);
        assert_int_equal(end.code, rows[i].code);
    }
}

static void a_close_has_its_word(void **state)
{
    static const struct {
        uint16_t code;
        enum event_fault fault;
    } rows[] = {
        {CLOSE_POLICY, FAULT_POLICY},     {CLOSE_TOO_BIG, FAULT_POLICY},
        {CLOSE_RESTART, FAULT_RESTART},   {CLOSE_LATER, FAULT_UNAVAILABLE},
        {CLOSE_TOKEN, FAULT_TOKEN},       {CLOSE_KICKED, FAULT_KICKED},
        {CLOSE_TOO_MANY, FAULT_TOO_MANY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct session s = {.end.code = rows[i].code};

        assert_int_equal(session_close_fault(&s), rows[i].fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_small),
        cmocka_unit_test(a_deadline_and_a_token_end_it),
        cmocka_unit_test(a_close_has_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
