/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=x"
#define PART(name, value)                                                                          \
    "--x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static const struct {
    const char *type, *text;
    enum err e;
    const char *fault; /* a part of it */
} bad_rows[] = {
    {"text/plain", "a", ERR_UNSUPPORTED, "must be JSON"},
    {"application/xml", "<a/>", ERR_UNSUPPORTED, "must be JSON"},
    {"multipart/form-data", "a", ERR_MALFORMED, "malformed"},
    {JSON, "{", ERR_MALFORMED, "not JSON"},
    {JSON, "{} x", ERR_MALFORMED, "not JSON"},
    {JSON, "{\"a\":\"\xff\"}", ERR_MALFORMED, "not JSON"},
    {JSON, "[]", ERR_MALFORMED, "must be a JSON object"},
    {JSON, "null", ERR_MALFORMED, "must be a JSON object"},
    {JSON, "\"a\"", ERR_MALFORMED, "must be a JSON object"},
    {FORM, "a=%", ERR_MALFORMED, "malformed"},
    {FORM, "a=%ff", ERR_MALFORMED, "not UTF-8"},
    {FORM, "%ff=a", ERR_MALFORMED, "not UTF-8"},
    {FORM, "a[b]=1", ERR_INVALID, "bracket"},
    {FORM, "a[][b]=1", ERR_INVALID, "bracket"},
    {FORM, "a=1&a=2", ERR_INVALID, "\"a\" is given twice"},
    {FORM, "a=1&a[]=2", ERR_INVALID, "\"a\" is given twice"},
    {FORM, "a[]=1&a=2", ERR_INVALID, "\"a\" is given twice"},
    {FORM, "a%00b=1", ERR_INVALID, "a field is unknown"},
    {MULTIPART, PART("a", "1") PART("a", "2") "--x--", ERR_INVALID, "twice"},
    {MULTIPART, PART("a", "1"), ERR_MALFORMED, "malformed"},
    {JSON "; charset=gbk", "{}", ERR_UNSUPPORTED, "JSON is UTF-8"},
    {FORM "; charset=utf-7", "a=1", ERR_UNSUPPORTED, "send UTF-8, or one of"},
    {FORM "; charset=utf-16", "a=1", ERR_UNSUPPORTED, "1250 to 1258"},
    {FORM "; charset=gbk//IGNORE", "a=1", ERR_UNSUPPORTED, "charset"},
    {FORM "; charset=../x", "a=1", ERR_UNSUPPORTED, "charset"},
    {FORM "; charset=gbk; charset=gbk", "a=1", ERR_MALFORMED, "malformed"},
    {FORM "; charset=gbk", "a=%d6", ERR_INVALID, "\"a\" has bytes that its charset"},
    {FORM "; charset=gbk", "a=%ff%ff", ERR_INVALID, "\"a\" has bytes"},
    {FORM "; charset=windows-1252", "a=%81", ERR_INVALID, "\"a\" has bytes"},
    {FORM "; charset=gbk", "%d6%d0=1", ERR_MALFORMED, "name of a field"},
    {FORM "; charset=utf-8", "a=%d6%d0", ERR_MALFORMED, "name that in Content-Type"},
    {FORM, "_charset_=gbk&_charset_=gbk", ERR_INVALID, "\"_charset_\" is given twice"},
    {FORM, "a=%d6&_charset_=gbk", ERR_INVALID, "\"a\" has bytes"},
    {FORM, "a=%d6%d0&_charset_[]=gbk", ERR_MALFORMED, "not UTF-8"},
    {FORM, "a=%d6%d0&_charset_=%zz", ERR_MALFORMED, "not UTF-8"},
    {FORM, "a=1&_charset_=%zz", ERR_MALFORMED, "malformed"},
    {FORM, "_charset_=ucs-2", ERR_UNSUPPORTED, "charset"},
    {FORM,
     "a=1&_charset_=gbk1234567890123456789012345678901234567890123456789012345678901234567890",
     ERR_UNSUPPORTED, "charset"},
    {MULTIPART, PART("a", "1") PART("_charset_", "x") "--x--", ERR_UNSUPPORTED, "charset"},
    {MULTIPART, PART("a", "\xd6\xd0") PART("_charset_", "gbk"), ERR_MALFORMED, "not UTF-8"},
    {MULTIPART,
     "--x\r\nContent-Type: text/plain; charset=x\r\nContent-Disposition: form-data; "
     "name=a\r\n\r\n1\r\n"
     "--x--",
     ERR_UNSUPPORTED, "charset"},
};

