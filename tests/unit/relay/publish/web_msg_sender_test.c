/* SPDX-License-Identifier: MIT */
#include "relay/publish/web_msg_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json; charset=utf-8"
#define MULTIPART "multipart/form-data; boundary=B"
#define PART(name, value)                                                                          \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void calls_are_read_from_every_type_of_body(void **state)
{
    static const struct {
        const char *type, *body;
        bool is_broken, is_empty;
        const char *call_type, *to, *content, *key;
    } rows[] = {
        {FORM, "", false, true, NULL, NULL, NULL, NULL},
        {FORM, "type=publish&to[]=x", true, false, NULL, NULL, NULL, NULL},
        {FORM, "type=publish&to[0]=x", true, false, NULL, NULL, NULL, NULL},
        {FORM, "type=publish&to[a][b]=x", true, false, NULL, NULL, NULL, NULL},
        {FORM, "type=publish&content[]=x", true, false, NULL, NULL, NULL, NULL},
        {FORM, "type[]=publish", true, false, NULL, NULL, NULL, NULL},
        {FORM, "type=publish&key[]=x", true, false, NULL, NULL, NULL, NULL},
        {FORM, "type=publish&to=%zz", true, false, NULL, NULL, NULL, NULL},
        {JSON, "{", true, true, NULL, NULL, NULL, NULL},
        {JSON, "[]", true, true, NULL, NULL, NULL, NULL},
        {JSON, "{\"type\":\"publish\",\"to\":[\"x\"]}", true, false, NULL, NULL, NULL, NULL},
        {JSON, "{\"type\":\"publish\",\"content\":{}}", true, false, NULL, NULL, NULL, NULL},
        {JSON, "{\"type\":true}", true, false, NULL, NULL, NULL, NULL},
        {MULTIPART, "--B\r\nnonsense", true, true, NULL, NULL, NULL, NULL},
        {"multipart/form-data", "--B--", true, true, NULL, NULL, NULL, NULL},
        {MULTIPART, PART("type", "publish") PART("to[]", "x") "--B--\r\n", true, false, NULL, NULL,
         NULL, NULL},
        {FORM, "type=publish&to=4%202&content=a+b&other[]=x", false, false, "publish", "4 2", "a b",
         NULL},
        {FORM, "to=1&to=2&type=publish", false, false, "publish", "2", NULL, NULL},
        {"", "type=publish&key=k", false, false, "publish", NULL, NULL, "k"},
        {"text/plain", "type=publish&to=0", false, false, "publish", "0", NULL, NULL},
        {JSON, "{\"type\":\"publish\",\"to\":42,\"content\":\"\\u4f60\",\"x\":[]}", false, false,
         "publish", "42", "\xe4\xbd\xa0", NULL},
        {JSON, "{\"type\":\"publish\",\"to\":null}", false, false, "publish", NULL, NULL, NULL},
        {MULTIPART, PART("type", "publish") PART("to", "42") PART("content", "x") "--B--\r\n",
         false, false, "publish", "42", "x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *body = strdup(rows[i].body);
        struct web_msg_sender_call call;

        web_msg_sender_decode_body(span_of(rows[i].type), body, strlen(body), &call);
        if (call.is_broken != rows[i].is_broken || call.is_empty != rows[i].is_empty)
            fail_msg("%s", rows[i].body);
        if (!call.is_broken) {
            assert_true(span_equal(call.type, span_of(rows[i].call_type)));
            assert_true(span_equal(call.to, span_of(rows[i].to)));
            assert_true(span_equal(call.content, span_of(rows[i].content)));
            assert_true(span_equal(call.key, span_of(rows[i].key)));
        }
        web_msg_sender_deinit(&call);
        free(body);
    }
}

static void a_form_in_another_charset_becomes_utf8(void **state)
{
    static const struct {
        const char *type, *body;
        enum err e;
        const char *content, *to;
    } rows[] = {
        {FORM "; charset=utf-7", "type=publish&to=42&content=x", ERR_UNSUPPORTED, "x", "42"},
        {FORM, "content=x&_charset_=y&to=42", ERR_UNSUPPORTED, "x", "42"},
        {FORM "; charset=gbk", "content=%d6&to=42", ERR_INVALID, "\xd6", "42"},
        {MULTIPART "; charset=gbk", PART("to", "42") PART("content", "\xd6") "--B--", ERR_INVALID,
         "\xd6", "42"},
        {FORM "; charset=gbk", "content=%CF%B5%CD%B3&to=%D6%D0", ERR_NONE, "系统", "中"},
        {FORM, "content=%CF%B5%CD%B3&to=%D6%D0&_charset_=GBK", ERR_NONE, "系统", "中"},
        {MULTIPART "; charset=gb2312",
         PART("content", "\xcf\xb5\xcd\xb3") PART("to", "\xd6\xd0") "--B--", ERR_NONE, "系统",
         "中"},
        {MULTIPART,
         "--B\r\nContent-Type: text/plain; charset=gbk\r\nContent-Disposition: form-data; "
         "name=content\r\n\r\n\xcf\xb5\xcd\xb3\r\n" PART("to", "中") "--B--",
         ERR_NONE, "系统", "中"},
        /* As ever: what nobody names is as it came, and so is what is said of no form. */
        {FORM, "content=%CF%B5&to=1", ERR_NONE, "\xcf\xb5", "1"},
        {FORM "; charset=utf-8", "content=%CF%B5&to=1", ERR_NONE, "\xcf\xb5", "1"},
        {FORM ";utf-8", "content=x&to=1", ERR_NONE, "x", "1"},
        {"text/plain; charset=gbk", "content=%CF%B5&to=1", ERR_NONE, "\xcf\xb5", "1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *body = strdup(rows[i].body);
        struct web_msg_sender_call call;

        web_msg_sender_decode_body(span_of(rows[i].type), body, strlen(body), &call);
        if (call.is_broken || call.charset_error != rows[i].e ||
            !span_equal(call.content, span_of(rows[i].content)) ||
            !span_equal(call.to, span_of(rows[i].to)))
            fail_msg("%s: %s", rows[i].type, rows[i].body);
        web_msg_sender_deinit(&call);
        free(body);
    }
}

static void a_query_has_no_key(void **state)
{
    char query[] = "type=publish&to=42&key=secret";
    struct web_msg_sender_call call;

    (void)state;
    web_msg_sender_decode_query(query, sizeof(query) - 1, &call);
    assert_true(span_equal(call.to, SPAN("42")));
    assert_int_equal(call.key.len, 0);
    assert_false(call.is_empty);
    web_msg_sender_deinit(&call);
    web_msg_sender_decode_query(query, 0, &call);
    assert_true(call.is_empty);
}

static void too_many_fields_break_the_call(void **state)
{
    char body[4 * (WEB_MSG_SENDER_FIELDS_MAX + 1)];
    struct web_msg_sender_call call;

    (void)state;
    for (size_t i = 0; i <= WEB_MSG_SENDER_FIELDS_MAX; i++)
        memcpy(body + 4 * i, "a=b&", 4);
    web_msg_sender_decode_body(SPAN(FORM), body, sizeof(body), &call);
    assert_true(call.is_broken);
    web_msg_sender_deinit(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_read_from_every_type_of_body),
        cmocka_unit_test(a_form_in_another_charset_becomes_utf8),
        cmocka_unit_test(a_query_has_no_key),
        cmocka_unit_test(too_many_fields_break_the_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
