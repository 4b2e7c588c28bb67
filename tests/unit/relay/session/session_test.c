/* SPDX-License-Identifier: MIT */
#include "relay/session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/session/protocol.h"

static const struct session_limits limits = {25000, 10000};

static void a_session_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct session) <= 256);
}

static void what_is_due(void **state)
{
    static const struct {
        const char *what;
        enum session_state state;
        int64_t opened_ms, heard_ms, pinged_ms, blocked_ms, deadline_ms, expires_at;
        struct instant now;
        enum session_due due;
        unsigned code;
    } rows[] = {
        {"login is late", SESSION_NEW, 0, 0, 0, 0, 10000, 0, {10000, 500}, DUE_CLOSE, 4408},
        {"login in time", SESSION_NEW, 0, 0, 0, 0, 10000, 0, {9999, 500}, DUE_NOTHING, 0},
        {"expired", SESSION_OPEN, 0, 0, 0, 0, 0, 470, {100, 500}, DUE_CLOSE, 4401},
        {"within the grace", SESSION_OPEN, 0, 0, 0, 0, 0, 471, {100, 500}, DUE_NOTHING, 0},
        {"silent", SESSION_OPEN, 0, 1000, 50000, 0, 0, 900, {56000, 500}, DUE_CLOSE, 1008},
        {"not silent enough",
         SESSION_OPEN,
         0,
         1000,
         50000,
         0,
         0,
         900,
         {55999, 500},
         DUE_NOTHING,
         0},
        {"silent, but was not asked",
         SESSION_OPEN,
         0,
         1000,
         1000,
         0,
         0,
         900,
         {99000, 500},
         DUE_PING,
         0},
        {"reads nothing",
         SESSION_OPEN,
         0,
         60000,
         60000,
         5000,
         0,
         900,
         {60000, 500},
         DUE_CLOSE,
         1008},
        {"drained", SESSION_OPEN, 0, 0, 0, 0, 300, 900, {300, 500}, DUE_CLOSE, 1012},
        {"ping", SESSION_OPEN, 0, 20000, 1000, 0, 0, 900, {26000, 500}, DUE_PING, 0},
        {"no ping yet", SESSION_OPEN, 0, 20000, 1001, 0, 0, 900, {26000, 500}, DUE_NOTHING, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct session s = {.protocol = &native_protocol,
                            .state = (uint8_t)rows[i].state,
                            .opened_ms = rows[i].opened_ms,
                            .heard_ms = rows[i].heard_ms,
                            .pinged_ms = rows[i].pinged_ms,
                            .blocked_ms = rows[i].blocked_ms,
                            .deadline_ms = rows[i].deadline_ms,
                            .token_expires_at = rows[i].expires_at};
        uint16_t code = 0;
        const char *reason = NULL;
        enum session_due due = session_check(&s, &limits, rows[i].now, &code, &reason);

        if (due != rows[i].due || code != rows[i].code)
            fail_msg("%s: %d, %d", rows[i].what, (int)due, code);
        assert_int_equal(reason != NULL, due == DUE_CLOSE);
    }
}

static void the_dead_are_noticed_within_a_minute(void **state)
{
    static const int64_t intervals_ms[] = {1000, 2000, 24999, 25000};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct session_limits l = {intervals_ms[i], 0};

        /* A sweep takes another second. */
        assert_true(session_silence_ms(&l) <= 59000);
    }
}

static void who_answers_each_ping_is_never_closed(void **state)
{
    /* By the shortest interval, swept once a second, each answer being 900 ms under way. */
    struct session_limits shortest = {1000, 0};
    int64_t answer_ms = 0;
    struct session s;
    int pings = 0;

    (void)state;
    session_init(&s, &native_protocol, &shortest, (struct instant){0, 0});
    s.state = SESSION_OPEN;
    s.token_expires_at = 3600;
    for (int64_t ms = 50; ms < 600000; ms += 50) {
        struct instant now = {ms, ms / 1000};
        const char *reason;
        uint16_t code;

        if (ms == answer_ms)
            session_heard(&s, now);
        if (ms % 1000)
            continue;
        assert_int_not_equal(session_check(&s, &shortest, now, &code, &reason), DUE_CLOSE);
        s.pinged_ms = ms;
        answer_ms = ms + 900;
        pings++;
    }
    assert_int_equal(pings, 599);
}

static void silence_of_a_one_way_protocol_says_nothing(void **state)
{
    struct session s = {.protocol = &sse_protocol,
                        .state = SESSION_OPEN,
                        .heard_ms = 1000,
                        .pinged_ms = 50000,
                        .token_expires_at = 900};
    const char *reason;
    uint16_t code;

    (void)state;
    assert_int_equal(session_check(&s, &limits, (struct instant){60000, 500}, &code, &reason),
                     DUE_NOTHING);
    assert_int_equal(session_check(&s, &limits, (struct instant){75000, 500}, &code, &reason),
                     DUE_PING);
    s.blocked_ms = 1000;
    assert_int_equal(session_check(&s, &limits, (struct instant){60000, 500}, &code, &reason),
                     DUE_CLOSE);
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
        struct session s = {.close_code = rows[i].code};

        assert_int_equal(session_close_fault(&s), rows[i].fault);
    }
}

static void a_new_session_has_its_deadline(void **state)
{
    struct session_limits none = {25000, 0};
    struct session s;

    (void)state;
    session_init(&s, NULL, &limits, (struct instant){500, 1});
    assert_int_equal(s.deadline_ms, 10500);
    assert_int_equal(s.state, SESSION_NEW);
    session_heard(&s, (struct instant){900, 1});
    assert_int_equal(s.heard_ms, 900);
    session_init(&s, NULL, &none, (struct instant){500, 1});
    assert_int_equal(s.deadline_ms, 0);
}

static void pieces_become_a_frame(void **state)
{
    struct session s = {0};
    struct span whole;

    (void)state;
    assert_int_equal(session_collect(&s, SPAN("whole"), true, 10, &whole), ERR_NONE);
    assert_null(s.partial);
    assert_true(span_equal(whole, SPAN("whole")));
    assert_int_equal(session_collect(&s, SPAN("in "), false, 10, &whole), ERR_INCOMPLETE);
    assert_int_equal(session_collect(&s, SPAN("pie"), false, 10, &whole), ERR_INCOMPLETE);
    assert_int_equal(session_collect(&s, SPAN("ces"), true, 10, &whole), ERR_NONE);
    assert_true(span_equal(whole, SPAN("in pieces")));
    session_drop_partial(&s);
    assert_null(s.partial);
    assert_int_equal(session_collect(&s, SPAN("more than ten"), true, 10, &whole), ERR_TOO_BIG);
    assert_int_equal(session_collect(&s, SPAN("123456"), false, 10, &whole), ERR_INCOMPLETE);
    assert_int_equal(session_collect(&s, SPAN("78901"), false, 10, &whole), ERR_TOO_BIG);
    session_drop_partial(&s);
    session_drop_partial(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_small),
        cmocka_unit_test(what_is_due),
        cmocka_unit_test(the_dead_are_noticed_within_a_minute),
        cmocka_unit_test(who_answers_each_ping_is_never_closed),
        cmocka_unit_test(silence_of_a_one_way_protocol_says_nothing),
        cmocka_unit_test(a_close_has_its_word),
        cmocka_unit_test(a_new_session_has_its_deadline),
        cmocka_unit_test(pieces_become_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
