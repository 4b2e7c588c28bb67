/* SPDX-License-Identifier: MIT */
#include "relay/socketio/eio_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/socketio/packet.h"

#define SID "AAAAAAAAAAAAAAAAAAAA"
#define TIMEOUT "\"pingTimeout\":5000"
#define OPEN_3                                                                                     \
    "0{\"sid\":\"" SID "\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000," TIMEOUT "}"
#define OPEN_4                                                                                     \
    "0{\"sid\":\"" SID "\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000," TIMEOUT           \
    ",\"maxPayload\":1000000}"
#define OPEN_WS_3 "0{\"sid\":\"" SID "\",\"upgrades\":[],\"pingInterval\":25000," TIMEOUT "}"
#define OPEN_WS_4                                                                                  \
    "0{\"sid\":\"" SID "\",\"upgrades\":[],\"pingInterval\":25000," TIMEOUT                        \
    ",\"maxPayload\":1000000}"
#define POLL_3 "EIO=3&transport=polling&t=N8hyd6w"
#define POLL_4 "EIO=4&transport=polling&t=abc"
#define WS_3 "EIO=3&transport=websocket"
#define WS_4 "EIO=4&transport=websocket"

static const struct eio_limits limits = {25000, 5000, 10000, 45000, 1000000, 1024};

/* What a step does, or expects. */
enum op {
    AT = 1,   /* lets the time be text ms, and asks eio_session_check(): `expected` */
    POLL,     /* a GET comes: `expected` */
    GETS,     /* the pending poll is answered with text */
    HOLDS,    /* it is not to be answered yet */
    POST,     /* a POST comes: its last event's text, by `expected` */
    POST_BAD, /* a POST is refused */
    HEAR,     /* a frame comes by WebSocket: `expected` */
    HEAR_BIN,
    SENDS, /* the next packet for the WebSocket */
    IDLE,  /* there is none */
    TEXT,  /* the last event's text */
    ACCEPT,
    REFUSE,
    PUT,
    ONLINE,
    RING,
    LEAVE,
    CLOSE,
    PROBE,      /* a second connection comes: `expected` true or false */
    PROBE_HEAR, /* `expected` */
    PROBE_GONE,
    OVER, /* with text as the reason; `expected`: by the peer */
    NOT_OVER,
};

struct step {
    enum op op;
    const char *text;
    int expected;
};

struct stage {
    struct eio_session s;
    struct eio_event event;
    int64_t now_ms;
    const char *name;
    size_t step;
};

static void expect(const struct stage *st, bool is_good, const char *what)
{
    if (!is_good)
        fail_msg("%s, step %zu: %s", st->name, st->step, what);
}

static void expect_text(const struct stage *st, struct span is, const char *expected)
{
    if (!span_equal(is, span_of(expected)))
        fail_msg("%s, step %zu: '%.*s'", st->name, st->step, SPAN_ARGS(is));
}

static void play_open(struct stage *st, const char *query)
{
    struct eio_query q;
    enum eio_fault fault;

    assert_int_equal(eio_query_decode(span_of(query), &q, &fault), ERR_NONE);
    assert_int_equal(eio_session_open(&st->s, &q, SPAN(SID), SPAN("S1"), &limits, st->now_ms),
                     ERR_NONE);
}

static void play_gets(struct stage *st, const char *text)
{
    struct buf body;

    buf_init(&body, 10000);
    expect(st, eio_session_owes_poll(&st->s), "no answer is due");
    assert_int_equal(eio_session_take_payload(&st->s, &body), ERR_NONE);
    expect_text(st, buf_span(&body), text);
    expect(st, !eio_session_owes_poll(&st->s), "an answer is due still");
    expect(st, st->s.transport == EIO_WEBSOCKET || !st->s.outbox.bytes.data,
           "an empty outbox has memory");
    buf_deinit(&body);
}

static void play_post(struct stage *st, const struct step *step)
{
    struct eio_payload payload;
    char *body = strdup(step->text);
    enum eio_event_type last = EIO_EVENT_NOTHING;
    enum err e;

    assert_non_null(body);
    e = eio_session_start_payload(&st->s, SPAN(""), body, strlen(body), &payload);
    expect(st, (e != ERR_NONE) == (step->op == POST_BAD), "the body");
    while (!e && eio_session_hear_next(&st->s, &payload, st->now_ms, &st->event))
        last = st->event.type;
    expect(st, e || (int)last == step->expected, "another event");
    free(body);
}

static void play_hear(struct stage *st, const struct step *step)
{
    eio_session_hear(&st->s, span_of(step->text), step->op == HEAR_BIN, st->now_ms, &st->event);
    expect(st, (int)st->event.type == step->expected, "another event");
}

static void play_sends(struct stage *st, const char *text)
{
    struct span packet;

    expect(st, eio_session_peek(&st->s, &packet), "nothing is sent");
    expect_text(st, packet, text);
    eio_session_pop(&st->s);
}

