/* SPDX-License-Identifier: MIT */
#include "relay/native/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PING_MS = 25000 };

static void a_session_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct native_session) <= 176);
}

static void what_is_due(void **state)
{
    static const struct {
        const char *what;
        enum session_state state;
        int64_t opened_ms, heard_ms, pinged_ms, blocked_ms, deadline_ms, expires_at;
        struct instant now;
        enum native_due due;
        unsigned code;
    } rows[] = {
        {"login is late",
         SESSION_NEW,
         0,
         0,
         0,
         0,
         10000,
         0,
         {.ms = 10000, .s = 500},
         NATIVE_DUE_CLOSE,
         4408},
        {"login in time",
         SESSION_NEW,
         0,
         0,
         0,
         0,
         10000,
         0,
         {.ms = 9999, .s = 500},
         NATIVE_DUE_NOTHING,
         0},
        {"expired",
         SESSION_OPEN,
         0,
         0,
         0,
         0,
         0,
         470,
         {.ms = 100, .s = 500},
         NATIVE_DUE_CLOSE,
         4401},
        {"within the grace",
         SESSION_OPEN,
         0,
         0,
         0,
         0,
         0,
         471,
         {.ms = 100, .s = 500},
         NATIVE_DUE_NOTHING,
         0},
        {"silent",
         SESSION_OPEN,
         0,
         1000,
         50000,
         0,
         0,
         900,
         {.ms = 56000, .s = 500},
         NATIVE_DUE_CLOSE,
         1008},
        {"not silent enough",
         SESSION_OPEN,
         0,
         1000,
         50000,
         0,
         0,
         900,
         {.ms = 55999, .s = 500},
         NATIVE_DUE_NOTHING,
         0},
        {"silent, but was not asked",
         SESSION_OPEN,
         0,
         1000,
         1000,
         0,
         0,
         900,
         {.ms = 99000, .s = 500},
         NATIVE_DUE_PING,
         0},
        {"reads nothing",
         SESSION_OPEN,
         0,
         60000,
         60000,
         5000,
         0,
         900,
         {.ms = 60000, .s = 500},
         NATIVE_DUE_CLOSE,
         1008},
        {"drained",
         SESSION_OPEN,
         0,
         0,
         0,
         0,
         300,
         900,
         {.ms = 300, .s = 500},
         NATIVE_DUE_CLOSE,
         1012},
        {"ping",
         SESSION_OPEN,
         0,
         20000,
         1000,
         0,
         0,
         900,
         {.ms = 26000, .s = 500},
         NATIVE_DUE_PING,
         0},
        {"no ping yet",
         SESSION_OPEN,
         0,
         20000,
         1001,
         0,
         0,
         900,
         {.ms = 26000, .s = 500},
         NATIVE_DUE_NOTHING,
         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct native_session s = {.base.protocol = &native_protocol,
                                   .base.state = (uint8_t)rows[i].state,
                                   .base.opened_ms = rows[i].opened_ms,
                                   .heard_ms = rows[i].heard_ms,
                                   .pinged_ms = rows[i].pinged_ms,
                                   .base.blocked_ms = rows[i].blocked_ms,
                                   .base.deadline_ms = rows[i].deadline_ms,
                                   .base.token_expires_at = rows[i].expires_at};
        struct session_end end;
        enum native_due due = native_session_due(&s, PING_MS, rows[i].now, &end);

        if (due != rows[i].due || (due == NATIVE_DUE_CLOSE && end.code != rows[i].code))
            fail_msg("%s: %d, %d", rows[i].what, (int)due, end.code);
    }
}

static void the_dead_are_noticed_within_a_minute(void **state)
{
    static const int64_t intervals_ms[] = {1000, 2000, 24999, 25000};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        /* A sweep takes another second. */
        assert_true(native_session_silence_ms(intervals_ms[i]) <= 59000);
}

static void a_client_that_answers_each_ping_is_never_closed(void **state)
{
    /* By the shortest interval, swept once a second, each answer being 900 ms under way. */
    int64_t answer_ms = 0;
    struct native_session s = {
        .base = {.protocol = &native_protocol, .state = SESSION_OPEN, .token_expires_at = 3600}};
    int pings = 0;

    (void)state;
    for (int64_t ms = 50; ms < 600000; ms += 50) {
        struct instant now = {.ms = ms, .s = ms / 1000};
        struct session_end end;

        if (ms == answer_ms)
            s.heard_ms = ms;
        if (ms % 1000)
            continue;
        assert_int_not_equal(native_session_due(&s, 1000, now, &end), NATIVE_DUE_CLOSE);
        s.pinged_ms = ms;
        answer_ms = ms + 900;
        pings++;
    }
    assert_int_equal(pings, 599);
}

static void silence_of_a_one_way_protocol_says_nothing(void **state)
{
    struct native_session s = {.base.protocol = &sse_protocol,
                               .base.state = SESSION_OPEN,
                               .heard_ms = 1000,
                               .pinged_ms = 50000,
                               .base.token_expires_at = 900};
    struct session_end end;

    (void)state;
    assert_int_equal(native_session_due(&s, PING_MS, (struct instant){.ms = 60000, .s = 500}, &end),
                     NATIVE_DUE_NOTHING);
    assert_int_equal(native_session_due(&s, PING_MS, (struct instant){.ms = 75000, .s = 500}, &end),
                     NATIVE_DUE_PING);
    s.base.blocked_ms = 1000;
    assert_int_equal(native_session_due(&s, PING_MS, (struct instant){.ms = 60000, .s = 500}, &end),
                     NATIVE_DUE_CLOSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_small),
        cmocka_unit_test(what_is_due),
        cmocka_unit_test(the_dead_are_noticed_within_a_minute),
        cmocka_unit_test(a_client_that_answers_each_ping_is_never_closed),
        cmocka_unit_test(silence_of_a_one_way_protocol_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
