/* SPDX-License-Identifier: MIT */
#include "common/text/charset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Decodes into `scratch`; ERR_UNSUPPORTED for a charset that is not known. */
static enum err decode(const char *label, struct span text, struct buf *scratch, struct span *out)
{
    struct charset c;
    enum err e = charset_open(&c, span_of(label));

    if (e)
        return e;
    e = charset_decode(&c, text, scratch, out);
    charset_close(&c);
    return e;
}

static void unknown_charset_is_refused(void **state)
{
    static const char *const rows[] = {
        "x",           "utf-7",       "utf-16",     "utf-16le",      "ucs-2",
        "utf-32",      "iso-2022-jp", "hz-gb-2312", "gbk//translit", "gbk\n",
        "/etc/passwd", "../gbk",      "gb",         "gbkk",          "ebcdic-us",
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct charset c;

        if (charset_open(&c, span_of(rows[i])) != ERR_UNSUPPORTED)
            fail_msg("%s", rows[i]);
    }
}

static const struct {
    const char *label, *text;
    enum err e;
    const char *expected;
} rows[] = {
    {"gbk", "\xcf", ERR_INVALID, NULL},
    {"gbk", "\xff\xff", ERR_INVALID, NULL},
    {"shift_jis", "\x80", ERR_INVALID, NULL},
    {"euc-kr", "\xff\xff", ERR_INVALID, NULL},
    {"windows-1252", "\x81", ERR_INVALID, NULL},
    {"utf-8", "\xcf\xb5\xcd", ERR_INVALID, NULL},
    {"", "\xff", ERR_INVALID, NULL},
    {"", "系统", ERR_NONE, "系统"},
    {" UTF8 ", "系统", ERR_NONE, "系统"},
    {"GBK", "\xcf\xb5\xcd\xb3\xcd\xa8\xd6\xaa", ERR_NONE, "系统通知"},
    {"gb2312", "\x80", ERR_INVALID, NULL},
    {"gb18030", "\x94\x39\xda\x33", ERR_NONE, "💩"},
    {"big5", "\xa8\x74\xb2\xce", ERR_NONE, "系統"},
    {"big5", "\x88\x62", ERR_NONE, "Ê̄"}, /* two characters */
    {"Shift_JIS", "\x83\x65\x83\x58\x83\x67\xb1", ERR_NONE, "テストｱ"},
    {"euc-jp", "\xa5\xc6", ERR_NONE, "テ"},
    {"euc-kr", "\xc7\xd1\xb1\xdb\x8c\x63", ERR_NONE, "한글똠"},
    {"iso-8859-1", "Gr\xfc\xdf\x65 \x80", ERR_NONE, "Grüße €"},
    {"iso-8859-15", "\xa4", ERR_NONE, "€"},
    {"iso-8859-5", "\xbc\xd8\xe0", ERR_NONE, "Мир"},
    {"windows-1251", "\xcc\xe8\xf0", ERR_NONE, "Мир"},
    {"koi8-r", "\xed\xc9\xd2", ERR_NONE, "Мир"},
    {"windows-1258", "a\xcc", ERR_NONE, "à"},
    {"windows-1258", "\xe2", ERR_NONE, "â"}, /* an accent could have followed */
};

static void text_becomes_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct span out = {NULL, 0};
        struct buf scratch;
        enum err e;

        buf_init(&scratch, CHARSET_GROWTH_MAX * strlen(rows[i].text));
        e = decode(rows[i].label, span_of(rows[i].text), &scratch, &out);
        if (e != rows[i].e || !span_equal(out, span_of(rows[i].expected)))
            fail_msg("%s, row %zu: %d %.*s", rows[i].label, i, (int)e, SPAN_ARGS(out));
        buf_deinit(&scratch);
    }
}

static void result_has_a_ceiling(void **state)
{
    struct span out = {NULL, 0};
    struct buf scratch;

    (void)state;
    buf_init(&scratch, 5);
    assert_int_equal(decode("gbk", SPAN("\xcf\xb5"), &scratch, &out), ERR_TOO_BIG);
    assert_null(out.p);
    buf_deinit(&scratch);
}

/* What is ASCII alone is not converted, and the delimiters of forms are found before. */
static void every_charset_agrees_with_ascii(void **state)
{
    static const char *const labels[] = {
        "gbk",          "gb18030",      "big5",         "shift_jis",    "euc-jp",
        "euc-kr",       "iso-8859-1",   "iso-8859-2",   "iso-8859-3",   "iso-8859-4",
        "iso-8859-5",   "iso-8859-6",   "iso-8859-7",   "iso-8859-8",   "iso-8859-9",
        "iso-8859-10",  "iso-8859-11",  "iso-8859-13",  "iso-8859-14",  "iso-8859-15",
        "iso-8859-16",  "windows-874",  "windows-1250", "windows-1251", "windows-1252",
        "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257",
        "windows-1258", "koi8-r",       "koi8-u",
    };

    (void)state;
    for (size_t i = 0; i < ROWS(labels); i++) {
        struct charset c;

        assert_int_equal(charset_open(&c, span_of(labels[i])), ERR_NONE);
        for (int byte = 0; byte < 0x80; byte++) {
            char in = (char)byte, out[8] = "";
            char *from = &in, *to = out;
            size_t left = 1, room = sizeof(out);

            (void)iconv(c.converter, &from, &left, &to, &room);
            (void)iconv(c.converter, NULL, NULL, &to, &room);
            if (to != out + 1 || out[0] != in)
                fail_msg("%s makes %s of %d", labels[i], out, byte);
        }
        charset_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_charset_is_refused),
        cmocka_unit_test(text_becomes_utf8),
        cmocka_unit_test(result_has_a_ceiling),
        cmocka_unit_test(every_charset_agrees_with_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