static void play_put(struct stage *st, enum eio_kind kind, const char *text)
{
    struct buf packet;

    buf_init(&packet, 10000);
    assert_int_equal(sio_encode_event(SPAN("e"), span_of(text), &packet), ERR_NONE);
    (void)!eio_session_put(&st->s, kind, buf_span(&packet));
    buf_deinit(&packet);
}

static void play_probe(struct stage *st, const struct step *step)
{
    if (step->op == PROBE)
        expect(st, eio_session_start_probe(&st->s, st->now_ms) == step->expected, "the probe");
    else if (step->op == PROBE_GONE)
        eio_session_stop_probe(&st->s);
    else
        expect(st,
               (int)eio_session_hear_probe(&st->s, span_of(step->text), false, st->now_ms) ==
                   step->expected,
               "the probe's answer");
}

static void play_outcome(struct stage *st, const struct step *step)
{
    expect(st, eio_session_is_over(&st->s) == (step->op == OVER), "over or not");
    if (step->op == NOT_OVER)
        return;
    expect_text(st, span_of(st->s.reason), step->text);
    expect(st, st->s.is_by_peer == step->expected, "by whom");
}

static void play(struct stage *st, const struct step *step)
{
    struct span packet;

    switch (step->op) {
    case AT:
        assert_int_equal(span_parse_int(span_of(step->text), &st->now_ms), ERR_NONE);
        expect(st, (int)eio_session_check(&st->s, &limits, st->now_ms) == step->expected, "due");
        break;
    case POLL:
        expect(st, (int)eio_session_poll(&st->s) == step->expected, "the poll");
        break;
    case GETS:
        play_gets(st, step->text);
        break;
    case HOLDS:
        expect(st, !eio_session_owes_poll(&st->s), "an answer is due");
        break;
    case POST:
    case POST_BAD:
        play_post(st, step);
        break;
    case HEAR:
    case HEAR_BIN:
        play_hear(st, step);
        break;
    case SENDS:
        play_sends(st, step->text);
        break;
    case IDLE:
        expect(st, !eio_session_peek(&st->s, &packet), "something is sent");
        break;
    case TEXT:
        expect_text(st, (struct span){st->event.text, st->event.text_len}, step->text);
        break;
    case ACCEPT:
    case REFUSE:
        assert_int_equal(eio_session_answer(&st->s, &st->event, step->text), ERR_NONE);
        break;
    case PUT:
    case ONLINE:
    case RING:
        play_put(st, (enum eio_kind)(EIO_KIND_PLAIN + (int)step->op - PUT), step->text);
        break;
    case LEAVE:
        assert_int_equal(eio_session_leave(&st->s), ERR_NONE);
        break;
    case CLOSE:
        eio_session_close(&st->s, step->text, st->now_ms);
        break;
    case PROBE:
    case PROBE_HEAR:
    case PROBE_GONE:
        play_probe(st, step);
        break;
    case OVER:
    case NOT_OVER:
        play_outcome(st, step);
        break;
    }
}

struct script {
    const char *name;
    const char *query;
    struct step steps[24];
};

static void play_all(const struct script *scripts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        static struct stage st; /* large */

        st.name = scripts[i].name;
        st.now_ms = 0;
        play_open(&st, scripts[i].query);
        for (st.step = 0; scripts[i].steps[st.step].op; st.step++)
            play(&st, &scripts[i].steps[st.step]);
        eio_session_deinit(&st.s);
    }
}

#define PLAY(scripts) play_all(scripts, sizeof(scripts) / sizeof((scripts)[0]))

enum { NOTHING = EIO_EVENT_NOTHING, LOGIN = EIO_EVENT_LOGIN, AUTH = EIO_EVENT_AUTH };
enum { LEFT = EIO_EVENT_LEFT, CLOSED = EIO_EVENT_CLOSED };

static void a_session_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct eio_session) <= 200);
}

