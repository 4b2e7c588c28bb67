/* SPDX-License-Identifier: MIT */
#include "relay/session/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum err collect(struct conn *c, const char *text, bool is_last, struct span *whole)
{
    struct piece piece = {span_of(text), PIECE_TEXT, is_last};

    return conn_collect(c, &piece, 10, whole);
}

static void pieces_become_a_frame(void **state)
{
    struct conn c = {0};
    struct span whole;

    (void)state;
    assert_int_equal(collect(&c, "whole", true, &whole), ERR_NONE);
    assert_null(c.partial);
    assert_true(span_equal(whole, SPAN("whole")));
    assert_int_equal(collect(&c, "in ", false, &whole), ERR_INCOMPLETE);
    assert_int_equal(collect(&c, "pie", false, &whole), ERR_INCOMPLETE);
    assert_int_equal(collect(&c, "ces", true, &whole), ERR_NONE);
    assert_true(span_equal(whole, SPAN("in pieces")));
    conn_drop_partial(&c);
    assert_null(c.partial);
    assert_int_equal(collect(&c, "more than ten", true, &whole), ERR_TOO_BIG);
    assert_int_equal(collect(&c, "123456", false, &whole), ERR_INCOMPLETE);
    assert_int_equal(collect(&c, "78901", false, &whole), ERR_TOO_BIG);
    conn_drop_partial(&c);
    conn_drop_partial(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_become_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
