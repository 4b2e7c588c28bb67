/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/common/keys.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define ONE "0123456789abcdef0123456789abcdef"
#define TWO "fedcba9876543210fedcba9876543210"
#define THREE "00112233445566778899aabbccddeeff"

/* As computed by another implementation: ONE, message 901. */
#define EPOCH "123456789012345"
#define VECTOR EPOCH ".32QpD9fOM4nWbDRtheFXvg"

static struct service_keys keys_of(const char *file)
{
    struct service_keys keys;
    size_t line;

    assert_int_equal(keys_service(&keys, span_of(file), &line), ERR_NONE);
    return keys;
}

static bool opens(const char *file, int64_t id, struct span text)
{
    struct service_keys keys = keys_of(file);
    int64_t epoch = 0;
    bool is_right = capability_check(&keys, id, text, &epoch);

    if (is_right)
        assert_int_equal(epoch, 123456789012345);
    service_keys_deinit(&keys);
    return is_right;
}

static void it_is_what_it_always_was(void **state)
{
    struct service_keys keys = keys_of(ONE "\n");
    struct buf out;

    (void)state;
    buf_init(&out, CAPABILITY_MAX);
    assert_int_equal(capability_make(&keys, 901, SPAN(EPOCH), &out), ERR_NONE);
    assert_true(span_equal(buf_span(&out), SPAN(VECTOR)));
    assert_true(opens(ONE, 901, SPAN(VECTOR)));
    buf_deinit(&out);
    service_keys_deinit(&keys);
}

static void it_opens_one_message_of_one_epoch(void **state)
{
    static const char *const wrong[] = {
        "",
        ".",
        "32QpD9fOM4nWbDRtheFXvg",
        ".32QpD9fOM4nWbDRtheFXvg",
        EPOCH,
        EPOCH ".",
        "0" VECTOR,
        " " VECTOR,
        "123456789012344.32QpD9fOM4nWbDRtheFXvg",
        "-123456789012345.32QpD9fOM4nWbDRtheFXvg",
        "99999999999999999999.32QpD9fOM4nWbDRtheFXvg",
        "x.32QpD9fOM4nWbDRtheFXvg",
        VECTOR ".",
        VECTOR "==",
        VECTOR "A",
        EPOCH ".32QpD9fOM4nWbDRtheFXvh", /* which decodes to the same bytes */
        EPOCH "." EPOCH ".32QpD9fOM4nWbDRtheFXvg",
    };
    char text[] = VECTOR;

    (void)state;
    for (size_t i = 0; i < ROWS(wrong); i++)
        assert_false(opens(ONE, 901, span_of(wrong[i])));
    for (size_t i = 0; i < strlen(VECTOR); i++) {
        text[i] = (char)(text[i] ^ 1);
        assert_false(opens(ONE, 901, span_of(text)));
        text[i] = (char)(text[i] ^ 1);
        assert_false(opens(ONE, 901, (struct span){text, i}));
    }
    assert_false(opens(ONE, 900, SPAN(VECTOR)));
    assert_false(opens(ONE, 0, SPAN(VECTOR)));
    assert_false(opens(ONE, -901, SPAN(VECTOR)));
}

static void the_first_key_makes_and_both_open(void **state)
{
    (void)state;
    assert_true(opens(ONE "\n" TWO, 901, SPAN(VECTOR)));
    assert_true(opens(TWO "\n" ONE, 901, SPAN(VECTOR)));
    assert_false(opens(TWO, 901, SPAN(VECTOR)));
}

static void only_keys_that_may_manage_count(void **state)
{
    static const char prometheus[] = "[a]\nmay = send statistics metrics\nkey = " TWO "\n";
    static const char manager[] = "[a]\nmay = send statistics metrics\nkey = " TWO
                                  "\n[b]\nmay = manage\nkey = " ONE "\nkey = " THREE "\n";
    struct service_keys keys = keys_of(manager);
    struct buf out;

    (void)state;
    buf_init(&out, CAPABILITY_MAX);
    assert_int_equal(capability_make(&keys, 901, SPAN(EPOCH), &out), ERR_NONE);
    assert_true(span_equal(buf_span(&out), SPAN(VECTOR)));
    assert_true(opens(manager, 901, SPAN(VECTOR)));
    assert_false(opens("[a]\nmay = metrics\nkey = " ONE "\n", 901, SPAN(VECTOR)));
    service_keys_deinit(&keys);

    buf_reset(&out);
    keys = keys_of(prometheus);
    assert_int_equal(capability_make(&keys, 901, SPAN(EPOCH), &out), ERR_UNSUPPORTED);
    assert_int_equal(out.len, 0);
    service_keys_deinit(&keys);
    buf_deinit(&out);
}

static void a_long_epoch_is_refused(void **state)
{
    static const char digits[CAPABILITY_EPOCH_MAX + 1];
    struct service_keys keys = keys_of(ONE);
    struct buf out;

    (void)state;
    buf_init(&out, 2 * CAPABILITY_MAX);
    assert_int_equal(capability_make(&keys, 1, (struct span){digits, sizeof(digits)}, &out),
                     ERR_INVALID);
    assert_int_equal(out.len, 0);
    service_keys_deinit(&keys);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_it_always_was),
        cmocka_unit_test(it_opens_one_message_of_one_epoch),
        cmocka_unit_test(the_first_key_makes_and_both_open),
        cmocka_unit_test(only_keys_that_may_manage_count),
        cmocka_unit_test(a_long_epoch_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