/* Decodes a copy; the caller deinits the body and frees the copy. */
static enum err decode(struct body *b, const char *type, const char *text, char **copy)
{
    *copy = strdup(text);
    return body_decode(b, span_of(type), *copy, strlen(text));
}

static void bad_body_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(bad_rows); i++) {
        struct body b;
        char *copy;

        if (decode(&b, bad_rows[i].type, bad_rows[i].text, &copy) != bad_rows[i].e ||
            !strstr(b.fault, bad_rows[i].fault))
            fail_msg("%s: %s", bad_rows[i].text, b.fault);
        body_deinit(&b);
        free(copy);
    }
}

static void empty_body_has_no_fields_whatever_its_type(void **state)
{
    struct body b;
    char nothing[] = "";

    (void)state;
    assert_int_equal(body_decode(&b, SPAN("image/png"), nothing, 0), ERR_NONE);
    assert_null(body_find(&b, "a"));
    assert_false(body_has(&b, "a"));
    assert_int_equal(body_only(&b, NULL, 0), ERR_NONE);
    body_deinit(&b);
}

static void three_types_mean_the_same(void **state)
{
    static const struct {
        const char *type, *text;
    } rows[] = {
        {JSON, "{\"to\":[\"4\",\"5\"],\"n\":7,\"ok\":true,\"extra\":{\"a\":[1]},\"t\":\"x\\ny\"}"},
        {"Application/JSON; charset=utf-8",
         "{\"to\":[4,5],\"n\":7,\"ok\":true,\"extra\":{\"a\":[1]},\"t\":\"x\\ny\"}"},
        {FORM, "to[]=4&to[]=5&n=7&ok=1&extra=%7B%22a%22%3A%5B1%5D%7D&t=x%0Ay"},
        {FORM, "to%5B0%5D=4&to%5B1%5D=5&n=7&ok=true&extra=%7B%22a%22:[1]%7D&t=x%0Ay"},
        {MULTIPART, PART("to[]", "4") PART("to[]", "5") PART("n", "7") PART("ok", "1")
                        PART("extra", "{\"a\": [1]}") PART("t", "x\ny") "--x--\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct body b;
        struct buf users;
        struct span extra = {NULL, 0}, text = {NULL, 0};
        int64_t n = 0;
        bool ok = false;
        char *copy;

        buf_init(&users, 100);
        assert_int_equal(decode(&b, rows[i].type, rows[i].text, &copy), ERR_NONE);
        assert_int_equal(body_users(&b, "to", &users), ERR_NONE);
        assert_string_equal(users.data, "{\"4\",\"5\"}");
        assert_int_equal(body_int(&b, "n", 0, 10, &n), ERR_NONE);
        assert_int_equal(n, 7);
        assert_int_equal(body_bool(&b, "ok", &ok), ERR_NONE);
        assert_true(ok);
        assert_int_equal(body_object(&b, "extra", 20, &extra), ERR_NONE);
        assert_true(span_equal(extra, SPAN("{\"a\":[1]}")));
        assert_int_equal(body_text(&b, "t", 3, BODY_TEXT, &text), ERR_NONE);
        assert_true(span_equal(text, SPAN("x\ny")));
        buf_deinit(&users);
        body_deinit(&b);
        free(copy);
    }
}

static void form_in_another_charset_becomes_utf8(void **state)
{
    static const struct {
        const char *type, *text;
    } rows[] = {
        {FORM "; charset=GBK", "f=%CF%B5%CD%B3"},
        {FORM "; charset=\"gb2312\"", "f=\xcf\xb5\xcd\xb3"},
        {FORM, "_charset_=gb18030&f=%CF%B5%CD%B3"},
        {FORM "; charset=big5", "_charset_=gbk&f=%CF%B5%CD%B3"},
        {FORM "; charset=Big5", "f=%A8t%B2%CE"}, /* another character, of the same meaning */
        {FORM, "f=%CF%B5%CD%B3&_charset_=gbk"},
        {FORM "; charset=big5", "&&f=%CF%B5%CD%B3&%5fcharset%5F=g%62k&"},
        {FORM "; charset=gbk", "f=%CF%B5%CD%B3&_charset_="},
        {MULTIPART, PART("f", "\xcf\xb5\xcd\xb3") PART("_charset_", "gbk") "--x--"},
        {MULTIPART "; charset=gbk", PART("f", "\xcf\xb5\xcd\xb3") "--x--"},
        {MULTIPART, PART("_charset_", "gbk") PART("f", "\xcf\xb5\xcd\xb3") "--x--"},
        {MULTIPART "; charset=big5",
         "--x\r\nContent-Type: text/plain; charset=gbk\r\nContent-Disposition: form-data; "
         "name=f\r\n\r\n\xcf\xb5\xcd\xb3\r\n--x--"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct span text = {NULL, 0};
        const char *const only[] = {"f"};
        struct body b;
        char *copy;

        assert_int_equal(decode(&b, rows[i].type, rows[i].text, &copy), ERR_NONE);
        assert_int_equal(body_only(&b, only, 1), ERR_NONE);
        assert_int_equal(body_text(&b, "f", 6, BODY_LINE, &text), ERR_NONE);
        if (!span_equal(text, i == 4 ? SPAN("系統") : SPAN("系统")))
            fail_msg("%s: %.*s", rows[i].type, SPAN_ARGS(text));
        body_deinit(&b);
        free(copy);
    }
}

static void what_php_makes_of_arrays_and_numbers_is_read(void **state)
{
    struct span text = {NULL, 0}, extra = {NULL, 0};
    struct buf users;
    struct body b;
    char *copy;

    (void)state;
    buf_init(&users, 100);
    assert_int_equal(
        decode(&b, JSON,
               "{\"to\":{\"0\":\"b\",\"2\":\"a\",\"9\":7},\"id\":9223372036854775807,\"extra\":[]}",
               &copy),
        ERR_NONE);
    assert_int_equal(body_users(&b, "to", &users), ERR_NONE);
    assert_string_equal(users.data, "{\"b\",\"a\",\"7\"}");
    assert_int_equal(body_count(&b, "to"), 3);
    assert_int_equal(body_text(&b, "id", 19, BODY_NAME, &text), ERR_NONE);
    assert_true(span_equal(text, SPAN("9223372036854775807")));
    assert_int_equal(body_object(&b, "extra", 2, &extra), ERR_NONE);
    assert_true(span_equal(extra, SPAN("{}")));
    buf_deinit(&users);
    body_deinit(&b);
    free(copy);
}

enum reader { NAME, TEXT, LINE, INT, BOOL, OBJECT, USER, IDS, USERS };

static enum err read_field(struct body *b, enum reader reader)
{
    struct span text = {NULL, 0};
    struct buf out;
    int64_t n = 0;
    bool ok = false;
    enum err e = ERR_COUNT;

    buf_init(&out, 1000);
    switch (reader) {
    case NAME:
        e = body_text(b, "f", 20, BODY_NAME, &text);
        break;
    case TEXT:
        e = body_text(b, "f", 5, BODY_TEXT, &text);
        break;
    case LINE:
        e = body_text(b, "f", 5, BODY_LINE, &text);
        break;
    case INT:
        e = body_int(b, "f", -5, 5, &n);
        break;
    case BOOL:
        e = body_bool(b, "f", &ok);
        break;
    case OBJECT:
        e = body_object(b, "f", 12, &text);
        break;
    case USER:
        e = body_user(b, "f", &out);
        break;
    case IDS:
        e = body_ids(b, "f", &out);
        break;
    case USERS:
        e = body_users(b, "f", &out);
        break;
    }
    buf_deinit(&out);
    return e;
}

static const struct {
    enum reader reader;
    const char *type, *text;
    enum err e;
} field_rows[] = {
    {NAME, JSON, "{\"f\":1.5}", ERR_INVALID},
    {NAME, JSON, "{\"f\":true}", ERR_INVALID},
    {NAME, JSON, "{\"f\":[1]}", ERR_INVALID},
    {NAME, JSON, "{\"f\":\"a\\n\"}", ERR_INVALID},
    {NAME, JSON, "{\"f\":-7}", ERR_NONE},
    {LINE, JSON, "{\"f\":\"通知通知通x\"}", ERR_INVALID},
    {LINE, JSON, "{\"f\":\"通知通知🔔\"}", ERR_NONE},
    {TEXT, JSON, "{\"f\":\"通知\"}", ERR_INVALID},
    {LINE, JSON, "{\"f\":1}", ERR_INVALID},
    {LINE, JSON, "{\"f\":[\"a\"]}", ERR_INVALID},
    {LINE, JSON, "{\"f\":\"123456\"}", ERR_INVALID},
    {LINE, JSON, "{\"f\":\"a\\nb\"}", ERR_INVALID},
    {LINE, JSON, "{\"f\":\"a\\u0000\"}", ERR_INVALID},
    {LINE, FORM, "f[]=a", ERR_INVALID},
    {LINE, FORM, "f=a%00", ERR_INVALID},
    {TEXT, JSON, "{\"f\":\"a\\u0001\"}", ERR_INVALID},
    {TEXT, JSON, "{\"f\":\"a\\u0000\"}", ERR_INVALID},
    {TEXT, JSON, "{\"f\":\"\\t\\r\\n\"}", ERR_NONE},
    {LINE, JSON, "{\"f\":null}", ERR_NONE},
    {LINE, JSON, "{}", ERR_NONE},
    {LINE, JSON, "{\"f\":\"12345\"}", ERR_NONE},
    {INT, JSON, "{\"f\":\"5\"}", ERR_INVALID},
    {INT, JSON, "{\"f\":1.0}", ERR_INVALID},
    {INT, JSON, "{\"f\":true}", ERR_INVALID},
    {INT, JSON, "{\"f\":6}", ERR_INVALID},
    {INT, JSON, "{\"f\":-6}", ERR_INVALID},
    {INT, FORM, "f=5x", ERR_INVALID},
    {INT, FORM, "f=6", ERR_INVALID},
    {INT, FORM, "f=", ERR_NONE},
    {INT, FORM, "f=-5", ERR_NONE},
    {INT, JSON, "{\"f\":5}", ERR_NONE},
    {BOOL, JSON, "{\"f\":1}", ERR_INVALID},
    {BOOL, JSON, "{\"f\":\"true\"}", ERR_INVALID},
    {BOOL, FORM, "f=yes", ERR_INVALID},
    {BOOL, FORM, "f=TRUE", ERR_INVALID},
    {BOOL, FORM, "f=0", ERR_NONE},
    {BOOL, FORM, "f=false", ERR_NONE},
    {BOOL, JSON, "{\"f\":false}", ERR_NONE},
    {OBJECT, JSON, "{\"f\":[1]}", ERR_INVALID},
    {OBJECT, JSON, "{\"f\":[]}", ERR_NONE},
    {OBJECT, JSON, "{\"f\":\"{}\"}", ERR_INVALID},
    {OBJECT, JSON, "{\"f\":{\"a\":\"123456789\"}}", ERR_INVALID},
    {OBJECT, JSON, "{\"f\":{\"a\":\"\\u0000\"}}", ERR_INVALID},
    {OBJECT, FORM, "f={", ERR_INVALID},
    {OBJECT, FORM, "f=[]", ERR_NONE},
    {OBJECT, FORM, "f=[0]", ERR_INVALID},
    {OBJECT, FORM, "f=null", ERR_INVALID},
    {OBJECT, FORM, "f[]={}", ERR_INVALID},
    {OBJECT, JSON, "{\"f\":{\"\\\\u0000\":1}}", ERR_INVALID},
    {OBJECT, JSON, "{\"f\":{\"\\\\u0\":1}}", ERR_NONE},
    {OBJECT, FORM, "f={}", ERR_NONE},
    {USER, JSON, "{}", ERR_INVALID},
    {USER, JSON, "{\"f\":\"\"}", ERR_INVALID},
    {USER, JSON, "{\"f\":\"*\"}", ERR_INVALID},
    {USER, JSON, "{\"f\":1.5}", ERR_INVALID},
    {USER, JSON, "{\"f\":true}", ERR_INVALID},
    {USER, JSON, "{\"f\":[\"a\"]}", ERR_INVALID},
    {USER, JSON, "{\"f\":-9223372036854775808}", ERR_NONE},
    {USER, FORM, "f=42", ERR_NONE},
    {IDS, JSON, "{}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{}}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{\"a\":1}}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{\"0\":1,\"a\":1}}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{\"00\":1}}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{\"-1\":1}}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{\"\":1}}", ERR_INVALID},
    {IDS, JSON, "{\"f\":{\"0\":\"x\"}}", ERR_INVALID},
    {USERS, JSON, "{\"f\":{\"0\":null}}", ERR_MALFORMED},
    {USERS, JSON, "{\"f\":{\"0\":\"a\",\"2\":\"b\",\"17\":3}}", ERR_NONE},
    {IDS, JSON, "{\"f\":{\"3\":1}}", ERR_NONE},
    {IDS, JSON, "{\"f\":1}", ERR_INVALID},
    {IDS, JSON, "{\"f\":[\"1\"]}", ERR_INVALID},
    {IDS, JSON, "{\"f\":[null]}", ERR_INVALID},
    {IDS, FORM, "f=1", ERR_INVALID},
    {IDS, FORM, "f[]=x", ERR_INVALID},
    {IDS, JSON, "{\"f\":[]}", ERR_NONE},
    {IDS, FORM, "f[]=1&f[]=2", ERR_NONE},
    {USERS, JSON, "{\"f\":\"a\"}", ERR_INVALID},
    {USERS, JSON, "{\"f\":[\"\"]}", ERR_MALFORMED},
    {USERS, JSON, "{\"f\":[\"a\",\"*\"]}", ERR_MALFORMED},
    {USERS, JSON, "{\"f\":[null]}", ERR_MALFORMED},
    {USERS, JSON, "{\"f\":[[\"a\"]]}", ERR_MALFORMED},
    {USERS, FORM, "f[]=", ERR_MALFORMED},
    {USERS, JSON, "{\"f\":[]}", ERR_NONE},
    {USERS, JSON, "{\"f\":[1,\"b\"]}", ERR_NONE},
};

static void fields_are_read_by_type_and_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(field_rows); i++) {
        struct body b;
        char *copy;

        assert_int_equal(decode(&b, field_rows[i].type, field_rows[i].text, &copy), ERR_NONE);
        if (read_field(&b, field_rows[i].reader) != field_rows[i].e)
            fail_msg("row %zu: %s", i, field_rows[i].text);
        if (field_rows[i].e && !strstr(b.fault, "\"f\""))
            fail_msg("row %zu: %s", i, b.fault);
        body_deinit(&b);
        free(copy);
    }
}

