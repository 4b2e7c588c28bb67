/* SPDX-License-Identifier: MIT */
#include "relay/cluster/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_no_envelope_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum err e;
    } rows[] = {
        {"", ERR_UNSUPPORTED},
        {"doorbell2 rings 1 0\n{}", ERR_UNSUPPORTED},
        {"doorbell1 news 1 0\n{}", ERR_UNSUPPORTED},
        {"doorbell1 rings 1 0", ERR_MALFORMED},
        {"doorbell1 rings 1\n", ERR_MALFORMED},
        {"doorbell1 rings -1 0\n", ERR_MALFORMED},
        {"doorbell1 rings 01 0\n", ERR_MALFORMED},
        {"doorbell1 rings 9223372036854775808 0\n", ERR_MALFORMED},
        {"doorbell1 rings 1 4294967296\n", ERR_MALFORMED},
        {"doorbell1 rings 1 0 \n", ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct envelope e = {.from = 77};

        assert_int_equal(envelope_decode(span_of(rows[i].text), &e), rows[i].e);
        assert_int_equal(e.from, 77);
    }
}

static void every_kind_comes_back_as_it_went(void **state)
{
    (void)state;
    for (int kind = 0; kind < ENVELOPE_KINDS; kind++) {
        struct envelope e = {(enum envelope_kind)kind, INT64_MAX, UINT32_MAX, SPAN("{\"a\":\n1}")};
        struct envelope again;
        struct buf out;

        buf_init(&out, 1000);
        assert_int_equal(envelope_encode(&e, &out), ERR_NONE);
        assert_int_equal(envelope_decode(buf_span(&out), &again), ERR_NONE);
        assert_int_equal(again.kind, kind);
        assert_true(again.from == INT64_MAX);
        assert_int_equal(again.question, UINT32_MAX);
        assert_true(span_equal(again.body, e.body));
        buf_deinit(&out);
    }
}

static void a_hello_has_all_its_numbers(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"life\":1,\"users\":1,\"pages\":1}",
        "{\"life\":1,\"users\":-1,\"pages\":1,\"sessions\":1}",
        "{\"life\":1,\"users\":1,\"pages\":1,\"sessions\":4294967296}",
        "{\"life\":1,\"users\":1,\"users\":1,\"pages\":1,\"sessions\":1}",
    };
    struct hello hello = {1796046583000000, 3, 4, 5}, again;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hello_decode(span_of(bad[i]), &again), ERR_MALFORMED);
    buf_init(&out, 1000);
    assert_int_equal(hello_encode(&hello, &out), ERR_NONE);
    assert_int_equal(hello_decode(buf_span(&out), &again), ERR_NONE);
    assert_memory_equal(&again, &hello, sizeof(hello));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_envelope_is_refused),
        cmocka_unit_test(every_kind_comes_back_as_it_went),
        cmocka_unit_test(a_hello_has_all_its_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
