/* SPDX-License-Identifier: MIT */
#include "relay/session/epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_name_is_short_and_printable(void **state)
{
    char longest[EPOCH_NAME_MAX + 1];
    const struct {
        struct span text;
        enum err e;
    } rows[] = {
        {SPAN(""), ERR_INVALID},
        {SPAN("a\n"), ERR_INVALID},
        {SPAN("\x7f"), ERR_INVALID},
        {SPAN("\xc3\xbc"), ERR_INVALID},
        {{longest, sizeof(longest)}, ERR_INVALID},
        {{longest, EPOCH_NAME_MAX}, ERR_NONE},
        {SPAN("k3x \"~"), ERR_NONE},
    };

    (void)state;
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct epoch_name name = {0};

        assert_int_equal(epoch_name_set(&name, rows[i].text), rows[i].e);
        assert_int_equal(name.len, rows[i].e ? 0 : rows[i].text.len);
    }
}

static void what_is_told_adds_up(void **state)
{
    static const struct {
        const char *name;
        int64_t seq;
        bool is_another;
        const char *known;
        int64_t known_seq;
    } rows[] = {
        {"", 0, false, "", 0},   {"", 7, false, "", 7},
        {"a", 0, false, "a", 7}, /* the first one is no other */
        {"", 9, false, "a", 9},  {"a", 8, false, "a", 9},
        {"b", 3, true, "b", 3},  {"b", 4, false, "b", 4},
        {"a", 0, true, "a", 0},
    };
    struct epoch e = {0};
    uint32_t changes = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct epoch_name name = {0};

        if (rows[i].name[0])
            assert_int_equal(epoch_name_set(&name, span_of(rows[i].name)), ERR_NONE);
        assert_int_equal(epoch_learn(&e, &name, rows[i].seq), rows[i].is_another);
        assert_true(span_equal(epoch_name_span(&e.name), span_of(rows[i].known)));
        assert_int_equal(e.seq, rows[i].known_seq);
        changes += rows[i].is_another;
        assert_int_equal(e.serial, changes);
    }
}

static void pings_tell_what_has_settled(void **state)
{
    struct epoch_name a = {0}, b = {0};
    struct epoch e = {0};

    (void)state;
    assert_int_equal(epoch_name_set(&a, SPAN("a")), ERR_NONE);
    assert_int_equal(epoch_name_set(&b, SPAN("b")), ERR_NONE);
    epoch_learn(&e, &a, 7);
    assert_int_equal(e.ping_seq, 0);
    assert_int_equal(e.ping_name.len, 0);
    epoch_settle(&e);
    assert_int_equal(e.ping_seq, 7);
    assert_true(span_equal(epoch_name_span(&e.ping_name), SPAN("a")));
    epoch_learn(&e, &b, 9);
    assert_int_equal(e.ping_seq, 0);
    assert_int_equal(e.ping_name.len, 0);
    epoch_settle(&e);
    assert_true(span_equal(epoch_name_span(&e.ping_name), SPAN("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_short_and_printable),
        cmocka_unit_test(what_is_told_adds_up),
        cmocka_unit_test(pings_tell_what_has_settled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