/* The page breaks the protocol: it is over, and a pending poll gets a close. */
static void what_breaks_the_protocol_ends_it(void **state)
{
    static const struct script scripts[] = {
        {"v4 payload",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POLL, 0, 0},
          {POST, "abc", CLOSED},
          {OVER, "malformed payload", false},
          {GETS, "1", 0},
          {POLL, 0, EIO_POLL_REFUSED},
          {POST_BAD, "2", 0},
          {AT, "1", EIO_DUE_CLOSE}}},
        {"v3 payload",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {POLL, 0, 0},
          {POST_BAD, "", 0},
          {OVER, "malformed payload", false},
          {GETS, "1:1", 0}}},
        {"v4 frame",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "x", CLOSED},
          {OVER, "malformed frame", false},
          {IDLE, 0, 0},
          {HEAR, "2", CLOSED}}},
        {"v4 ping", WS_4, {{HEAR, "2", CLOSED}, {OVER, "heartbeat in the wrong direction", false}}},
        {"v3 pong", WS_3, {{HEAR, "3", CLOSED}, {OVER, "heartbeat in the wrong direction", false}}},
        {"before CONNECT",
         WS_4,
         {{HEAR, "42[\"login\",\"7\"]", CLOSED}, {OVER, "packet out of place", false}}},
        {"leaves before CONNECT", WS_4, {{HEAR, "41", CLOSED}}},
        {"second CONNECT",
         WS_4,
         {{HEAR, "40", NOTHING}, {HEAR, "40", CLOSED}, {OVER, "second CONNECT", false}}},
        {"CONNECT_ERROR", WS_4, {{HEAR, "40", NOTHING}, {HEAR, "44\"x\"", CLOSED}}},
        {"v4 other namespace", WS_4, {{HEAR, "40", NOTHING}, {HEAR, "42/chat,[\"x\"]", CLOSED}}},
        {"v3 packet", WS_3, {{HEAR, "42{}", CLOSED}, {OVER, "malformed packet", false}}},
        {"v3 reserved",
         WS_3,
         {{HEAR, "42[\"disconnect\"]", CLOSED}, {OVER, "reserved event name", false}}},
        {"v4 reserved", WS_4, {{HEAR, "40", NOTHING}, {HEAR, "42[\"connect\"]", CLOSED}}},
        {"binary alone",
         WS_4,
         {{HEAR, "40", NOTHING},
          {HEAR_BIN, "x", CLOSED},
          {OVER, "binary without an event", false}}},
        {"attachment missing",
         WS_4,
         {{HEAR, "40", NOTHING},
          {HEAR, "451-[\"x\"]", NOTHING},
          {HEAR, "42[\"x\"]", CLOSED},
          {OVER, "attachment missing", false}}},
        {"overlapping polls",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POLL, 0, 0},
          {HOLDS, 0, 0},
          {POLL, 0, EIO_POLL_OVERLAP},
          {OVER, "overlapping polls", false},
          {GETS, "1", 0}}},
    };

    (void)state;
    PLAY(scripts);
}

