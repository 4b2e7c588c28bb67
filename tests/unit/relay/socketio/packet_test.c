/* SPDX-License-Identifier: MIT */
#include "relay/socketio/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEN "/0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN "x"

static void decode_refuses_what_is_no_packet(void **state)
{
    static const struct {
        const char *in;
        enum err e;
    } rows[] = {
        {"", ERR_MALFORMED},
        {"abc", ERR_MALFORMED},
        {"7", ERR_MALFORMED},
        {"/", ERR_MALFORMED},
        /* Data that is not of the type's form. */
        {"0[]", ERR_MALFORMED},
        {"0\"x\"", ERR_MALFORMED},
        {"0null", ERR_MALFORMED},
        {"0{\"a\\u0000\":1}", ERR_MALFORMED},
        {"1{}", ERR_MALFORMED},
        {"1null", ERR_MALFORMED},
        {"2{}", ERR_MALFORMED},
        {"2\"login\"", ERR_MALFORMED},
        {"2[]", ERR_MALFORMED},
        {"2[null]", ERR_MALFORMED},
        {"2[{}]", ERR_MALFORMED},
        {"2[[\"login\"]]", ERR_MALFORMED},
        {"2[true]", ERR_MALFORMED},
        {"2[\"login\"", ERR_MALFORMED},
        {"2[\"login\"] x", ERR_MALFORMED},
        {"2[\"\xff\"]", ERR_MALFORMED},
        {"31{}", ERR_MALFORMED},
        {"4[]", ERR_MALFORMED},
        /* Attachments. */
        {"5", ERR_MALFORMED},
        {"5[\"x\"]", ERR_MALFORMED},
        {"5-[\"x\"]", ERR_MALFORMED},
        {"51[\"x\"]", ERR_MALFORMED},
        {"50-[\"x\"]", ERR_MALFORMED},
        {"511-[\"x\"]", ERR_MALFORMED},
        {"5001-[\"x\"]", ERR_MALFORMED},
        {"599999999999999999999-[\"x\"]", ERR_MALFORMED},
        {"51-{}", ERR_MALFORMED},
        {"61-{}", ERR_MALFORMED},
        /* Namespaces. */
        {"0/\xe8\x81\x8a", ERR_MALFORMED},
        {"0/a b", ERR_MALFORMED},
        {"0/a\x1e", ERR_MALFORMED},
        {"0" HUNDRED TEN TEN TEN, ERR_MALFORMED},
        /* Acknowledgements. */
        {"21234567890123456[\"x\"]", ERR_MALFORMED},
        {"2-1[\"x\"]", ERR_MALFORMED},
        /* Reserved names. */
        {"2[\"connect\"]", ERR_INVALID},
        {"2[\"connect_error\"]", ERR_INVALID},
        {"2[\"disconnect\"]", ERR_INVALID},
        {"2[\"disconnecting\",1]", ERR_INVALID},
        {"2[\"newListener\"]", ERR_INVALID},
        {"2/chat,7[\"removeListener\"]", ERR_INVALID},
        {"51-[\"discon\\u006eect\",{\"_placeholder\":true,\"num\":0}]", ERR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sio_packet p = {.attachments = 77};
        enum err e = sio_decode(span_of(rows[i].in), &p);

        if (e != rows[i].e || p.attachments != 77)
            fail_msg("%s: %s", rows[i].in, err_text(e));
    }
}

static void decode_bounds_the_depth(void **state)
{
    char in[2000];
    struct sio_packet p;

    (void)state;
    memset(in, '[', sizeof(in));
    memcpy(in, "2[\"x\",", 6);
    assert_int_equal(sio_decode((struct span){in, sizeof(in)}, &p), ERR_MALFORMED);
}

static void decode_reads_packets(void **state)
{
    static const struct {
        const char *in;
        enum sio_type type;
        unsigned attachments;
        const char *name_space;
        int64_t ack_id; /* -1: none */
        const char *event, *argument, *token;
    } rows[] = {
        {"0", SIO_CONNECT, 0, "/", -1, NULL, NULL, NULL},
        {"0{}", SIO_CONNECT, 0, "/", -1, NULL, NULL, NULL},
        {"0{\"token\":\"a.b\"}", SIO_CONNECT, 0, "/", -1, NULL, NULL, "a.b"},
        {"0{\"token\":42}", SIO_CONNECT, 0, "/", -1, NULL, NULL, NULL},
        {"0/admin", SIO_CONNECT, 0, "/admin", -1, NULL, NULL, NULL},
        {"0/admin,", SIO_CONNECT, 0, "/admin", -1, NULL, NULL, NULL},
        {"0/admin?token=x", SIO_CONNECT, 0, "/admin", -1, NULL, NULL, NULL},
        {"0/admin,{\"token\":\"\"}", SIO_CONNECT, 0, "/admin", -1, NULL, NULL, ""},
        {"0/?a=b,", SIO_CONNECT, 0, "/", -1, NULL, NULL, NULL},
        {"0" HUNDRED TEN TEN, SIO_CONNECT, 0, HUNDRED TEN TEN, -1, NULL, NULL, NULL},
        {"2", SIO_EVENT, 0, "/", -1, NULL, NULL, NULL},
        {"31", SIO_ACK, 0, "/", 1, NULL, NULL, NULL},
        {"4", SIO_CONNECT_ERROR, 0, "/", -1, NULL, NULL, NULL},
        {"51-", SIO_BINARY_EVENT, 1, "/", -1, NULL, NULL, NULL},
        {"1", SIO_DISCONNECT, 0, "/", -1, NULL, NULL, NULL},
        {"1/chat,", SIO_DISCONNECT, 0, "/chat", -1, NULL, NULL, NULL},
        {"2[\"login\",\"123\"]", SIO_EVENT, 0, "/", -1, "login", "123", NULL},
        {"217[\"login\",\"123\"]", SIO_EVENT, 0, "/", 17, "login", "123", NULL},
        {"2999999999999999[\"login\"]", SIO_EVENT, 0, "/", 999999999999999, "login", NULL, NULL},
        {"2/chat,0[\"x\",42]", SIO_EVENT, 0, "/chat", 0, "x", "42", NULL},
        {"2[\"login\",-9007199254740993]", SIO_EVENT, 0, "/", -1, "login", "-9007199254740993",
         NULL},
        {"2[\"login\",1.50]", SIO_EVENT, 0, "/", -1, "login", "1.50", NULL},
        {"2[\"login\",\"\"]", SIO_EVENT, 0, "/", -1, "login", "", NULL},
        {"2[\"login\",null]", SIO_EVENT, 0, "/", -1, "login", NULL, NULL},
        {"2[\"login\",true]", SIO_EVENT, 0, "/", -1, "login", NULL, NULL},
        {"2[\"login\",[\"7\"]]", SIO_EVENT, 0, "/", -1, "login", NULL, NULL},
        {"2[\"login\",{\"a\":1}]", SIO_EVENT, 0, "/", -1, "login", NULL, NULL},
        {"2[\"\xe4\xbd\xa0\",\"\\ud83d\\udd14\"]", SIO_EVENT, 0, "/", -1, "\xe4\xbd\xa0",
         "\xf0\x9f\x94\x94", NULL},
        {"2[7]", SIO_EVENT, 0, "/", -1, "7", NULL, NULL},
        {"317[]", SIO_ACK, 0, "/", 17, NULL, NULL, NULL},
        {"4\"x\"", SIO_CONNECT_ERROR, 0, "/", -1, NULL, NULL, NULL},
        {"4{\"message\":\"x\"}", SIO_CONNECT_ERROR, 0, "/", -1, NULL, NULL, NULL},
        {"51-[\"file\",{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_EVENT, 1, "/", -1, "file",
         NULL, NULL},
        {"510-/chat,3[\"f\"]", SIO_BINARY_EVENT, 10, "/chat", 3, "f", NULL, NULL},
        {"62-5[1]", SIO_BINARY_ACK, 2, "/", 5, NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sio_packet p;

        if (sio_decode(span_of(rows[i].in), &p))
            fail_msg("%s", rows[i].in);
        assert_int_equal(p.type, rows[i].type);
        assert_int_equal(p.attachments, rows[i].attachments);
        assert_true(span_equal(p.name_space, span_of(rows[i].name_space)));
        assert_int_equal(p.has_ack ? p.ack_id : -1, rows[i].ack_id);
        assert_true(span_equal(p.event, span_of(rows[i].event)));
        assert_int_equal(p.argument.p != NULL, rows[i].argument != NULL);
        assert_true(span_equal(p.argument, span_of(rows[i].argument)));
        assert_int_equal(p.token.p != NULL, rows[i].token != NULL);
        assert_true(span_equal(p.token, span_of(rows[i].token)));
        sio_packet_deinit(&p);
        sio_packet_deinit(&p);
    }
}

/* What is checked of each encoder: the bytes, and that too little room leaves none. */
static void check(struct buf *out, enum err e, const char *expected, size_t i)
{
    if (i > 0) {
        assert_int_equal(e, ERR_TOO_BIG);
        assert_int_equal(out->len, 0);
        return;
    }
    assert_int_equal(e, ERR_NONE);
    if (!span_equal(buf_span(out), span_of(expected)))
        fail_msg("%.*s", SPAN_ARGS(buf_span(out)));
    out->max = out->len - 1;
}

static void encoders_write_whole_packets(void **state)
{
    struct buf out;

    (void)state;
#define CHECK(call, expected)                                                                      \
    buf_init(&out, 1000);                                                                          \
    for (size_t i = 0; i < 2; i++) {                                                               \
        buf_reset(&out);                                                                           \
        check(&out, call, expected, i);                                                            \
    }                                                                                              \
    buf_deinit(&out)

    CHECK(sio_encode_connect(3, SPAN("S1"), &out), "40");
    CHECK(sio_encode_connect(4, SPAN("S1"), &out), "40{\"sid\":\"S1\"}");
    CHECK(sio_encode_connect_error(3, SPAN("/chat"), SPAN("Invalid namespace"), &out),
          "44/chat,\"Invalid namespace\"");
    CHECK(sio_encode_connect_error(4, SPAN("/chat"), SPAN("Invalid namespace"), &out),
          "44/chat,{\"message\":\"Invalid namespace\"}");
    CHECK(sio_encode_connect_error(3, SPAN("/"), SPAN("r\xc3\xa9"), &out), "44\"r\\u00e9\"");
    CHECK(sio_encode_connect_error(4, SPAN("/"), SPAN("not authorized"), &out),
          "44{\"message\":\"not authorized\"}");
    CHECK(sio_encode_disconnect(&out), "41");
    CHECK(sio_encode_event(SPAN("new_msg"), SPAN("You have a new message"), &out),
          "42[\"new_msg\",\"You have a new message\"]");
    CHECK(sio_encode_event(SPAN("update_online_count"),
                           SPAN("\xe5\xbd\x93\xe5\x89\x8d<b>1</b>\xf0\x9f\x94\x94\xff\""), &out),
          "42[\"update_online_count\",\"\\u5f53\\u524d<b>1</b>\\ud83d\\udd14\\ufffd\\\"\"]");
    CHECK(sio_encode_ack(17, NULL, &out), "4317[{\"ok\":true}]");
    CHECK(sio_encode_ack(999999999999999, "no \"token\"", &out),
          "43999999999999999[{\"ok\":false,\"error\":\"no \\\"token\\\"\"}]");
#undef CHECK
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_refuses_what_is_no_packet),
        cmocka_unit_test(decode_bounds_the_depth),
        cmocka_unit_test(decode_reads_packets),
        cmocka_unit_test(encoders_write_whole_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
