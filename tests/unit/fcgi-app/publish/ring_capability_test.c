/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/ring_capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fcgi-app/http/capability.h"
#include "tests/unit/common/keys.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define STEP "{\"all\" : true, \"from\" : 94, \"id\" : 901, \"epoch\" : \"123\""

static enum err add(const char *file, const char *ring, struct buf *room, struct span *out)
{
    struct service_keys keys;
    size_t line;
    enum err e;

    assert_int_equal(keys_service(&keys, span_of(file), &line), ERR_NONE);
    e = ring_add_capability(&keys, span_of(ring), room, out);
    service_keys_deinit(&keys);
    return e;
}

static void a_step_gets_what_opens_its_text(void **state)
{
    static const char before[] = STEP ",\"c\":\"";
    struct service_keys keys;
    struct span text;
    struct buf room;
    size_t line;
    int64_t epoch;

    (void)state;
    assert_int_equal(add(KEY "\n", STEP "}", &room, &text), ERR_NONE);
    assert_true(text.len > sizeof(before) + 1);
    assert_memory_equal(text.p, before, sizeof(before) - 1);
    assert_memory_equal(text.p + text.len - 2, "\"}", 2);
    text = (struct span){text.p + sizeof(before) - 1, text.len - sizeof(before) - 1};
    assert_int_equal(keys_service(&keys, SPAN(KEY "\n"), &line), ERR_NONE);
    assert_true(capability_check(&keys, 901, text, &epoch));
    assert_int_equal(epoch, 123);
    service_keys_deinit(&keys);
    buf_deinit(&room);
}

static void all_else_stays_as_it_is(void **state)
{
    static const struct {
        const char *file, *ring;
    } rows[] = {
        {KEY "\n", "{\"to\":[\"42\"],\"version\":5,\"id\":7}"},
        {KEY "\n", "{\"all\" : true, \"seq\" : 95}"},
        {KEY "\n", "{\"from\" : 94, \"id\" : 901, \"epoch\" : null}"},
        {"[watch]\nmay = metrics\nkey = " KEY "\n", STEP "}"},
    };
    struct span out;
    struct buf room;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(add(rows[i].file, rows[i].ring, &room, &out), ERR_NONE);
        assert_true(span_equal(out, span_of(rows[i].ring)));
        buf_deinit(&room);
    }
}

static void what_is_no_ring_is_refused(void **state)
{
    static const char *const rows[] = {"", "{", "[]", "{\"from\":94,\"id\":\"x\",\"epoch\":\"1\"}"};
    struct span out;
    struct buf room;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (add(KEY "\n", rows[i], &room, &out) != ERR_INVALID)
            fail_msg("%s", rows[i]);
        buf_deinit(&room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_gets_what_opens_its_text),
        cmocka_unit_test(all_else_stays_as_it_is),
        cmocka_unit_test(what_is_no_ring_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