static void logins_are_heard_and_answered(void **state)
{
    static const struct script scripts[] = {
        {"no argument",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {HEAR, "42[\"login\"]", NOTHING},
          {IDLE, 0, 0},
          {HEAR, "427[\"login\"]", NOTHING},
          {SENDS, "437[{\"ok\":false,\"error\":\"login takes a token\"}]", 0},
          {HEAR, "428[\"login\",\"\"]", NOTHING},
          {SENDS, "438[{\"ok\":false,\"error\":\"login takes a token\"}]", 0},
          {HEAR, "429[\"login\",{\"a\":[]}]", NOTHING},
          {SENDS, "439[{\"ok\":false,\"error\":\"login takes a token\"}]", 0},
          {HEAR, "420[\"login\",null]", NOTHING},
          {SENDS, "430[{\"ok\":false,\"error\":\"login takes a token\"}]", 0}}},
        {"refused, then not, then again",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {HEAR, "421[\"login\",\"x\"]", LOGIN},
          {TEXT, "x", 0},
          {REFUSE, "token not valid", 0},
          {SENDS, "431[{\"ok\":false,\"error\":\"token not valid\"}]", 0},
          {HEAR, "42[\"login\",\"y\"]", LOGIN},
          {REFUSE, "no", 0},
          {IDLE, 0, 0},
          {HEAR, "422[\"login\",42]", LOGIN},
          {TEXT, "42", 0},
          {ACCEPT, NULL, 0},
          {SENDS, "432[{\"ok\":true}]", 0},
          {HEAR, "423[\"login\",\"z\"]", NOTHING},
          {SENDS, "433[{\"ok\":true}]", 0},
          {HEAR, "42[\"login\",\"z\"]", NOTHING},
          {IDLE, 0, 0}}},
        {"others",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {HEAR, "421[\"chat\",\"x\"]", NOTHING},
          {HEAR, "42[7]", NOTHING},
          {HEAR, "431[]", NOTHING},
          {HEAR, "40", NOTHING},
          {HEAR, "44\"x\"", NOTHING},
          {HEAR, "42/chat,[\"login\",\"x\"]", NOTHING},
          {HEAR, "0", NOTHING},
          {HEAR, "5", NOTHING},
          {HEAR, "6", NOTHING},
          {IDLE, 0, 0}}},
        {"binary events",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {HEAR, "452-[\"file\",{\"_placeholder\":true,\"num\":0}]", NOTHING},
          {HEAR_BIN, "\x04\x01", NOTHING},
          {HEAR, "2", NOTHING},
          {HEAR, "b4AQ==", NOTHING},
          {HEAR, "461-3[{\"_placeholder\":true,\"num\":0}]", NOTHING},
          {HEAR_BIN, "\x04\x01", NOTHING},
          {SENDS, "3", 0},
          {HEAR, "451-5[\"login\",{\"_placeholder\":true,\"num\":0}]", NOTHING},
          {SENDS, "435[{\"ok\":false,\"error\":\"login takes a token\"}]", 0},
          {HEAR_BIN, "\x04\x01", NOTHING},
          {NOT_OVER, 0, 0}}},
        {"v2 writes UTF-8 twice",
         "EIO=2&transport=websocket",
         {{HEAR, "42[\"login\",\"\xc3\xa2\xc2\x82\xc2\xac\"]", LOGIN}, {TEXT, "\xe2\x82\xac", 0}}},
        {"v3 does not",
         WS_3,
         {{HEAR, "42[\"login\",\"\xc3\xa2\xc2\x82\xc2\xac\"]", LOGIN},
          {TEXT, "\xc3\xa2\xc2\x82\xc2\xac", 0}}},
        {"v4 token, refused, then not",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "40{\"token\":\"bad\"}", AUTH},
          {TEXT, "bad", 0},
          {PUT, "lost", 0},
          {REFUSE, "not authorized", 0},
          {SENDS, "44{\"message\":\"not authorized\"}", 0},
          {HEAR, "40{\"token\":\"good\"}", AUTH},
          {ACCEPT, NULL, 0},
          {SENDS, "40{\"sid\":\"S1\"}", 0},
          {HEAR, "421[\"login\",\"x\"]", NOTHING},
          {SENDS, "431[{\"ok\":true}]", 0}}},
        {"v4 token that is none",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "40{\"token\":\"\",\"pid\":1}", NOTHING},
          {SENDS, "40{\"sid\":\"S1\"}", 0},
          {HEAR, "42[\"login\",\"x\"]", LOGIN}}},
        {"v3 namespaces",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {HEAR, "40/chat?token=x", NOTHING},
          {SENDS, "44/chat,\"Invalid namespace\"", 0},
          {HEAR, "40/chat,", NOTHING},
          {SENDS, "44/chat,\"Invalid namespace\"", 0}}},
        {"v4 namespaces",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "40/chat,{\"token\":\"x\"}", NOTHING},
          {SENDS, "44/chat,{\"message\":\"Invalid namespace\"}", 0},
          {HEAR, "40", NOTHING},
          {SENDS, "40{\"sid\":\"S1\"}", 0}}},
        {"leaves and comes back",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "40", NOTHING},
          {SENDS, "40{\"sid\":\"S1\"}", 0},
          {HEAR, "41", LEFT},
          {PUT, "lost", 0},
          {IDLE, 0, 0},
          {AT, "25000", EIO_DUE_FLUSH},
          {SENDS, "2", 0},
          {HEAR, "3", NOTHING},
          {HEAR, "40", NOTHING},
          {SENDS, "40{\"sid\":\"S1\"}", 0},
          {PUT, "x", 0},
          {SENDS, "42[\"e\",\"x\"]", 0},
          {HEAR, "42[\"login\",\"7\"]", LOGIN},
          {ACCEPT, NULL, 0},
          {HEAR, "41", LEFT},
          {HEAR, "40", NOTHING},
          {HEAR, "42[\"login\",\"7\"]", LOGIN}}},
    };

    (void)state;
    PLAY(scripts);
}

