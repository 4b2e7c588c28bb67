/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/fcgi_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/bytes/buf.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define BEGIN "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00"
#define PARAMS "\x01\x04\x00\x01\x00\x04\x04\x00\x01\x01XY\x00\x00\x00\x00"
#define PARAMS_END "\x01\x04\x00\x01\x00\x00\x00\x00"
#define STDIN_DATA "\x01\x05\x00\x01\x00\x02\x00\x00hi"
#define STDIN_END "\x01\x05\x00\x01\x00\x00\x00\x00"
#define WHOLE BEGIN PARAMS PARAMS_END STDIN_DATA STDIN_END
/* PARAMS of fewer than 256 bytes, and all that is wanted of them */
#define PAIRS(len, bytes) BEGIN "\x01\x04\x00\x01\x00" len "\x00\x00" bytes

static enum err parse(struct span bytes, size_t *used, const char **fault)
{
    struct fcgi_parser p;
    enum err e;

    fcgi_parser_init(&p);
    e = fcgi_parser_feed(&p, bytes, used);
    *fault = p.fault;
    return e;
}

static void feed_tells_whole_partial_and_bad_apart(void **state)
{
    const struct {
        const char *what;
        struct span bytes;
        enum err expected;
    } rows[] = {
        {"another protocol", SPAN("GET / HTTP/1.1\r\n\r\n"), ERR_MALFORMED},
        {"another version", SPAN("\x02\x01\x00\x01\x00\x08\x00\x00"), ERR_MALFORMED},
        {"no request id", SPAN("\x01\x01\x00\x00\x00\x08\x00\x00"), ERR_MALFORMED},
        {"a management record first", SPAN("\x01\x09\x00\x00\x00\x00\x00\x00"), ERR_MALFORMED},
        {"one later", SPAN(BEGIN "\x01\x09\x00\x00\x00\x00\x00\x00"), ERR_MALFORMED},
        {"one in a body", SPAN(BEGIN PARAMS_END STDIN_DATA "\x01\x09\x00\x00\x00\x00\x00\x00"),
         ERR_MALFORMED},
        {"a short beginning", SPAN("\x01\x01\x00\x01\x00\x07\x00\x00"), ERR_MALFORMED},
        {"an empty beginning", SPAN("\x01\x01\x00\x01\x00\x00\x00\x00"), ERR_MALFORMED},
        {"a long beginning", SPAN("\x01\x01\x00\x01\x01\x08\x00\x00"), ERR_MALFORMED},
        {"an authorizer's role",
         SPAN("\x01\x01\x00\x01\x00\x08\x00\x00\x00\x02\x01\x00\x00\x00\x00\x00"), ERR_MALFORMED},
        {"params without a beginning", SPAN(PARAMS_END), ERR_MALFORMED},
        {"a second beginning", SPAN(BEGIN BEGIN), ERR_MALFORMED},
        {"a second beginning in the body", SPAN(BEGIN PARAMS_END BEGIN), ERR_MALFORMED},
        {"an abort", SPAN(BEGIN "\x01\x02\x00\x01\x00\x00\x00\x00"), ERR_MALFORMED},
        {"a body before the parameters' end", SPAN(BEGIN PARAMS STDIN_END), ERR_MALFORMED},
        {"parameters after their end", SPAN(BEGIN PARAMS_END PARAMS), ERR_MALFORMED},
        {"another request's parameters", SPAN(BEGIN "\x01\x04\x00\x02\x00\x00\x00\x00"),
         ERR_MALFORMED},
        {"another request's body", SPAN(BEGIN PARAMS_END "\x01\x05\x01\x01\x00\x00\x00\x00"),
         ERR_MALFORMED},
        {"an end within a name's length", SPAN(PAIRS("\x01", "\x80") PARAMS_END), ERR_MALFORMED},
        {"an end before a value's length", SPAN(PAIRS("\x01", "\x01") PARAMS_END), ERR_MALFORMED},
        {"an end within a name", SPAN(PAIRS("\x03", "\x02\x01X") PARAMS_END), ERR_MALFORMED},
        {"an end within a value", SPAN(PAIRS("\x04", "\x01\x02XY") PARAMS_END), ERR_MALFORMED},
        {"a NUL in a name", SPAN(PAIRS("\x04", "\x01\x01\x00Y")), ERR_MALFORMED},
        {"a NUL in a value", SPAN(PAIRS("\x04", "\x01\x01X\x00")), ERR_MALFORMED},
        {"a = in a name", SPAN(PAIRS("\x04", "\x01\x01=Y")), ERR_MALFORMED},
        {"a name of 2 GiB", SPAN(PAIRS("\x05", "\xff\xff\xff\xfe\x01")), ERR_TOO_BIG},
        {"a value of 2 GiB", SPAN(PAIRS("\x05", "\x01\xff\xff\xff\xfe")), ERR_TOO_BIG},
        {"two of 1 GiB", SPAN(PAIRS("\x08", "\xc0\x00\x00\x00\xc0\x00\x00\x00")), ERR_TOO_BIG},
        {"two that are too long together", SPAN(PAIRS("\x08", "\x80\x00\x80\x00\x80\x00\x80\x00")),
         ERR_TOO_BIG},
        {"nothing", SPAN(""), ERR_INCOMPLETE},
        {"half a header", SPAN("\x01\x01\x00"), ERR_INCOMPLETE},
        {"the beginning", SPAN(BEGIN), ERR_INCOMPLETE},
        {"the parameters", SPAN(BEGIN PARAMS PARAMS_END), ERR_INCOMPLETE},
        {"half a body", SPAN(BEGIN PARAMS PARAMS_END STDIN_DATA), ERR_INCOMPLETE},
        {"the end without its padding", SPAN(BEGIN PARAMS_END "\x01\x05\x00\x01\x00\x00\x02\x00x"),
         ERR_INCOMPLETE},
        {"an empty body", SPAN(BEGIN PARAMS PARAMS_END STDIN_END), ERR_NONE},
        {"no parameters", SPAN(BEGIN PARAMS_END STDIN_END), ERR_NONE},
        {"a body", SPAN(WHOLE), ERR_NONE},
        {"a = in a value", SPAN(PAIRS("\x04", "\x01\x01X=") PARAMS_END STDIN_END), ERR_NONE},
        {"an empty value", SPAN(PAIRS("\x03", "\x01\x00X") PARAMS_END STDIN_END), ERR_NONE},
        {"an empty name", SPAN(PAIRS("\x03", "\x00\x01Y") PARAMS_END STDIN_END), ERR_NONE},
        {"an empty pair", SPAN(PAIRS("\x02", "\x00\x00") PARAMS_END STDIN_END), ERR_NONE},
        {"a long form of a short length",
         SPAN(PAIRS("\x07", "\x80\x00\x00\x01\x01XY") PARAMS_END STDIN_END), ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const char *fault;
        size_t used;

        if (parse(rows[i].bytes, &used, &fault) != rows[i].expected)
            fail_msg("%s", rows[i].what);
        if ((rows[i].expected == ERR_NONE || rows[i].expected == ERR_INCOMPLETE) == (fault != NULL))
            fail_msg("%s: fault", rows[i].what);
        if (used != (fault ? 0 : rows[i].bytes.len))
            fail_msg("%s: used", rows[i].what);
    }
}

static void feed_takes_nothing_beyond_the_request(void **state)
{
    const char *fault;
    size_t used;

    (void)state;
    assert_int_equal(parse(SPAN(WHOLE WHOLE), &used, &fault), ERR_NONE);
    assert_int_equal(used, SPAN(WHOLE).len);
}

static void feed_takes_any_cut(void **state)
{
    const struct span whole = SPAN(WHOLE);

    (void)state;
    for (size_t cut = 0; cut < whole.len; cut++) {
        struct fcgi_parser p;
        size_t used;

        fcgi_parser_init(&p);
        assert_int_equal(fcgi_parser_feed(&p, (struct span){whole.p, cut}, &used), ERR_INCOMPLETE);
        assert_int_equal(used, cut);
        assert_true(fcgi_parser_has_params(&p) == (cut >= SPAN(BEGIN PARAMS PARAMS_END).len));
        assert_int_equal(fcgi_parser_feed(&p, (struct span){whole.p + cut, whole.len - cut}, &used),
                         ERR_NONE);
        assert_int_equal(used, whole.len - cut);
    }
}

static void a_failure_stays(void **state)
{
    struct fcgi_parser p;
    size_t used;

    (void)state;
    fcgi_parser_init(&p);
    assert_int_equal(fcgi_parser_feed(&p, SPAN("x2345678"), &used), ERR_MALFORMED);
    assert_int_equal(fcgi_parser_feed(&p, SPAN(WHOLE), &used), ERR_MALFORMED);
    assert_int_equal(used, 0);
    assert_false(fcgi_parser_has_params(&p));
}

/* Feeds records of PARAMS that have `size` bytes of content each, the last one what is left. */
static enum err feed_params(struct span params, size_t size, unsigned char padding)
{
    struct fcgi_parser p;
    size_t used;
    enum err e;

    fcgi_parser_init(&p);
    e = fcgi_parser_feed(&p, SPAN(BEGIN), &used);
    while (params.len > 0 && e == ERR_INCOMPLETE) {
        size_t len = params.len < size ? params.len : size;
        const unsigned char head[] = {
            1, 4, 0, 1, (unsigned char)(len >> 8), (unsigned char)len, padding, 0};
        static const char zeros[255];

        e = fcgi_parser_feed(&p, (struct span){(const char *)head, sizeof(head)}, &used);
        if (e == ERR_INCOMPLETE)
            e = fcgi_parser_feed(&p, (struct span){params.p, len}, &used);
        if (e == ERR_INCOMPLETE)
            e = fcgi_parser_feed(&p, (struct span){zeros, padding}, &used);
        params.p += len;
        params.len -= len;
    }
    return e == ERR_INCOMPLETE ? fcgi_parser_feed(&p, SPAN(PARAMS_END STDIN_END), &used) : e;
}

/* `count` parameters; the last one makes all of them `len` bytes. Caller owns *out. */
static void make_params(size_t count, size_t len, struct buf *out)
{
    buf_init(out, len);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(buf_append(out, SPAN("\x01\x01XY")), ERR_NONE);
    len -= out->len + 6;
    assert_int_equal(buf_append(out, SPAN("\x01")), ERR_NONE);
    for (int shift = 24; shift >= 0; shift -= 8)
        assert_int_equal(
            buf_append_char(out, (char)((len >> shift & 0xff) | (shift == 24 ? 0x80 : 0))),
            ERR_NONE);
    assert_int_equal(buf_append(out, SPAN("Z")), ERR_NONE);
    for (; len > 0; len--)
        assert_int_equal(buf_append_char(out, 'z'), ERR_NONE);
}

static void parameters_have_limits(void **state)
{
    const struct {
        const char *what;
        size_t count, len, record;
        unsigned char padding;
        enum err expected;
    } rows[] = {
        {"the most", FCGI_PARAMS_COUNT_MAX, FCGI_PARAMS_MAX, 65535, 0, ERR_NONE},
        {"the most in small records", FCGI_PARAMS_COUNT_MAX, FCGI_PARAMS_MAX, 32, 7, ERR_NONE},
        {"one more", FCGI_PARAMS_COUNT_MAX + 1, 4096, 65535, 0, ERR_TOO_BIG},
        {"a byte more", FCGI_PARAMS_COUNT_MAX, FCGI_PARAMS_MAX + 1, 65535, 0, ERR_TOO_BIG},
        {"a byte more in pieces", 1, FCGI_PARAMS_MAX + 1, 1000, 0, ERR_TOO_BIG},
        {"records of one byte", 1, FCGI_PARAMS_MAX, 1, 0, ERR_TOO_BIG},
        {"records of padding", 1, FCGI_PARAMS_MAX, 100, 255, ERR_TOO_BIG},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf params;

        make_params(rows[i].count, rows[i].len, &params);
        if (feed_params(buf_span(&params), rows[i].record, rows[i].padding) != rows[i].expected)
            fail_msg("%s", rows[i].what);
        buf_deinit(&params);
    }
}

/* What libfcgi would allocate is known to fit before it sees the length. */
static void a_length_fails_at_its_last_byte(void **state)
{
    const struct span bytes = SPAN(PAIRS("\x08", "\x01\xff\xff\xff\xfe"));
    struct fcgi_parser p;
    size_t used;

    (void)state;
    fcgi_parser_init(&p);
    assert_int_equal(fcgi_parser_feed(&p, (struct span){bytes.p, bytes.len - 1}, &used),
                     ERR_INCOMPLETE);
    assert_int_equal(fcgi_parser_feed(&p, SPAN("\xfe"), &used), ERR_TOO_BIG);
    assert_int_equal(used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feed_tells_whole_partial_and_bad_apart),
        cmocka_unit_test(feed_takes_nothing_beyond_the_request),
        cmocka_unit_test(feed_takes_any_cut),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(parameters_have_limits),
        cmocka_unit_test(a_length_fails_at_its_last_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
