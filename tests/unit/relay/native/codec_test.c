/* SPDX-License-Identifier: MIT */
#include "relay/native/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/security/user.h"
#include "relay/session/epoch.h"
#include "relay/session/frame.h"

static void decode_refuses_what_is_not_a_frame(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "null",
        "[]",
        "\"login\"",
        "{}",
        "{\"type\":1}",
        "{\"type\":null}",
        "{\"type\":\"pong\"} x",
        "{\"type\":\"pong\",}",
        "{'type':'pong'}",
        "{\"type\":\"login\",\"token\":1}",
        "{\"type\":\"login\",\"token\":null}",
        "{\"type\":\"login\",\"token\":[\"x\"]}",
        "{\"type\":\"login\",\"token\":\"x\",\"online\":1}",
        "{\"type\":\"login\",\"token\":\"x\",\"online\":null}",
        "{\"type\":\"p\xff\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct native_frame f = {.type = NATIVE_PONG, .token_len = 7};

        assert_int_equal(native_decode(span_of(rows[i]), &f), ERR_MALFORMED);
    }
}

static void decode_reads_frames(void **state)
{
    static const struct {
        const char *in;
        enum native_frame_type type;
        const char *token;
        bool has_online, online;
    } rows[] = {
        {"{\"type\":\"pong\"}", NATIVE_PONG, NULL, false, false},
        {" { \"type\" : \"pong\", \"x\":1 } ", NATIVE_PONG, NULL, false, false},
        {"{\"type\":\"dance\"}", NATIVE_UNKNOWN, NULL, false, false},
        {"{\"type\":\"login\"}", NATIVE_LOGIN, NULL, false, false},
        {"{\"type\":\"login\",\"token\":\"a.b.c\"}", NATIVE_LOGIN, "a.b.c", false, false},
        {"{\"type\":\"login\",\"token\":\"t\",\"online\":false}", NATIVE_LOGIN, "t", true, false},
        {"{\"online\":true,\"type\":\"login\"}", NATIVE_LOGIN, NULL, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct native_frame f;

        assert_int_equal(native_decode(span_of(rows[i].in), &f), ERR_NONE);
        assert_int_equal(f.type, rows[i].type);
        if (f.type != NATIVE_LOGIN)
            continue;
        assert_int_equal(f.has_token, rows[i].token != NULL);
        assert_true(span_equal((struct span){f.token, f.token_len}, span_of(rows[i].token)));
        assert_int_equal(f.has_online, rows[i].has_online);
        assert_int_equal(f.online, rows[i].online);
    }
}

static void decode_bounds_the_token(void **state)
{
    static const char start[] = "{\"type\":\"login\",\"token\":\"";
    char in[sizeof(start) + TOKEN_MAX + 8];
    struct native_frame f;
    size_t n = sizeof(start) - 1;

    (void)state;
    memcpy(in, start, n);
    memset(in + n, 'x', TOKEN_MAX + 1);
    memcpy(in + n + TOKEN_MAX, "\"}", 2);
    assert_int_equal(native_decode((struct span){in, n + TOKEN_MAX + 2}, &f), ERR_NONE);
    assert_int_equal(f.token_len, TOKEN_MAX);
    memcpy(in + n + TOKEN_MAX, "x\"}", 3);
    assert_int_equal(native_decode((struct span){in, n + TOKEN_MAX + 3}, &f), ERR_MALFORMED);
}

static void assert_encodes(const struct event *m, struct span epoch, const char *text)
{
    struct buf out;

    buf_init(&out, FRAME_MAX);
    assert_int_equal(native_encode(m, epoch, &out), ERR_NONE);
    assert_true(span_equal(buf_span(&out), span_of(text)));
    buf_deinit(&out);
}

static void encode_writes_messages(void **state)
{
    const struct {
        struct event m;
        const char *out;
    } rows[] = {
        {{.type = EVENT_WELCOME, .as.user = SPAN("a\"\\/b")},
         "{\"type\":\"welcome\",\"user\":\"a\\\"\\\\/b\"}"},
        {{.type = EVENT_RING, .as.ring = {.type = RING_ASK}}, "{\"type\":\"ring\"}"},
        {{.type = EVENT_RING, .as.ring = {.type = RING_ASK, .spread_ms = 7}},
         "{\"type\":\"ring\",\"spread_ms\":7}"},
        {{.type = EVENT_RING, .as.ring = {.type = RING_MANY, .seq = 95}},
         "{\"type\":\"ring\",\"seq\":95,\"spread_ms\":0}"},
        {{.type = EVENT_RING,
          .as.ring = {.type = RING_MANY, .seq = INT64_MAX, .spread_ms = UINT32_MAX}},
         "{\"type\":\"ring\",\"seq\":9223372036854775807,\"spread_ms\":4294967295}"},
        {{.type = EVENT_RING,
          .as.ring =
              {.type = RING_PERSONAL, .version = 57, .seq = 94, .num = 4, .hit = 1, .id = 813}},
         "{\"type\":\"ring\",\"version\":57,\"seq\":94,\"num\":4,\"hit\":1,\"id\":813}"},
        {{.type = EVENT_RING, .as.ring = {.type = RING_PERSONAL, .version = 57, .seq = 94}},
         "{\"type\":\"ring\",\"version\":57,\"seq\":94,\"num\":0,\"hit\":0}"},
        {{.type = EVENT_RING,
          .as.ring = {.type = RING_PERSONAL, .version = 57, .seq = 94, .id = 8, .has_scope = true}},
         "{\"type\":\"ring\",\"version\":57,\"seq\":94,\"num\":0,\"hit\":0,\"id\":8,\"scope\":0}"},
        {{.type = EVENT_BROADCAST,
          .as.ring = {.type = RING_MANY, .seq = 95, .id = 901, .step = {.from = 0, .add = 1}}},
         "{\"type\":\"ring\",\"seq\":95,\"spread_ms\":0,\"from\":0,\"add\":1,\"category\":null,"
         "\"critical\":false,\"young\":false,\"id\":901}"},
        {{.type = EVENT_BROADCAST,
          .as.ring = {.type = RING_MANY,
                      .seq = 95,
                      .spread_ms = 10,
                      .id = 901,
                      .step = {94, 1, true, true, SPAN("\"news\""), SPAN("\"k3\"")}}},
         "{\"type\":\"ring\",\"seq\":95,\"spread_ms\":10,\"from\":94,\"add\":1,\"category\":"
         "\"news\","
         "\"critical\":true,\"young\":true,\"id\":901,\"c\":\"k3\"}"},
        {{.type = EVENT_ONLINE, .as.online = {3, 5}},
         "{\"type\":\"online\",\"users\":3,\"pages\":5}"},
        {{.type = EVENT_PING}, "{\"type\":\"ping\"}"},
        {{.type = EVENT_ERROR, .as.fault = FAULT_UNKNOWN_TYPE},
         "{\"type\":\"error\",\"code\":\"unknown_type\"}"},
        {{.type = EVENT_CLOSE_NOTICE, .as.after_ms = 1200}, "{\"type\":\"bye\",\"after_ms\":1200}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_encodes(&rows[i].m, SPAN(""), rows[i].out);
}

static void encode_says_to_which_epoch_numbers_belong(void **state)
{
    const struct {
        struct event m;
        struct span epoch;
        const char *out;
    } rows[] = {
        {{.type = EVENT_WELCOME, .as.user = SPAN("42")},
         SPAN("k3x"),
         "{\"type\":\"welcome\",\"user\":\"42\",\"epoch\":\"k3x\"}"},
        {{.type = EVENT_RING, .as.ring = {.type = RING_ASK}},
         SPAN("\"\\"),
         "{\"type\":\"ring\",\"epoch\":\"\\\"\\\\\"}"},
        {{.type = EVENT_BROADCAST, .as.ring = {.type = RING_MANY, .seq = 95}},
         SPAN("k3x"),
         "{\"type\":\"ring\",\"seq\":95,\"spread_ms\":0,\"epoch\":\"k3x\"}"},
        {{.type = EVENT_RING,
          .as.ring = {.type = RING_PERSONAL, .version = 57, .seq = 94, .num = 4, .id = 813}},
         SPAN("k3x"),
         "{\"type\":\"ring\",\"version\":57,\"seq\":94,\"num\":4,\"hit\":0,\"id\":813,"
         "\"epoch\":\"k3x\"}"},
        {{.type = EVENT_PING, .as.seq = 94}, SPAN(""), "{\"type\":\"ping\",\"seq\":94}"},
        {{.type = EVENT_PING, .as.seq = 94},
         SPAN("k3x"),
         "{\"type\":\"ping\",\"seq\":94,\"epoch\":\"k3x\"}"},
        {{.type = EVENT_PING}, SPAN("k3x"), "{\"type\":\"ping\",\"epoch\":\"k3x\"}"},
        {{.type = EVENT_ONLINE, .as.online = {3, 5}},
         SPAN("k3x"),
         "{\"type\":\"online\",\"users\":3,\"pages\":5}"},
        {{.type = EVENT_CLOSE_NOTICE}, SPAN("k3x"), "{\"type\":\"bye\",\"after_ms\":0}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_encodes(&rows[i].m, rows[i].epoch, rows[i].out);
}

static void each_fault_has_its_own_word(void **state)
{
    struct buf words[FAULT_COUNT];

    (void)state;
    for (int fault = 0; fault < FAULT_COUNT; fault++) {
        struct event m = {.type = EVENT_ERROR, .as.fault = (enum event_fault)fault};

        buf_init(&words[fault], FRAME_MAX);
        assert_int_equal(native_encode(&m, SPAN("k3x"), &words[fault]), ERR_NONE);
        assert_null(memchr(words[fault].data, '(', words[fault].len)); /* of "(null)" */
        for (int other = 0; other < fault; other++)
            assert_false(span_equal(buf_span(&words[fault]), buf_span(&words[other])));
    }
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        buf_deinit(&words[fault]);
}

static void as_an_event_it_is_one_line(void **state)
{
    struct event m = {.type = EVENT_WELCOME, .as.user = SPAN("a\nb")};
    struct buf out;

    (void)state;
    buf_init(&out, FRAME_MAX);
    assert_int_equal(sse_encode(&m, SPAN(""), &out), ERR_NONE);
    assert_true(
        span_equal(buf_span(&out), SPAN("data: {\"type\":\"welcome\",\"user\":\"a\\nb\"}\n\n")));
    buf_deinit(&out);
}

static void the_longest_welcome_fits_a_frame(void **state)
{
    char user[USER_ID_MAX], epoch[EPOCH_NAME_MAX];
    struct event m = {.type = EVENT_WELCOME, .as.user = {user, sizeof(user)}};
    struct buf out;

    (void)state;
    memset(user, '\\', sizeof(user));
    memset(epoch, '"', sizeof(epoch));
    buf_init(&out, FRAME_MAX);
    assert_int_equal(native_encode(&m, (struct span){epoch, sizeof(epoch)}, &out), ERR_NONE);
    assert_int_equal(out.len, 2 * USER_ID_MAX + 28 + 2 * EPOCH_NAME_MAX + 11);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_refuses_what_is_not_a_frame),
        cmocka_unit_test(decode_reads_frames),
        cmocka_unit_test(decode_bounds_the_token),
        cmocka_unit_test(encode_writes_messages),
        cmocka_unit_test(encode_says_to_which_epoch_numbers_belong),
        cmocka_unit_test(each_fault_has_its_own_word),
        cmocka_unit_test(as_an_event_it_is_one_line),
        cmocka_unit_test(the_longest_welcome_fits_a_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