static void packets_wait_for_polls(void **state)
{
    static const struct script scripts[] = {
        {"v4",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POLL, 0, 0},
          {HOLDS, 0, 0},
          {PUT, "lost", 0},
          {HOLDS, 0, 0},
          {POST, "40", NOTHING},
          {GETS, "40{\"sid\":\"S1\"}", 0},
          {PUT, "a", 0},
          {PUT, "b", 0},
          {HOLDS, 0, 0},
          {POLL, 0, 0},
          {GETS,
           "42[\"e\",\"a\"]\x1e"
           "42[\"e\",\"b\"]",
           0},
          {POLL, 0, 0},
          {PUT, "c", 0},
          {GETS, "42[\"e\",\"c\"]", 0}}},
        {"v2", "EIO=2&transport=polling", {{POST, "14:42[\"login\",42]", LOGIN}, {TEXT, "42", 0}}},
        {"JSONP",
         POLL_3 "&j=3&b64=1",
         {{GETS,
           "___eio[3](\"96:0{\\\"sid\\\":\\\"" SID "\\\",\\\"upgrades\\\":[\\\"websocket\\\"],"
           "\\\"pingInterval\\\":25000,\\\"pingTimeout\\\":5000}2:40\");",
           0},
          {POST, "d=14%3A42%5B%22login%22%2C42%5D", LOGIN},
          {TEXT, "42", 0},
          {ACCEPT, 0, 0},
          {POST, "d=1%3A2", NOTHING},
          {POLL, 0, 0},
          {GETS, "___eio[3](\"1:3\");", 0}}},
        {"merges",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {ONLINE, "1", 0},
          {RING, "r", 0},
          {PUT, "a", 0},
          {ONLINE, "23", 0},
          {RING, "r", 0},
          {ONLINE, "4", 0},
          {PUT, "b", 0},
          {POLL, 0, 0},
          {GETS,
           "11:42[\"e\",\"r\"]11:42[\"e\",\"a\"]11:42[\"e\",\"4\"]"
           "11:42[\"e\",\"b\"]",
           0},
          {RING, "r", 0},
          {ONLINE, "5", 0},
          {POLL, 0, 0},
          {GETS, "11:42[\"e\",\"r\"]11:42[\"e\",\"5\"]", 0}}},
        {"merges on a WebSocket",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {PUT, "a", 0},
          {ONLINE, "1", 0},
          {RING, "r", 0},
          {SENDS, "42[\"e\",\"a\"]", 0},
          {ONLINE, "2", 0},
          {SENDS, "42[\"e\",\"r\"]", 0},
          {RING, "s", 0},
          {SENDS, "42[\"e\",\"2\"]", 0},
          {ONLINE, "3", 0},
          {SENDS, "42[\"e\",\"s\"]", 0},
          {SENDS, "42[\"e\",\"3\"]", 0},
          {IDLE, 0, 0}}},
        {"the page closes",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {POLL, 0, 0},
          {POST, "2:411:1", CLOSED},
          {OVER, "closed by the page", true},
          {GETS, "1:6", 0},
          {POLL, 0, EIO_POLL_REFUSED}}},
        {"closed while it polls",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {POLL, 0, 0},
          {LEAVE, 0, 0},
          {CLOSE, "kicked", 0},
          {NOT_OVER, 0, 0},
          {PUT, "lost", 0},
          {GETS, "2:411:1", 0},
          {OVER, "kicked", false}}},
        {"closed between polls",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POST, "40", NOTHING},
          {POLL, 0, 0},
          {GETS, "40{\"sid\":\"S1\"}", 0},
          {LEAVE, 0, 0},
          {CLOSE, "kicked", 0},
          {POST, "42[\"login\",\"x\"]", NOTHING},
          {AT, "29999", EIO_DUE_NOTHING},
          {POLL, 0, 0},
          {GETS,
           "41\x1e"
           "1",
           0},
          {OVER, "kicked", false}}},
        {"closed, and polls no more",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {CLOSE, "kicked", 0},
          {AT, "29999", EIO_DUE_NOTHING},
          {AT, "30000", EIO_DUE_CLOSE},
          {OVER, "kicked", false}}},
        {"closed on a WebSocket",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {LEAVE, 0, 0},
          {LEAVE, 0, 0},
          {CLOSE, "kicked", 0},
          {SENDS, "40", 0},
          {NOT_OVER, 0, 0},
          {SENDS, "41", 0},
          {OVER, "kicked", false}}},
        {"closed, and nothing waits",
         WS_4,
         {{SENDS, OPEN_WS_4, 0}, {CLOSE, "restarting", 0}, {OVER, "restarting", false}}},
    };

    (void)state;
    PLAY(scripts);
}

static void time_goes_by(void **state)
{
    static const struct script scripts[] = {
        {"v3 silent",
         WS_3,
         {{AT, "29999", EIO_DUE_NOTHING},
          {AT, "30000", EIO_DUE_CLOSE},
          {OVER, "ping timeout", false}}},
        {"v3 any packet counts",
         WS_3,
         {{SENDS, OPEN_WS_3, 0},
          {SENDS, "40", 0},
          {AT, "20000", EIO_DUE_NOTHING},
          {HEAR, "42[\"x\"]", NOTHING},
          {AT, "49999", EIO_DUE_NOTHING},
          {HEAR, "2", NOTHING},
          {SENDS, "3", 0},
          {AT, "79998", EIO_DUE_NOTHING},
          {AT, "79999", EIO_DUE_CLOSE}}},
        {"v4 no pong",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POST, "40", NOTHING},
          {POLL, 0, 0},
          {GETS, "40{\"sid\":\"S1\"}", 0},
          {POLL, 0, 0},
          {AT, "24999", EIO_DUE_NOTHING},
          {HOLDS, 0, 0},
          {AT, "25000", EIO_DUE_FLUSH},
          {GETS, "2", 0},
          {AT, "29999", EIO_DUE_NOTHING},
          {POST, "42[\"x\"]", NOTHING},
          {AT, "30000", EIO_DUE_CLOSE},
          {OVER, "ping timeout", false}}},
        {"v4 pongs",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POST, "40", NOTHING},
          {POLL, 0, 0},
          {GETS, "40{\"sid\":\"S1\"}", 0},
          {AT, "25500", EIO_DUE_FLUSH},
          {POLL, 0, 0},
          {GETS, "2", 0},
          {AT, "30000", EIO_DUE_NOTHING},
          {POST, "3", NOTHING},
          {AT, "54999", EIO_DUE_NOTHING},
          {AT, "55000", EIO_DUE_FLUSH},
          {POLL, 0, 0},
          {GETS, "2", 0},
          {NOT_OVER, 0, 0}}},
        {"no CONNECT",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "40/chat,", NOTHING},
          {AT, "25000", EIO_DUE_FLUSH},
          {HEAR, "3", NOTHING},
          {AT, "44999", EIO_DUE_NOTHING},
          {AT, "45000", EIO_DUE_CLOSE},
          {OVER, "no CONNECT in time", false}}},
        {"no upgrade",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {AT, "1000", 0},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {AT, "10999", EIO_DUE_NOTHING},
          {AT, "11000", EIO_DUE_DROP_PROBE},
          {AT, "11000", EIO_DUE_NOTHING},
          {PROBE_HEAR, "5", EIO_PROBE_REFUSED},
          {POLL, 0, 0},
          {HOLDS, 0, 0},
          {PROBE, 0, true}}},
        {"an upgrade counts as a packet",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {AT, "20000", EIO_DUE_NOTHING},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {AT, "29000", EIO_DUE_NOTHING},
          {PROBE_HEAR, "5", EIO_PROBE_UPGRADED},
          {AT, "58999", EIO_DUE_NOTHING},
          {AT, "59000", EIO_DUE_CLOSE}}},
    };

    (void)state;
    PLAY(scripts);
}

