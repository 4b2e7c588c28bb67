/* SPDX-License-Identifier: MIT */
#include "relay/http/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *in;
    enum err e;
    const char *body;
    size_t rest; /* bytes that come after the body */
} rows[] = {
    {"\r\n", ERR_MALFORMED, "", 0},
    {";a\r\n", ERR_MALFORMED, "", 0},
    {"0x1\r\n", ERR_MALFORMED, "", 0},
    {"-1\r\n", ERR_MALFORMED, "", 0},
    {"+1\r\n", ERR_MALFORMED, "", 0},
    {" 1\r\n", ERR_MALFORMED, "", 0},
    {"1\n", ERR_MALFORMED, "", 0},
    {"1\rx", ERR_MALFORMED, "", 0},
    {"1;a\nb\r\n", ERR_MALFORMED, "", 0},
    {"1;a\x01\r\n", ERR_MALFORMED, "", 0},
    {"40000001\r\n", ERR_MALFORMED, "", 0},
    {"ffffffffffffffff1\r\n", ERR_MALFORMED, "", 0},
    {"1\r\nab\r\n", ERR_MALFORMED, "a", 0},
    {"1\r\na\n", ERR_MALFORMED, "a", 0},
    {"1\r\na\r\n\r\n", ERR_MALFORMED, "a", 0},
    {"0\r\n\n", ERR_MALFORMED, "", 0},
    {"0\r\nA: b\n\r\n", ERR_MALFORMED, "", 0},
    {"0\r\n\rx", ERR_MALFORMED, "", 0},
    {"", ERR_INCOMPLETE, "", 0},
    {"3\r\nab", ERR_INCOMPLETE, "ab", 0},
    {"3\r\nabc\r\n0\r\n", ERR_INCOMPLETE, "abc", 0},
    {"0\r\n\r\n", ERR_NONE, "", 0},
    {"000\r\n\r\nGET", ERR_NONE, "", 3},
    {"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0 ;z\r\n\r\n", ERR_NONE, "abc0123456789", 0},
    {"2\r\n\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\nPOST", ERR_NONE, "\r\nx", 4},
};

/* Decodes in place, `step` bytes at a time. */
static void check_row(size_t i, size_t step)
{
    struct chunked c = {0};
    char bytes[256];
    size_t len = strlen(rows[i].in), at = 0, used, written, total = 0;
    enum err e = ERR_INCOMPLETE;

    memcpy(bytes, rows[i].in, len);
    while (at < len && e == ERR_INCOMPLETE) {
        size_t n = len - at < step ? len - at : step;

        e = chunked_decode(&c, (struct span){bytes + at, n}, bytes + total, &used, &written);
        total += written;
        at += used;
    }
    if (e != rows[i].e || total != strlen(rows[i].body) || memcmp(bytes, rows[i].body, total) != 0)
        fail_msg("row %zu by %zu: %d, %zu bytes", i, step, (int)e, total);
    if (!e)
        assert_int_equal(len - at, rows[i].rest);
}

static void chunks_are_decoded_in_whatever_pieces_they_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t step = 1; step < 64; step++)
            check_row(i, step);
}

static void lines_and_trailers_are_bounded(void **state)
{
    static char bytes[2 * CHUNKED_TRAILER_MAX];
    struct chunked c = {0};
    size_t used, written;

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "1;", 2);
    assert_int_equal(
        chunked_decode(&c, (struct span){bytes, CHUNKED_LINE_MAX}, bytes, &used, &written),
        ERR_INCOMPLETE);
    assert_int_equal(chunked_decode(&c, SPAN("x"), bytes, &used, &written), ERR_MALFORMED);
    c = (struct chunked){0};
    assert_int_equal(chunked_decode(&c, SPAN("0\r\n"), bytes, &used, &written), ERR_INCOMPLETE);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(
        chunked_decode(&c, (struct span){bytes, CHUNKED_TRAILER_MAX}, bytes, &used, &written),
        ERR_INCOMPLETE);
    assert_int_equal(chunked_decode(&c, SPAN("x"), bytes, &used, &written), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_decoded_in_whatever_pieces_they_come),
        cmocka_unit_test(lines_and_trailers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