static void unknown_fields_are_named_if_that_is_harmless(void **state)
{
    static const char *const names[] = {"known"};
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"{\"known\":1,\"knwon\":2}", "field \"knwon\" is unknown"},
        {"{\"\\u0001\":2}", "a field is unknown"},
        {"{\"\":2}", "a field is unknown"},
        {"{\"\xc3\xbc\":2}", "a field is unknown"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct body b;
        char *copy;

        assert_int_equal(decode(&b, JSON, rows[i].text, &copy), ERR_NONE);
        assert_int_equal(body_only(&b, names, 1), ERR_INVALID);
        assert_string_equal(b.fault, rows[i].fault);
        body_deinit(&b);
        free(copy);
    }
}

static void list_over_the_limit_is_refused(void **state)
{
    const size_t size = 2 * (BODY_LIST_MAX + 1) + 16;
    char *text = malloc(size);
    struct body b;
    struct buf out;
    size_t len;

    (void)state;
    assert_non_null(text);
    len = (size_t)snprintf(text, size, "{\"f\":[0");
    for (int i = 0; i < BODY_LIST_MAX; i++) {
        memcpy(text + len, ",0", 2);
        len += 2;
    }
    memcpy(text + len, "]}", 2);
    buf_init(&out, 1 << 20);
    assert_int_equal(body_decode(&b, SPAN(JSON), text, len + 2), ERR_NONE);
    assert_int_equal(body_ids(&b, "f", &out), ERR_INVALID);
    assert_int_equal(body_users(&b, "f", &out), ERR_INVALID);
    body_deinit(&b);
    buf_deinit(&out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_body_is_refused_with_a_reason),
        cmocka_unit_test(empty_body_has_no_fields_whatever_its_type),
        cmocka_unit_test(three_types_mean_the_same),
        cmocka_unit_test(what_php_makes_of_arrays_and_numbers_is_read),
        cmocka_unit_test(form_in_another_charset_becomes_utf8),
        cmocka_unit_test(fields_are_read_by_type_and_refused_by_name),
        cmocka_unit_test(unknown_fields_are_named_if_that_is_harmless),
        cmocka_unit_test(list_over_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
