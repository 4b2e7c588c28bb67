/* SPDX-License-Identifier: MIT */
/* An envelope that is accepted encodes to the same bytes, its hello to the same numbers, and an
 * answer counts for as many users as were asked about. */
#include "relay/cluster/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "common/security/user.h"
#include "relay/cluster/questions.h"

static void check_same(const struct envelope *e, struct span in)
{
    struct buf out;

    buf_init(&out, in.len + 1);
    if (envelope_encode(e, &out) || !span_equal(buf_span(&out), in))
        abort();
    buf_deinit(&out);
}

static void check_hello(const struct hello *hello)
{
    struct hello again;
    struct buf out;

    buf_init(&out, 256);
    if (hello_encode(hello, &out) || hello_decode(buf_span(&out), &again) ||
        memcmp(&again, hello, sizeof(again)) != 0)
        abort();
    buf_deinit(&out);
}

static void check_answer(struct span body)
{
    static struct questions all;
    struct question *one;
    int64_t sum = 0;

    if (questions_begin(&all, QUESTION_REPORT, SPAN(""), 3, 0, &one))
        abort();
    if (question_take(one, 5, 8, body) && (one->answers || one->answered))
        abort();
    for (size_t i = 0; i < one->count; i++)
        sum += one->counts[i];
    if (sum != one->sessions)
        abort();
    question_end(one);
}

static void check_ages(struct span body)
{
    struct surplus s = {NULL, 0};

    (void)!surplus_take(&s, 8, body);
    surplus_sort(&s);
    for (size_t i = 0; i + 1 < s.count; i++)
        if (s.at[i].age_ms > s.at[i + 1].age_ms)
            abort();
    if (surplus_keep(&s, 8, 2) > 2)
        abort();
    surplus_deinit(&s);
}

static void check_keep(struct span body)
{
    char scratch[USER_ID_MAX];
    struct span user;
    size_t keep;

    if (!surplus_decode_keep(body, scratch, &user, &keep) && !user_is_valid(user))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {(const char *)data, size};
    struct envelope e;
    struct hello hello;

    if (envelope_decode(in, &e))
        return 0;
    check_same(&e, in);
    if (!hello_decode(e.body, &hello))
        check_hello(&hello);
    check_answer(e.body);
    check_ages(e.body);
    check_keep(e.body);
    return 0;
}
