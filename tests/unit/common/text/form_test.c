/* SPDX-License-Identifier: MIT */
#include "common/text/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define MULTIPART SPAN("multipart/form-data; boundary=B")
#define PART(name, value)                                                                          \
    "--B\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" value "\r\n"

struct field {
    struct span name, value;
    enum form_suffix suffix;
};

/* The body of a test has a block of its own, so that a sanitizer sees its end. */
static char *copy_of(struct span body)
{
    char *copy = malloc(body.len + !body.len);

    assert_non_null(copy);
    memcpy(copy, body.p, body.len);
    return copy;
}

/* Decodes all: how it ended, and the first fields. */
static enum err decode(struct span type, struct span body, size_t fields_max,
                       void (*check)(const struct form_field *, size_t, const void *),
                       const void *context)
{
    char *bytes = copy_of(body);
    struct form_field field;
    struct form form;
    size_t n = 0;
    enum err e = form_init(&form, type, bytes, body.len, fields_max);

    while (!e && (e = form_next(&form, &field)) == ERR_NONE) {
        if (check)
            check(&field, n, context);
        n++;
    }
    if (e == ERR_END)
        assert_int_equal(form_next(&form, &field), ERR_END);
    free(bytes);
    return e;
}

static void check_field(const struct form_field *field, size_t n, const void *context)
{
    const struct field *expected = (const struct field *)context + n;

    assert_true(span_equal(field->name, expected->name));
    assert_true(span_equal(field->value, expected->value));
    assert_int_equal(field->suffix, expected->suffix);
}