static void polling_becomes_a_websocket(void **state)
{
    static const struct script scripts[] = {
        {"without a probe",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {POLL, 0, 0},
          {PROBE, 0, true},
          {HOLDS, 0, 0},
          {PROBE_HEAR, "5", EIO_PROBE_UPGRADED},
          {GETS, "1:6", 0},
          {PUT, "a", 0},
          {SENDS, "42[\"e\",\"a\"]", 0},
          {NOT_OVER, 0, 0}}},
        {"other packets",
         POLL_3,
         {{PROBE, 0, true},
          {PROBE_HEAR, "42[\"login\",1]", EIO_PROBE_REFUSED},
          {PROBE, 0, true},
          {PROBE_HEAR, "2", EIO_PROBE_REFUSED},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe2", EIO_PROBE_REFUSED},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {PROBE_HEAR, "4", EIO_PROBE_REFUSED},
          {PROBE, 0, true},
          {PROBE_HEAR, "", EIO_PROBE_REFUSED},
          {NOT_OVER, 0, 0}}},
        {"one at a time",
         POLL_3,
         {{PROBE, 0, true},
          {PROBE, 0, false},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {PROBE, 0, false},
          {PROBE_GONE, 0, 0},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {PROBE_HEAR, "5", EIO_PROBE_UPGRADED},
          {PROBE, 0, false}}},
        {"not of a WebSocket", WS_4, {{PROBE, 0, false}}},
        {"not of a closing one",
         POLL_4,
         {{PROBE, 0, true},
          {CLOSE, "kicked", 0},
          {PROBE_HEAR, "2probe", EIO_PROBE_REFUSED},
          {PROBE, 0, false}}},
        {"v4, back to back",
         POLL_4,
         {{GETS, OPEN_4, 0},
          {POST, "40", NOTHING},
          {POLL, 0, 0},
          {GETS, "40{\"sid\":\"S1\"}", 0},
          {POLL, 0, 0},
          {PROBE, 0, true},
          {HOLDS, 0, 0},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {PROBE_HEAR, "5", EIO_PROBE_UPGRADED},
          {PUT, "a", 0},
          {GETS, "6", 0},
          {POLL, 0, EIO_POLL_REFUSED},
          {POST_BAD, "3", 0},
          {NOT_OVER, 0, 0},
          {SENDS, "42[\"e\",\"a\"]", 0},
          {IDLE, 0, 0}}},
        {"messages go by polling until then",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {POLL, 0, 0},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {GETS, "1:6", 0},
          {POLL, 0, 0},
          {GETS, "1:6", 0},
          {PUT, "a", 0},
          {IDLE, 0, 0},
          {POLL, 0, 0},
          {GETS, "11:42[\"e\",\"a\"]", 0},
          {POST, "1:2", NOTHING},
          {PUT, "b", 0},
          {PROBE_HEAR, "5", EIO_PROBE_UPGRADED},
          {SENDS, "3", 0},
          {SENDS, "42[\"e\",\"b\"]", 0},
          {HEAR, "1", CLOSED},
          {OVER, "closed by the page", true}}},
    };

    (void)state;
    PLAY(scripts);
}

