/* SPDX-License-Identifier: MIT */
#include "relay/socketio/engineio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SID "AAAAAAAAAAAAAAAAAAAA"
#define SID_41 SID SID "A"

static void queries_are_refused_with_a_code(void **state)
{
    static const struct {
        const char *query;
        enum eio_fault fault;
    } rows[] = {
        {"", EIO_UNKNOWN_TRANSPORT},
        {"EIO=4", EIO_UNKNOWN_TRANSPORT},
        {"EIO=4&transport", EIO_UNKNOWN_TRANSPORT},
        {"EIO=4&transport=", EIO_UNKNOWN_TRANSPORT},
        {"EIO=4&transport=abc", EIO_UNKNOWN_TRANSPORT},
        {"EIO=4&transport=Polling", EIO_UNKNOWN_TRANSPORT},
        {"EIO=4&transport=polling&sid=" SID_41, EIO_UNKNOWN_SID},
        {"EIO=4&transport=polling&transport=polling", EIO_BAD_REQUEST},
        {"EIO=4&EIO=4&transport=polling", EIO_BAD_REQUEST},
        {"EIO=4&transport=polling&sid=a&sid=", EIO_BAD_REQUEST},
        {"EIO=4&transport=polling&t=1&t=1", EIO_BAD_REQUEST},
        {"EIO=4&transport=polling&b64=1&b64", EIO_BAD_REQUEST},
        {"EIO=3&transport=polling&j=", EIO_BAD_REQUEST},
        {"EIO=3&transport=polling&j", EIO_BAD_REQUEST},
        {"EIO=3&transport=polling&j=-1", EIO_BAD_REQUEST},
        {"EIO=3&transport=polling&j=0%30", EIO_BAD_REQUEST},
        {"EIO=3&transport=polling&j=0]alert(1)//", EIO_BAD_REQUEST},
        {"EIO=3&transport=polling&j=1234567890", EIO_BAD_REQUEST},
        {"transport=polling", EIO_UNSUPPORTED_PROTOCOL},
        {"EIO=&transport=polling", EIO_UNSUPPORTED_PROTOCOL},
        {"EIO=abc&transport=polling", EIO_UNSUPPORTED_PROTOCOL},
        {"EIO=1&transport=websocket", EIO_UNSUPPORTED_PROTOCOL},
        {"EIO=5&transport=websocket", EIO_UNSUPPORTED_PROTOCOL},
        {"EIO=44&transport=polling&sid=", EIO_UNSUPPORTED_PROTOCOL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct eio_query q = {.revision = 77};
        enum eio_fault fault = EIO_FAULT_COUNT;

        assert_int_equal(eio_query_decode(span_of(rows[i].query), &q, &fault), ERR_INVALID);
        if (fault != rows[i].fault)
            fail_msg("%s: %d", rows[i].query, (int)fault);
        assert_int_equal(q.revision, 77);
    }
}

static void queries_choose_what_is_sent(void **state)
{
    static const struct {
        const char *query;
        unsigned revision;
        enum eio_transport transport;
        const char *sid;
        int32_t jsonp;
        enum eio_framing framing;
    } rows[] = {
        {"EIO=4&transport=polling&t=abc", 4, EIO_POLLING, "", -1, EIO_TEXT_4},
        {"EIO=4&transport=polling&t=123&b64=1&j=7", 4, EIO_POLLING, "", 7, EIO_TEXT_4},
        {"EIO=4&transport=websocket", 4, EIO_WEBSOCKET, "", -1, EIO_TEXT_4},
        {"EIO=3&transport=polling&t=N8hyd6w", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling&t=", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling&t=1445590039000-0", 3, EIO_POLLING, "", -1, EIO_BINARY_3},
        {"EIO=3&transport=polling&t=1445590039000", 3, EIO_POLLING, "", -1, EIO_BINARY_3},
        {"EIO=3&transport=polling&t=1445590039000-", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling&t=-0", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling&t=1-2-3", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling&t=1445590039000-0&b64=1", 3, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"EIO=3&transport=polling&t=1445590039000-0&j=0", 3, EIO_POLLING, "", 0, EIO_TEXT_3},
        {"EIO=3&transport=polling&b64=&t=1", 3, EIO_POLLING, "", -1, EIO_BINARY_3},
        {"EIO=2&transport=polling", 2, EIO_POLLING, "", -1, EIO_BINARY_3},
        {"EIO=2&transport=polling&b64=1", 2, EIO_POLLING, "", -1, EIO_TEXT_3},
        {"transport=polling&sid=" SID SID, 0, EIO_POLLING, SID SID, -1, EIO_TEXT_3},
        {"&&token=x&&EIO=4&transport=polling&x=EIO=3&j=007&", 4, EIO_POLLING, "", 7, EIO_TEXT_4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct eio_query q;
        enum eio_fault fault;

        assert_int_equal(eio_query_decode(span_of(rows[i].query), &q, &fault), ERR_NONE);
        assert_int_equal(q.revision, rows[i].revision);
        assert_int_equal(q.transport, rows[i].transport);
        assert_int_equal(q.jsonp, rows[i].jsonp);
        assert_true(span_equal(q.sid, span_of(rows[i].sid)));
        if (eio_framing_of(&q) != rows[i].framing)
            fail_msg("%s: %d", rows[i].query, (int)eio_framing_of(&q));
    }
}

static void every_fault_has_status_and_message(void **state)
{
    static const char *const bodies[EIO_FAULT_COUNT] = {
        "{\"code\":0,\"message\":\"Transport unknown\"}",
        "{\"code\":1,\"message\":\"Session ID unknown\"}",
        "{\"code\":2,\"message\":\"Bad handshake method\"}",
        "{\"code\":3,\"message\":\"Bad request\"}",
        "{\"code\":4,\"message\":\"Forbidden\"}",
        "{\"code\":5,\"message\":\"Unsupported protocol version\"}",
    };

    (void)state;
    for (int f = 0; f < EIO_FAULT_COUNT; f++) {
        struct buf out;

        buf_init(&out, 100);
        assert_int_equal(eio_fault_encode((enum eio_fault)f, &out), ERR_NONE);
        assert_true(span_equal(buf_span(&out), span_of(bodies[f])));
        assert_non_null(strstr(bodies[f], eio_fault_message((enum eio_fault)f)));
        assert_int_equal(eio_fault_status((enum eio_fault)f), f == EIO_FORBIDDEN ? 403 : 400);
        buf_deinit(&out);
    }
}

static void packets_are_decoded(void **state)
{
    const struct {
        struct span in;
        bool is_binary;
        unsigned revision;
        enum err e;
        struct eio_packet packet;
    } rows[] = {
        {{NULL, 0}, false, 4, ERR_MALFORMED, {0}},
        {SPAN("7"), false, 4, ERR_MALFORMED, {0}},
        {SPAN("/"), false, 3, ERR_MALFORMED, {0}},
        {SPAN("abc"), false, 3, ERR_MALFORMED, {0}},
        {SPAN("\x04"), false, 3, ERR_MALFORMED, {0}},
        {SPAN("b"), false, 3, ERR_MALFORMED, {0}},
        {SPAN("b7AA"), false, 3, ERR_MALFORMED, {0}},
        {{NULL, 0}, true, 3, ERR_MALFORMED, {0}},
        {SPAN("\x07"), true, 3, ERR_MALFORMED, {0}},
        {SPAN("4x"), true, 3, ERR_MALFORMED, {0}},
        {SPAN("0"), false, 4, ERR_NONE, {EIO_OPEN, false, {NULL, 0}}},
        {SPAN("2probe"), false, 4, ERR_NONE, {EIO_PING, false, SPAN("probe")}},
        {SPAN("6"), false, 3, ERR_NONE, {EIO_NOOP, false, {NULL, 0}}},
        {SPAN("4\xe2\x82\xac"), false, 3, ERR_NONE, {EIO_MESSAGE, false, SPAN("\xe2\x82\xac")}},
        {SPAN("bAQ=="), false, 4, ERR_NONE, {EIO_MESSAGE, true, SPAN("AQ==")}},
        {SPAN("b4AQ=="), false, 3, ERR_NONE, {EIO_MESSAGE, true, SPAN("AQ==")}},
        {SPAN("\x04\x01"), true, 3, ERR_NONE, {EIO_MESSAGE, true, SPAN("\x01")}},
        {SPAN("\x04\x01"), true, 4, ERR_NONE, {EIO_MESSAGE, true, SPAN("\x04\x01")}},
        {{NULL, 0}, true, 4, ERR_NONE, {EIO_MESSAGE, true, {NULL, 0}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct eio_packet p;

        assert_int_equal(eio_packet_decode(rows[i].in, rows[i].is_binary, rows[i].revision, &p),
                         rows[i].e);
        if (rows[i].e)
            continue;
        assert_int_equal(p.type, rows[i].packet.type);
        assert_int_equal(p.is_binary, rows[i].packet.is_binary);
        assert_true(span_equal(p.data, rows[i].packet.data));
    }
}

#define FORM "application/x-www-form-urlencoded"
#define OCTETS "application/octet-stream"

/* Writes type and data of each packet and a '|' after it, a '*' before a binary one. */
static enum err decode_all(unsigned revision, bool is_jsonp, const char *content_type,
                           struct span body, struct buf *out)
{
    char *copy = malloc(body.len + 1); /* one of its own, so that its end is watched */
    struct eio_payload payload;
    struct eio_packet p;
    enum err e;

    assert_non_null(copy);
    memcpy(copy, body.p, body.len);
    e = eio_payload_init(&payload, revision, is_jsonp, span_of(content_type), copy, body.len);
    while (!e && !(e = eio_payload_next(&payload, &p))) {
        assert_int_equal(buf_printf(out, "%s%d", p.is_binary ? "*" : "", (int)p.type), ERR_NONE);
        assert_int_equal(buf_append(out, p.data), ERR_NONE);
        assert_int_equal(buf_append(out, SPAN("|")), ERR_NONE);
    }
    free(copy);
    return e;
}

static void payloads_are_decoded(void **state)
{
    const struct {
        unsigned revision;
        bool is_jsonp;
        const char *content_type;
        struct span body;
        enum err e;
        const char *packets;
    } rows[] = {
        /* Revision 4. */
        {4, false, "text/plain", SPAN(""), ERR_MALFORMED, ""},
        {4, false, OCTETS, SPAN("2"), ERR_UNSUPPORTED, ""},
        {4, false, "", SPAN("abc"), ERR_MALFORMED, ""},
        {4, false, "", SPAN("4a\x1e"), ERR_MALFORMED, "4a|"},
        {4, false, "",
         SPAN("4a\x1e\x1e"
              "4b"),
         ERR_MALFORMED, "4a|"},
        {4, false, "text/plain;charset=UTF-8",
         SPAN("4hello\x1e"
              "2\x1e"
              "4world"),
         ERR_END, "4hello|2|4world|"},
        {4, false, "",
         SPAN("4hello\x1e"
              "bAQIDBA=="),
         ERR_END, "4hello|*4AQIDBA==|"},
        /* Revision 3, text. */
        {3, false, "", SPAN(""), ERR_MALFORMED, ""},
        {3, false, "", SPAN("abc"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("1"), ERR_MALFORMED, ""},
        {3, false, "", SPAN(":2"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("-1:2"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("01:2"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("2:2"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("1:22:3"), ERR_MALFORMED, "2|"},
        {3, false, "", SPAN("1234567890:2"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("999999999:2"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("18446744073709551617:2"), ERR_MALFORMED, ""}, /* 2^64 + 1 */
        {3, false, "", SPAN("2:4\xff"), ERR_MALFORMED, ""},
        {3, false, "", SPAN("2:4\xf0\x9f\x94\x94"), ERR_MALFORMED, ""}, /* between surrogates */
        {3, false, "", SPAN("0:"), ERR_END, ""},
        {3, false, "text/plain; charset=UTF-8", SPAN("6:4hello2:4\xe2\x82\xac"), ERR_END,
         "4hello|4\xe2\x82\xac|"},
        {3, false, "",
         SPAN("3:4\xf0\x9f\x94\x94"
              "1:2"),
         ERR_END, "4\xf0\x9f\x94\x94|2|"},
        {3, false, "", SPAN("10:b4AQIDBA==0:1:1"), ERR_END, "*4AQIDBA==|1|"},
        /* A euro sign written twice as UTF-8: three units. */
        {3, false, "", SPAN("4:4\xc3\xa2\xc2\x82\xc2\xac"), ERR_END, "4\xe2\x82\xac|"},
        {3, false, "", SPAN("2:4\xc3\xa9"), ERR_END, "4\xc3\xa9|"}, /* of 2.x: no UTF-8 in it */
        /* Revision 3, binary. */
        {3, false, OCTETS, SPAN(""), ERR_END, ""},
        {3, false, OCTETS, SPAN("1:2"), ERR_MALFORMED, ""},
        {3, false, OCTETS, SPAN("\0"), ERR_MALFORMED, ""},
        {3, false, OCTETS, SPAN("\0\1"), ERR_MALFORMED, ""},
        {3, false, OCTETS, SPAN("\0\xff"), ERR_MALFORMED, ""},
        {3, false, OCTETS, SPAN("\0\1\xff"), ERR_MALFORMED, ""},
        {3, false, OCTETS,
         SPAN("\0\0\1\xff"
              "2"),
         ERR_MALFORMED, ""},
        {3, false, OCTETS,
         SPAN("\2\1\xff"
              "2"),
         ERR_MALFORMED, ""},
        {3, false, OCTETS,
         SPAN("\0\x0a\xff"
              "2"),
         ERR_MALFORMED, ""},
        {3, false, OCTETS,
         SPAN("\0\2\xff"
              "2"),
         ERR_MALFORMED, ""},
        {3, false, OCTETS,
         SPAN("\0\1\2\3\4\5\6\7\1\2\3\xff"
              "2"),
         ERR_MALFORMED, ""},
        {3, false, OCTETS "; x=y",
         SPAN("\x00\x04\xff\x34\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04"), ERR_END,
         "4\xe2\x82\xac|*4\x01\x02\x03\x04|"},
        {2, false, OCTETS,
         SPAN("\x00\x06\xff"
              "4hello\x00\x00\xff"),
         ERR_END, "4hello|"},
        /* JSONP: a form. */
        {3, true, FORM, SPAN(""), ERR_MALFORMED, ""},
        {3, true, FORM, SPAN("d="), ERR_MALFORMED, ""},
        {3, true, FORM, SPAN("e=1%3A2"), ERR_MALFORMED, ""},
        {3, true, FORM, SPAN("d[]=1%3A2"), ERR_MALFORMED, ""},
        {3, true, FORM, SPAN("d=1%3"), ERR_MALFORMED, ""},
        {3, true, OCTETS,
         SPAN("\0\1\xff"
              "2"),
         ERR_MALFORMED, ""},
        {3, true, FORM, SPAN("d=1%3A2"), ERR_END, "2|"},
        {3, true, "", SPAN("x=&d=6%3A4a%5Cnb+c"), ERR_END, "4a\nb c|"},
        {3, true, FORM, SPAN("d=5%3A4a%5C%5Cnb"), ERR_END, "4a\\nb|"},
        {3, true, FORM, SPAN("d=6%3A4a%5C%5C%5Cnb"), ERR_END, "4a\\\\nb|"},
        {4, true, FORM, SPAN("d=4a%1E2"), ERR_END, "4a|2|"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        enum err e;

        buf_init(&out, 1000);
        e = decode_all(rows[i].revision, rows[i].is_jsonp, rows[i].content_type, rows[i].body,
                       &out);
        if (e != rows[i].e || !span_equal(buf_span(&out), span_of(rows[i].packets)))
            fail_msg("row %zu: %s, %.*s", i, err_text(e), SPAN_ARGS(buf_span(&out)));
        buf_deinit(&out);
    }
}

static void packets_of_a_payload_are_counted(void **state)
{
    static char body[3 * (EIO_PACKETS_MAX + 1)];

    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct eio_payload payload;
        struct eio_packet p;
        size_t count = 0;
        enum err e;

        for (size_t i = 0; i < EIO_PACKETS_MAX + 1; i++)
            memcpy(body + 3 * i, "1:2", 3);
        e = eio_payload_init(&payload, 3, false, SPAN(""), body, 3 * (EIO_PACKETS_MAX + over));
        while (!e && !(e = eio_payload_next(&payload, &p)))
            count++;
        assert_int_equal(count, EIO_PACKETS_MAX);
        assert_int_equal(e, over ? ERR_TOO_BIG : ERR_END);
    }
}

static void only_utf8_of_utf8_is_undone(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"ascii", "ascii"},
        {"\xc3\xa9", "\xc3\xa9"},         /* é */
        {"\xe2\x82\xac", "\xe2\x82\xac"}, /* not below U+0100 */
        {"\xc3\xa9\xc3\xa2\xc2\x82\xc2\xac", "\xc3\xa9\xc3\xa2\xc2\x82\xc2\xac"},
        {"\xc3\xa2\xc2\x82", "\xc3\xa2\xc2\x82"}, /* cut short */
        {"\xc3\xa2\x82", "\xc3\xa2\x82"},         /* not UTF-8 at all */
        {"a\xc3\xa2\xc2\x82\xc2\xac"
         "b",
         "a\xe2\x82\xac"
         "b"},
        {"\xc3\xb0\xc2\x9f\xc2\x94\xc2\x94", "\xf0\x9f\x94\x94"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char bytes[32];
        size_t len = strlen(rows[i].in);

        memcpy(bytes, rows[i].in, len);
        eio_undo_double(bytes, &len);
        assert_true(span_equal((struct span){bytes, len}, span_of(rows[i].out)));
    }
}

static void payloads_are_encoded(void **state)
{
    static const char long_packet[] = "0{\"sid\":\"" SID "\",\"upgrades\":[\"websocket\"],"
                                      "\"pingInterval\":25000,\"pingTimeout\":5000}";
    const struct {
        enum eio_framing framing;
        struct span out;
    } rows[] = {
        {EIO_TEXT_4, SPAN("0{\"sid\":\"" SID "\",\"upgrades\":[\"websocket\"],"
                          "\"pingInterval\":25000,\"pingTimeout\":5000}\x1e"
                          "40")},
        {EIO_TEXT_3, SPAN("96:0{\"sid\":\"" SID "\",\"upgrades\":[\"websocket\"],"
                          "\"pingInterval\":25000,\"pingTimeout\":5000}2:40")},
        {EIO_BINARY_3, SPAN("\x00\x09\x06\xff"
                            "0{\"sid\":\"" SID "\",\"upgrades\":[\"websocket\"],"
                            "\"pingInterval\":25000,\"pingTimeout\":5000}\x00\x02\xff"
                            "40")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;

        buf_init(&out, 200);
        assert_int_equal(eio_payload_append(rows[i].framing, SPAN(""), &out), ERR_INVALID);
        assert_int_equal(eio_payload_append(rows[i].framing, SPAN("4\xc3\xa9"), &out), ERR_INVALID);
        assert_int_equal(eio_payload_append(rows[i].framing, SPAN("4\x1e"), &out), ERR_INVALID);
        assert_int_equal(eio_payload_append(rows[i].framing, span_of(long_packet), &out), ERR_NONE);
        assert_int_equal(eio_payload_append(rows[i].framing, SPAN("40"), &out), ERR_NONE);
        assert_true(span_equal(buf_span(&out), rows[i].out));
        out.max = out.len + 2;
        assert_int_equal(eio_payload_append(rows[i].framing, SPAN("40"), &out), ERR_TOO_BIG);
        assert_true(span_equal(buf_span(&out), rows[i].out));
        buf_deinit(&out);
    }
}

static void scripts_hold_the_payload_as_a_string(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 200);
    assert_int_equal(eio_jsonp_encode(7,
                                      SPAN("11:42[\"\\u2028\\\"\"]\x1e"
                                           "2"),
                                      &out),
                     ERR_NONE);
    assert_true(span_equal(buf_span(&out),
                           SPAN("___eio[7](\"11:42[\\\"\\\\u2028\\\\\\\"\\\"]\\u001e2\");")));
    buf_reset(&out);
    assert_int_equal(eio_jsonp_encode(0, SPAN("\xe2\x80\xa8\xe2\x80\xa9"), &out), ERR_NONE);
    assert_true(span_equal(buf_span(&out), SPAN("___eio[0](\"\\u2028\\u2029\");")));
    buf_deinit(&out);
}

static void each_framing_has_its_content_type(void **state)
{
    (void)state;
    assert_string_equal(eio_content_type(EIO_TEXT_4, false), "text/plain; charset=UTF-8");
    assert_string_equal(eio_content_type(EIO_TEXT_3, false), "text/plain; charset=UTF-8");
    assert_string_equal(eio_content_type(EIO_BINARY_3, false), "application/octet-stream");
    assert_string_equal(eio_content_type(EIO_TEXT_3, true), "text/javascript; charset=UTF-8");
}

static void open_packets_have_exactly_their_keys(void **state)
{
    const struct {
        struct eio_open open;
        const char *out;
    } rows[] = {
        {{4, EIO_POLLING, SPAN("lv_VI97HAXpY6yYWAAAC"), 25000, 20000, 1000000},
         "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
         "\"pingTimeout\":20000,\"maxPayload\":1000000}"},
        {{4, EIO_WEBSOCKET, SPAN("E1"), 25000, 20000, 1000000},
         "0{\"sid\":\"E1\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,"
         "\"maxPayload\":1000000}"},
        {{3, EIO_POLLING, SPAN("lv_VI97HAXpY6yYWAAAC"), 25000, 5000, 1000000},
         "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
         "\"pingTimeout\":5000}"},
    };
    char sid[EIO_SID_MAX];
    struct eio_open longest = {4, EIO_POLLING, {sid, sizeof(sid)}, INT64_MAX, INT64_MAX, SIZE_MAX};
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_init(&out, EIO_OPEN_MAX);
        assert_int_equal(eio_open_encode(&rows[i].open, &out), ERR_NONE);
        assert_true(span_equal(buf_span(&out), span_of(rows[i].out)));
        buf_deinit(&out);
    }
    memset(sid, 'x', sizeof(sid));
    buf_init(&out, EIO_OPEN_MAX);
    assert_int_equal(eio_open_encode(&longest, &out), ERR_NONE);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_refused_with_a_code),
        cmocka_unit_test(queries_choose_what_is_sent),
        cmocka_unit_test(every_fault_has_status_and_message),
        cmocka_unit_test(packets_are_decoded),
        cmocka_unit_test(payloads_are_decoded),
        cmocka_unit_test(packets_of_a_payload_are_counted),
        cmocka_unit_test(only_utf8_of_utf8_is_undone),
        cmocka_unit_test(payloads_are_encoded),
        cmocka_unit_test(scripts_hold_the_payload_as_a_string),
        cmocka_unit_test(each_framing_has_its_content_type),
        cmocka_unit_test(open_packets_have_exactly_their_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