static void init_refuses_types_it_does_not_speak(void **state)
{
    const struct {
        struct span type;
        enum err e;
    } rows[] = {
        {SPAN("text/plain"), ERR_UNSUPPORTED},
        {SPAN("application/json"), ERR_UNSUPPORTED},
        {SPAN("multipart/mixed; boundary=B"), ERR_UNSUPPORTED},
        {SPAN("multipart/form-dataX; boundary=B"), ERR_UNSUPPORTED},
        {SPAN("multipart/form-data"), ERR_MALFORMED},
        {SPAN("multipart/form-data;"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary="), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=\"\""), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=\"B"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=\"B\\"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=\"B\"x"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=\"B \""), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=B\r"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=\"B\0\""), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary=B; boundary=B"), ERR_MALFORMED},
        {SPAN("multipart/form-data; xboundary=B"), ERR_MALFORMED},
        {SPAN("multipart/form-data; boundary="
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
         ERR_MALFORMED},
        {SPAN("Multipart/Form-Data ; charset=utf-8; Boundary=\"B\""), ERR_END},
        {SPAN("multipart/form-data;boundary=B;"), ERR_END},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(decode(rows[i].type, SPAN("--B--"), 9, NULL, NULL), rows[i].e);
}

static void urlencoded_types_have_parameters_or_none_at_all(void **state)
{
    const struct span rows[] = {SPAN(""), SPAN(" "), SPAN("application/x-www-form-urlencoded"),
                                SPAN("Application/X-WWW-form-urlencoded; charset=UTF-8")};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(decode(rows[i], SPAN("a=b"), 9, NULL, NULL), ERR_END);
    assert_true(span_equal(form_media_type(SPAN(" text/html ;charset=x")), SPAN("text/html")));
    assert_int_equal(form_media_type(SPAN("")).len, 0);
}

static void urlencoded_refuses_bad_escapes(void **state)
{
    const struct span rows[] = {SPAN("a=%"), SPAN("a=%4"), SPAN("%zz=1"), SPAN("a=1&b=%0")};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(decode(SPAN(""), rows[i], 9, NULL, NULL), ERR_MALFORMED);
}

static void urlencoded_gives_names_and_values(void **state)
{
    const struct field fields[] = {
        {SPAN("a b"), SPAN("c&d=e+"), FORM_PLAIN}, {SPAN("to"), SPAN("1"), FORM_ELEMENT},
        {SPAN("to"), SPAN("2"), FORM_ELEMENT},     {SPAN("flag"), SPAN(""), FORM_PLAIN},
        {SPAN(""), SPAN("x"), FORM_PLAIN},         {SPAN("n"), SPAN("\0\xff"), FORM_PLAIN},
        {SPAN("e"), SPAN("a=b"), FORM_PLAIN},
    };

    (void)state;
    assert_int_equal(decode(SPAN(""),
                            SPAN("&&a+b=c%26d%3de%2B&to%5B%5D=1&to[7]=2&flag&=x&n=%00%ff&&e=a=b&"),
                            7, check_field, fields),
                     ERR_END);
    assert_int_equal(decode(SPAN(""), SPAN(""), 0, NULL, NULL), ERR_END);
    assert_int_equal(decode(SPAN(""), SPAN("&&&"), 0, NULL, NULL), ERR_END);
}

static void names_have_the_suffix_that_php_sees(void **state)
{
    const struct {
        struct span body;
        struct field field;
    } rows[] = {
        {SPAN("a[b]=1"), {SPAN("a[b]"), SPAN("1"), FORM_NESTED}},
        {SPAN("a[]["), {SPAN("a[]["), SPAN(""), FORM_NESTED}},
        {SPAN("a[][]"), {SPAN("a[][]"), SPAN(""), FORM_NESTED}},
        {SPAN("a[1][2]"), {SPAN("a[1][2]"), SPAN(""), FORM_NESTED}},
        {SPAN("a[-1]"), {SPAN("a[-1]"), SPAN(""), FORM_NESTED}},
        {SPAN("a[1"), {SPAN("a[1"), SPAN(""), FORM_NESTED}},
        {SPAN("a["), {SPAN("a["), SPAN(""), FORM_NESTED}},
        {SPAN("a]"), {SPAN("a]"), SPAN(""), FORM_NESTED}},
        {SPAN("a[]b"), {SPAN("a[]b"), SPAN(""), FORM_NESTED}},
        {SPAN("[]"), {SPAN("[]"), SPAN(""), FORM_NESTED}},
        {SPAN("]["), {SPAN("]["), SPAN(""), FORM_NESTED}},
        {SPAN("a[0]"), {SPAN("a"), SPAN(""), FORM_ELEMENT}},
        {SPAN("a[99999999999999999999]"), {SPAN("a"), SPAN(""), FORM_ELEMENT}},
        {SPAN("a"), {SPAN("a"), SPAN(""), FORM_PLAIN}},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(decode(SPAN(""), rows[i].body, 9, check_field, &rows[i].field), ERR_END);
}

static void fields_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(decode(SPAN(""), SPAN("a[]=1&a[]=2&a[]=3"), 2, NULL, NULL), ERR_TOO_BIG);
    assert_int_equal(decode(SPAN(""), SPAN("a[]=1&a[]=2"), 2, NULL, NULL), ERR_END);
    assert_int_equal(decode(MULTIPART, SPAN(PART("a", "1") PART("a", "2") "--B--"), 1, NULL, NULL),
                     ERR_TOO_BIG);
    assert_int_equal(decode(MULTIPART, SPAN(PART("a", "1") PART("a", "2") "--B--"), 2, NULL, NULL),
                     ERR_END);
}

static void multipart_refuses_what_is_not_whole(void **state)
{
    const struct span rows[] = {
        SPAN(""),
        SPAN("--B"),
        SPAN("--B\r\n"),
        SPAN("--B\r\n\r\n"),
        SPAN("--C--\r\n"),
        SPAN(PART("a", "1")),
        SPAN(PART("a", "1") "--B"),
        SPAN(PART("a", "1") "--B-"),
        SPAN(PART("a", "1") "--BB--"),
        SPAN(PART("a", "1") "--b--"),
        SPAN("--B\nContent-Disposition: form-data; name=a\n\n1\n--B--\n"),
        SPAN("--B\r\nContent-Disposition: form-data; name=a\n\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=a\r\n1\r\n--B--"),
        SPAN("--B\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Type: text/plain\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=a\r\n"
             "Content-Disposition: form-data; name=b\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data; name=a\r\n"
             "Content-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--B--"),
        SPAN("--B\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\n: x\r\n\r\n1\r\n--B--"),
        SPAN("--B\r\nnonsense\r\n\r\n1\r\n--B--"),
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        enum err e = decode(MULTIPART, rows[i], 9, NULL, NULL);

        if (e != ERR_MALFORMED)
            print_message("row %zu\n", i);
        assert_int_equal(e, ERR_MALFORMED);
    }
}

static void multipart_headers_are_bounded(void **state)
{
    static const char start[] = "--B\r\nX: ";
    static const char end[] = "\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--";
    size_t head_len =
        strlen(start) - 3 + strlen("\r\nContent-Disposition: form-data; name=a\r\n\r\n");
    char body[FORM_PART_HEADERS_MAX + 200];

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        size_t filler = FORM_PART_HEADERS_MAX - head_len + extra;
        size_t len = strlen(start) + filler + strlen(end);

        memset(body, 'x', sizeof(body));
        memcpy(body, start, strlen(start));
        memcpy(body + strlen(start) + filler, end, strlen(end));
        assert_int_equal(decode(MULTIPART, (struct span){body, len}, 9, NULL, NULL),
                         extra ? ERR_TOO_BIG : ERR_END);
    }
}