/* Whole sessions, as clients 2.x, 4.x and 1.3.7 have them. */
static void transcripts_are_followed_to_the_byte(void **state)
{
    static const struct script scripts[] = {
        {"2.x, polling, then upgrade",
         POLL_3,
         {{GETS, "96:" OPEN_3 "2:40", 0},
          {POLL, 0, 0},
          {HOLDS, 0, 0},
          {POST, "14:42[\"login\",42]", LOGIN},
          {TEXT, "42", 0},
          {ACCEPT, 0, 0},
          {ONLINE, "<b>0</b> / 0", 0},
          {GETS, "22:42[\"e\",\"<b>0</b> / 0\"]", 0},
          {POLL, 0, 0},
          {PROBE, 0, true},
          {PROBE_HEAR, "2probe", EIO_PROBE_PONG},
          {GETS, "1:6", 0},
          {PROBE_HEAR, "5", EIO_PROBE_UPGRADED},
          {PUT, "hi", 0},
          {SENDS, "42[\"e\",\"hi\"]", 0},
          {HEAR, "2", NOTHING},
          {SENDS, "3", 0},
          {NOT_OVER, 0, 0}}},
        {"4.x, WebSocket only",
         WS_4,
         {{SENDS, OPEN_WS_4, 0},
          {HEAR, "40{\"token\":\"t\"}", AUTH},
          {TEXT, "t", 0},
          {ACCEPT, 0, 0},
          {SENDS, "40{\"sid\":\"S1\"}", 0},
          {HEAR, "42[\"login\",\"7\"]", NOTHING},
          {ONLINE, "n", 0},
          {SENDS, "42[\"e\",\"n\"]", 0},
          {PUT, "You have a new message", 0},
          {SENDS, "42[\"e\",\"You have a new message\"]", 0},
          {AT, "25000", EIO_DUE_FLUSH},
          {SENDS, "2", 0},
          {HEAR, "3", NOTHING},
          {HEAR, "41", LEFT},
          {HEAR, "1", CLOSED},
          {OVER, "closed by the page", true}}},
    };

    (void)state;
    PLAY(scripts);
}

static void open_or_abort(struct eio_session *s, const char *query, const struct eio_limits *l)
{
    struct eio_query q;
    enum eio_fault fault;

    assert_int_equal(eio_query_decode(span_of(query), &q, &fault), ERR_NONE);
    assert_int_equal(eio_session_open(s, &q, SPAN(SID), SPAN("S1"), l, 0), ERR_NONE);
}

static void old_clients_get_octets(void **state)
{
    struct eio_session s;
    struct buf body;

    (void)state;
    open_or_abort(&s, "EIO=3&transport=polling&t=1445590039000-0", &limits);
    buf_init(&body, 1000);
    assert_int_equal(eio_session_take_payload(&s, &body), ERR_NONE);
    assert_true(span_equal(buf_span(&body), SPAN("\x00\x09\x06\xff" OPEN_3 "\x00\x02\xff"
                                                 "40")));
    assert_string_equal(eio_content_type((enum eio_framing)s.client.framing, s.client.jsonp >= 0),
                        "application/octet-stream");
    buf_deinit(&body);
    eio_session_deinit(&s);
}

static void old_clients_post_octets(void **state)
{
    static struct eio_event event;
    struct eio_session s;
    struct eio_payload payload;
    char body[] = "\x00\x02\x00\xff"
                  "42[\"login\",\"\xc3\xa2\xc2\x82\xc2\xac\"]";

    (void)state;
    open_or_abort(&s, "EIO=2&transport=polling", &limits);
    assert_int_equal(eio_session_start_payload(&s, SPAN("application/octet-stream"), body,
                                               sizeof(body) - 1, &payload),
                     ERR_NONE);
    assert_true(eio_session_hear_next(&s, &payload, 0, &event));
    assert_int_equal(event.type, EIO_EVENT_LOGIN);
    assert_true(
        span_equal((struct span){event.text, event.text_len}, SPAN("\xc3\xa2\xc2\x82\xc2\xac")));
    assert_false(eio_session_hear_next(&s, &payload, 0, &event));
    eio_session_deinit(&s);
}

static void a_lost_poll_ends_it(void **state)
{
    struct eio_session s;

    (void)state;
    open_or_abort(&s, POLL_4, &limits);
    eio_session_lose_poll(&s);
    assert_true(eio_session_is_over(&s));
    assert_false(eio_session_owes_poll(&s));
    assert_true(s.is_by_peer);
    eio_session_deinit(&s);
}

static void what_waits_has_a_ceiling(void **state)
{
    struct eio_limits small = limits;
    struct eio_session s;
    struct eio_query q = {.revision = 4, .jsonp = -1};
    struct span packet = SPAN("42[\"e\",\"0123456789\"]");
    struct buf body;
    size_t room;

    (void)state;
    small.max_pending = EIO_PENDING_MIN - 1;
    assert_int_equal(eio_session_open(&s, &q, SPAN(SID), SPAN("S1"), &small, 0), ERR_TOO_MANY);
    small.max_pending = EIO_PENDING_MIN;
    open_or_abort(&s, POLL_3, &small);
    room = (EIO_PENDING_MIN - s.outbox.bytes.len) / (packet.len + 1);
    for (size_t i = 0; i < room; i++)
        assert_int_equal(eio_session_put(&s, EIO_KIND_PLAIN, packet), ERR_NONE);
    assert_int_equal(eio_session_put(&s, EIO_KIND_PLAIN, packet), ERR_TOO_MANY);
    assert_true(eio_session_is_over(&s));
    assert_string_equal(s.reason, "too much waits for it");
    assert_null(s.outbox.bytes.data);
    buf_init(&body, 100);
    assert_int_equal(eio_session_take_payload(&s, &body), ERR_NONE);
    assert_true(span_equal(buf_span(&body), SPAN("1:1")));
    buf_deinit(&body);
}

