/* SPDX-License-Identifier: MIT */
#include "fcgi-app/publish/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgi-app/postgres/array.h"

static void an_answer_becomes_an_array(void **state)
{
    static const struct {
        const char *json;
        enum err e;
        const char *array;
        size_t count;
    } rows[] = {
        {"", ERR_INVALID, NULL, 0},
        {"{\"sessions\":0}", ERR_INVALID, NULL, 0},
        {"{\"users\":{}}", ERR_INVALID, NULL, 0},
        {"{\"users\":[42]}", ERR_INVALID, NULL, 0},
        {"{\"users\":[\"\"]}", ERR_INVALID, NULL, 0},
        {"{\"users\":[\"a\\u0000\"]}", ERR_INVALID, NULL, 0},
        {"{\"users\":[],\"users\":[]}", ERR_INVALID, NULL, 0},
        {"{\"users\":[\"42\"],\"partial\":true}", ERR_INVALID, NULL, 0},
        {"{\"users\":[]}", ERR_NONE, "{}", 0},
        {"{\"users\":[\"42\",\"a\\\"b\",\"{,}\"]}", ERR_NONE, "{\"42\",\"a\\\"b\",\"{,}\"}", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf array;
        size_t count = 0;

        buf_init(&array, 1024);
        assert_int_equal(array_open(&array), ERR_NONE);
        if (answer_read_users(span_of(rows[i].json), &array, &count) != rows[i].e)
            fail_msg("%s", rows[i].json);
        assert_int_equal(array_close(&array), ERR_NONE);
        if (!rows[i].e) {
            assert_string_equal(array.data, rows[i].array);
            assert_int_equal(count, rows[i].count);
        }
        buf_deinit(&array);
    }
}

static void answers_are_gathered(void **state)
{
    struct buf array;
    size_t count = 0;

    (void)state;
    buf_init(&array, 1024);
    assert_int_equal(array_open(&array), ERR_NONE);
    assert_int_equal(answer_read_users(SPAN("{\"users\":[\"1\"]}"), &array, &count), ERR_NONE);
    assert_int_equal(answer_read_users(SPAN("{\"users\":[\"2\"]}"), &array, &count), ERR_NONE);
    assert_int_equal(array_close(&array), ERR_NONE);
    assert_string_equal(array.data, "{\"1\",\"2\"}");
    assert_int_equal(count, 2);
    buf_deinit(&array);
}

static void the_instance_is_read(void **state)
{
    const struct {
        const char *json;
        enum err e;
    } rows[] = {
        {"", ERR_INVALID},
        {"ok", ERR_INVALID},
        {"{}", ERR_INVALID},
        {"[1]", ERR_INVALID},
        {"{\"instance\":\"1\"}", ERR_INVALID},
        {"{\"instance\":1.5}", ERR_INVALID},
        {"{\"instance\":1700000000123456,\"sessions\":0}", ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t instance = 0;

        if (answer_read_instance(span_of(rows[i].json), &instance) != rows[i].e)
            fail_msg("%s", rows[i].json);
        if (!rows[i].e)
            assert_int_equal(instance, 1700000000123456);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_becomes_an_array),
        cmocka_unit_test(answers_are_gathered),
        cmocka_unit_test(the_instance_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
