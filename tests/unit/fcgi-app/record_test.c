/* SPDX-License-Identifier: MIT */
#include "fcgi-app/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define BEGIN "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define PARAMS "\x01\x04\x00\x01\x00\x04\x04\x00\x01\x01XY\x00\x00\x00\x00"
#define PARAMS_END "\x01\x04\x00\x01\x00\x00\x00\x00"
#define STDIN_DATA "\x01\x05\x00\x01\x00\x02\x00\x00hi"
#define STDIN_END "\x01\x05\x00\x01\x00\x00\x00\x00"

static void scan_tells_whole_partial_and_bad_apart(void **state)
{
    const struct {
        const char *what;
        struct span bytes;
        enum record_state expected;
    } rows[] = {
        {"another protocol", SPAN("GET / HTTP/1.1\r\n\r\n"), RECORD_BAD},
        {"another version", SPAN("\x02\x01\x00\x01\x00\x08\x00\x00"), RECORD_BAD},
        {"no request id", SPAN("\x01\x01\x00\x00\x00\x08\x00\x00"), RECORD_BAD},
        {"a management record first", SPAN("\x01\x09\x00\x00\x00\x00\x00\x00"), RECORD_BAD},
        {"a management record later", SPAN(BEGIN "\x01\x09\x00\x00\x00\x00\x00\x00"), RECORD_BAD},
        {"params without a beginning", SPAN(PARAMS_END), RECORD_BAD},
        {"a second beginning", SPAN(BEGIN BEGIN), RECORD_BAD},
        {"an abort", SPAN(BEGIN "\x01\x02\x00\x01\x00\x00\x00\x00"), RECORD_BAD},
        {"nothing", SPAN(""), RECORD_PARTIAL},
        {"half a header", SPAN("\x01\x01\x00"), RECORD_PARTIAL},
        {"the beginning", SPAN(BEGIN), RECORD_PARTIAL},
        {"the parameters", SPAN(BEGIN PARAMS PARAMS_END), RECORD_PARTIAL},
        {"half a body", SPAN(BEGIN PARAMS PARAMS_END STDIN_DATA), RECORD_PARTIAL},
        {"an empty body", SPAN(BEGIN PARAMS PARAMS_END STDIN_END), RECORD_WHOLE},
        {"a body", SPAN(BEGIN PARAMS PARAMS_END STDIN_DATA STDIN_END), RECORD_WHOLE},
        {"what follows", SPAN(BEGIN PARAMS PARAMS_END STDIN_END "xx"), RECORD_WHOLE},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        if (record_scan(rows[i].bytes) != rows[i].expected)
            fail_msg("%s", rows[i].what);
    }
}

static void scan_is_partial_at_every_cut(void **state)
{
    const struct span whole = SPAN(BEGIN PARAMS PARAMS_END STDIN_DATA STDIN_END);

    (void)state;
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(record_scan((struct span){whole.p, len}), RECORD_PARTIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_tells_whole_partial_and_bad_apart),
        cmocka_unit_test(scan_is_partial_at_every_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