/* A WebSocket that takes one packet for each that comes never gets there. */
static void what_has_gone_out_counts_no_more(void **state)
{
    struct eio_limits small = limits;
    struct eio_session s;
    struct span packet;

    (void)state;
    small.max_pending = EIO_PENDING_MIN;
    open_or_abort(&s, WS_3, &small);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(eio_session_has_waiting(&s));
        assert_int_equal(eio_session_put(&s, (enum eio_kind)(i % 3), SPAN("42[\"e\",\"012\"]")),
                         ERR_NONE);
        assert_true(eio_session_peek(&s, &packet));
        eio_session_pop(&s);
    }
    while (eio_session_peek(&s, &packet))
        eio_session_pop(&s);
    assert_null(s.outbox.bytes.data);
    assert_false(eio_session_has_waiting(&s));
    eio_session_deinit(&s);
}

static void a_payload_that_finds_no_room_ends_it(void **state)
{
    static const char *const queries[] = {POLL_3, POLL_4, POLL_3 "&j=0"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct eio_session s;
        struct buf body;

        open_or_abort(&s, queries[i], &limits);
        buf_init(&body, 50);
        assert_int_equal(eio_session_take_payload(&s, &body), ERR_TOO_BIG);
        assert_true(eio_session_is_over(&s));
        assert_false(eio_session_owes_poll(&s));
        buf_deinit(&body);
    }
}

static void long_tokens_are_refused(void **state)
{
    static char frame[TOKEN_MAX + 100];
    static struct eio_event event;

    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        struct eio_session s;
        struct span packet;
        size_t n = TOKEN_MAX + over;

        open_or_abort(&s, WS_4, &limits);
        eio_session_pop(&s);
        memcpy(frame, "40{\"token\":\"", 12);
        memset(frame + 12, 'x', n);
        memcpy(frame + 12 + n, "\"}", 2);
        eio_session_hear(&s, (struct span){frame, n + 14}, false, 0, &event);
        assert_int_equal(event.type, over ? EIO_EVENT_NOTHING : EIO_EVENT_AUTH);
        assert_int_equal(event.text_len, over ? 0 : TOKEN_MAX);
        assert_int_equal(eio_session_peek(&s, &packet), over);
        if (over)
            assert_true(span_equal(packet, SPAN("44{\"message\":\"not authorized\"}")));
        eio_session_deinit(&s);
    }
}

static void a_cookie_may_have_logged_in(void **state)
{
    static struct eio_event event;
    struct eio_session s;

    (void)state;
    open_or_abort(&s, WS_4, &limits);
    eio_session_set_logged_in(&s);
    eio_session_hear(&s, SPAN("40{\"token\":\"x\"}"), false, 0, &event);
    assert_int_equal(event.type, EIO_EVENT_NOTHING);
    assert_true(s.is_connected);
    eio_session_hear(&s, SPAN("42[\"login\",\"x\"]"), false, 0, &event);
    assert_int_equal(event.type, EIO_EVENT_NOTHING);
    eio_session_deinit(&s);
}

/* A reload has changed the interval since the handshake told it. */
static void a_client_is_pinged_no_later_than_it_was_told(void **state)
{
    static const struct {
        int64_t interval_ms, at_ms;
    } rows[] = {{50000, 25000}, {1000, 1000}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct eio_limits now = limits;
        struct eio_session s;

        now.ping_interval_ms = rows[i].interval_ms;
        open_or_abort(&s, WS_4, &limits);
        assert_int_equal(eio_session_check(&s, &now, rows[i].at_ms - 1), EIO_DUE_NOTHING);
        assert_int_equal(eio_session_check(&s, &now, rows[i].at_ms), EIO_DUE_FLUSH);
        eio_session_deinit(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_small),
        cmocka_unit_test(what_breaks_the_protocol_ends_it),
        cmocka_unit_test(logins_are_heard_and_answered),
        cmocka_unit_test(packets_wait_for_polls),
        cmocka_unit_test(time_goes_by),
        cmocka_unit_test(a_client_is_pinged_no_later_than_it_was_told),
        cmocka_unit_test(polling_becomes_a_websocket),
        cmocka_unit_test(transcripts_are_followed_to_the_byte),
        cmocka_unit_test(old_clients_get_octets),
        cmocka_unit_test(old_clients_post_octets),
        cmocka_unit_test(a_lost_poll_ends_it),
        cmocka_unit_test(what_waits_has_a_ceiling),
        cmocka_unit_test(what_has_gone_out_counts_no_more),
        cmocka_unit_test(a_payload_that_finds_no_room_ends_it),
        cmocka_unit_test(long_tokens_are_refused),
        cmocka_unit_test(a_cookie_may_have_logged_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