static void multipart_is_read_as_its_senders_write_it(void **state)
{
    static const char chrome[] = "multipart/form-data; boundary=----WebKitFormBoundaryx7A";
    static const char curl[] =
        "multipart/form-data; boundary=------------------------d74496d66958873e";
    const struct {
        struct span type, body;
        struct field fields[3];
    } rows[] = {
        {span_of(curl),
         SPAN("--------------------------d74496d66958873e\r\n"
              "Content-Disposition: form-data; name=\"type\"\r\n\r\npublish\r\n"
              "--------------------------d74496d66958873e\r\n"
              "Content-Disposition: form-data; name=\"to\"\r\n\r\n\r\n"
              "--------------------------d74496d66958873e\r\n"
              "Content-Disposition: form-data; name=\"a\\\"b\\\\\"; filename=\"x;y.txt\"\r\n"
              "Content-Type: text/plain\r\n\r\n\r\nline\r\n\r\n"
              "--------------------------d74496d66958873e--\r\n"),
         {{SPAN("type"), SPAN("publish"), FORM_PLAIN},
          {SPAN("to"), SPAN(""), FORM_PLAIN},
          {SPAN("a\"b\\"), SPAN("\r\nline\r\n"), FORM_PLAIN}}},
        {span_of(chrome),
         SPAN("------WebKitFormBoundaryx7A\r\n"
              "Content-Disposition: form-data; name=\"to[]\"\r\n\r\n42\r\n"
              "------WebKitFormBoundaryx7A\r\n"
              "Content-Disposition: form-data; name=\"q%22%0D%0A%41\"\r\n\r\n\xe4\xb8\xad\r\n"
              "------WebKitFormBoundaryx7A--\r\n"),
         {{SPAN("to"), SPAN("42"), FORM_ELEMENT},
          {SPAN("q\"\r\n%41"), SPAN("\xe4\xb8\xad"), FORM_PLAIN}}},
        {MULTIPART,
         SPAN("a preamble\r\n--BB\r\n--B \t\r\ncontent-disposition:form-data;NAME=a\r\n"
              "Content-Transfer-Encoding: 8bit\r\n\r\n--B\r\n--Bx\r\r\n--\n--B\n"
              "\r\n--B--an epilogue\r\n--B\r\n"),
         {{SPAN("a"), SPAN("--B\r\n--Bx\r\r\n--\n--B\n"), FORM_PLAIN}}},
        {SPAN("multipart/form-data; boundary=\"a b:?\""),
         SPAN("--a b:?\r\nContent-Disposition: form-data; name=\"n\0\"\r\n\r\n\0\r\n--a b:?--"),
         {{SPAN("n\0"), SPAN("\0"), FORM_PLAIN}}},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(decode(rows[i].type, rows[i].body, 3, check_field, rows[i].fields),
                         ERR_END);
}

/* Bodies that would be slow if a scan began anew for each byte. */
static void hostile_bodies_take_linear_time(void **state)
{
    size_t len = 4 * 1024 * 1024;
    char *body = malloc(len);
    struct form form;
    struct form_field field;

    (void)state;
    assert_non_null(body);
    memset(body, '\r', len);
    assert_int_equal(form_init(&form, MULTIPART, body, len, 9), ERR_MALFORMED);
    for (size_t i = 0; i < len; i++)
        body[i] = "\r\n--B x"[i % 7];
    assert_int_equal(form_init(&form, MULTIPART, body, len, 9), ERR_MALFORMED);
    memset(body, '&', len);
    assert_int_equal(form_init(&form, SPAN(""), body, len, 9), ERR_NONE);
    assert_int_equal(form_next(&form, &field), ERR_END);
    free(body);
}

static void a_look_ahead_finds_a_field_and_changes_nothing(void **state)
{
    const struct {
        struct span type, body;
        enum err e;
        const char *value;
    } rows[] = {
        {SPAN(""), SPAN("a=1&nn=2"), ERR_NOT_FOUND, NULL},
        {SPAN(""), SPAN("n[]=1&n[a]=2"), ERR_NOT_FOUND, NULL},
        {SPAN(""), SPAN("n=%zz"), ERR_MALFORMED, NULL},
        {SPAN(""), SPAN("n=12345"), ERR_INVALID, NULL},
        {SPAN(""), SPAN("a&b&c&d&n=1"), ERR_TOO_BIG, NULL},
        {MULTIPART, SPAN(PART("a", "1") PART("n", "2")), ERR_MALFORMED, NULL},
        {SPAN(""), SPAN("n"), ERR_NONE, ""},
        {SPAN(""), SPAN("a=%zz&n=1&n=2"), ERR_NONE, "1"},
        {SPAN(""), SPAN("a=%26n%3D&%6e=+%31"), ERR_NONE, " 1"},
        {MULTIPART, SPAN(PART("\"a\\\"\"", "1") PART("n", "%31") "--B--"), ERR_NONE, "%31"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *bytes = copy_of(rows[i].body);
        struct span value = {NULL, 0};
        struct form form;
        char copy[4];

        assert_int_equal(form_init(&form, rows[i].type, bytes, rows[i].body.len, 4), ERR_NONE);
        if (form_look_ahead(&form, SPAN("n"), copy, sizeof(copy), &value) != rows[i].e ||
            !span_equal(value, span_of(rows[i].value)))
            fail_msg("row %zu: %.*s", i, SPAN_ARGS(value));
        assert_memory_equal(bytes, rows[i].body.p, rows[i].body.len);
        assert_int_equal(form.fields_left, 4);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_types_it_does_not_speak),
        cmocka_unit_test(urlencoded_refuses_bad_escapes),
        cmocka_unit_test(urlencoded_types_have_parameters_or_none_at_all),
        cmocka_unit_test(urlencoded_gives_names_and_values),
        cmocka_unit_test(names_have_the_suffix_that_php_sees),
        cmocka_unit_test(fields_are_bounded),
        cmocka_unit_test(multipart_refuses_what_is_not_whole),
        cmocka_unit_test(multipart_headers_are_bounded),
        cmocka_unit_test(multipart_is_read_as_its_senders_write_it),
        cmocka_unit_test(a_look_ahead_finds_a_field_and_changes_nothing),
        cmocka_unit_test(hostile_bodies_take_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
