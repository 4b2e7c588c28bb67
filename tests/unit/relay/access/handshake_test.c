/* SPDX-License-Identifier: MIT */
#include "relay/access/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: a.example\r\n"
#define UPGRADE                                                                                    \
    "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define OURS "GET /ws HTTP/1.1\r\n" HOST UPGRADE KEY
#define OWN_ORIGIN "Origin: https://a.example\r\n"
#define COOKIE "Cookie: doorbell_token=abc\r\n"

static int admit(const char *head, struct admission *out, const char **headers)
{
    struct config_list origins = {NULL, 0};
    struct http_request req;
    const char *why = NULL;
    int status;

    *headers = "";
    assert_int_equal(http_decode_head(span_of(head), &req), ERR_NONE);
    status = handshake_request(&req, &origins, out, &why, headers);
    assert_non_null(why);
    return status;
}

static void refusals_have_their_status(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 404},
        {"GET /ws/ HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 404},
        {"GET /WS HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 404},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 404},
        {"POST /ws HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 405},
        {"PUT /ws HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 405},
        {"GET /ws HTTP/1.1\r\n" HOST "\r\n", 426},
        {"GET /ws HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nHTTP2-Settings: x\r\n" KEY
         "Connection: Upgrade, HTTP2-Settings\r\nSec-WebSocket-Version: 13\r\n\r\n",
         400},
        {"GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n" KEY
         "Sec-WebSocket-Version: 13\r\n\r\n",
         400},
        {OURS "Upgrade: h2c\r\n\r\n", 400},
        {"GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" KEY
         "\r\n",
         400},
        {"GET /ws HTTP/1.0\r\n" HOST UPGRADE KEY "\r\n", 400},
        {"GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY "\r\n",
         426},
        {"GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY
         "Sec-WebSocket-Version: 8\r\n\r\n",
         426},
        {"GET /ws HTTP/1.1\r\n" HOST UPGRADE "\r\n", 400},
        {"GET /ws HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Key: short\r\n\r\n", 400},
        {"GET /ws HTTP/1.1\r\n" HOST UPGRADE
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ\x80==\r\n\r\n",
         400},
        {"GET /ws HTTP/1.1\r\n" HOST UPGRADE KEY KEY "\r\n", 400},
        {OURS "Sec-WebSocket-Protocol: chat\r\n\r\n", 400},
        {OURS "Sec-WebSocket-Protocol: doorbell.v1x, chat\r\n\r\n", 400},
        {OURS "Sec-WebSocket-Protocol:\r\n\r\n", 400},
        {OURS "Origin: https://b.example\r\n\r\n", 403},
        {OURS "Origin: null\r\n\r\n", 403},
        {OURS OWN_ORIGIN OWN_ORIGIN "\r\n", 403},
        {OURS COOKIE "\r\n", 403},
        {OURS COOKIE "Origin: https://b.example\r\n\r\n", 403},
        {OURS "\r\n", 101},
        {OURS OWN_ORIGIN "\r\n", 101},
        {OURS OWN_ORIGIN COOKIE "\r\n", 101},
        {OURS "Cookie: other=1\r\n\r\n", 101},
        {OURS "Sec-WebSocket-Protocol: chat, doorbell.v1\r\n\r\n", 101},
        {"GET /ws?x=1 HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 101},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct admission a;
        const char *headers;
        int status = admit(rows[i].head, &a, &headers);

        if (status != rows[i].status)
            fail_msg("%d for %s", status, rows[i].head);
        assert_int_equal(strlen(headers) > 0, status == 405 || status == 426);
    }
}

#define EVENTS "GET /events HTTP/1.1\r\n" HOST
#define OWN_FETCH "Sec-Fetch-Site: same-origin\r\n"

static void event_streams_are_for_our_own_pages(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"GET /events/ HTTP/1.1\r\n" HOST OWN_FETCH COOKIE "\r\n", 404},
        {"POST /events HTTP/1.1\r\n" HOST OWN_FETCH COOKIE "\r\n", 405},
        {EVENTS COOKIE "\r\n", 403},
        {EVENTS COOKIE "Sec-Fetch-Site: cross-site\r\n\r\n", 403},
        {EVENTS COOKIE "Sec-Fetch-Site: same-site\r\n\r\n", 403},
        {EVENTS COOKIE OWN_FETCH OWN_FETCH "\r\n", 403},
        {EVENTS COOKIE OWN_FETCH "Origin: https://b.example\r\n\r\n", 403},
        {EVENTS COOKIE OWN_FETCH "Origin: null\r\n\r\n", 403},
        {EVENTS OWN_FETCH "\r\n", 401},
        {EVENTS OWN_FETCH COOKIE "Cookie: doorbell_token=x\r\n\r\n", 401},
        {EVENTS OWN_FETCH COOKIE COOKIE "\r\n", 200},
        {EVENTS OWN_FETCH COOKIE "\r\n", 200},
        {EVENTS "Sec-Fetch-Site: none\r\n" COOKIE "\r\n", 200},
        {EVENTS OWN_ORIGIN COOKIE "\r\n", 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct admission a;
        const char *headers;
        int status = admit(rows[i].head, &a, &headers);

        if (status != rows[i].status)
            fail_msg("%d for %s", status, rows[i].head);
        if (status != 200)
            continue;
        assert_ptr_equal(a.protocol, &sse_protocol);
        assert_false(a.wants_online);
        assert_true(span_equal((struct span){a.token, a.token_len}, SPAN("abc")));
    }
}

static void online_is_asked_for_by_a_parameter(void **state)
{
    static const struct {
        const char *query;
        bool wants_online;
    } rows[] = {{"?online=1", true},   {"?t=5&online=1", true}, {"?online=0", false},
                {"?online=10", false}, {"?xonline=1", false},   {"?", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct admission a;
        const char *headers;
        char head[256];

        snprintf(head, sizeof(head), "GET /events%s HTTP/1.1\r\n" HOST OWN_FETCH COOKIE "\r\n",
                 rows[i].query);
        assert_int_equal(admit(head, &a, &headers), 200);
        assert_int_equal(a.wants_online, rows[i].wants_online);
    }
}

static void the_head_is_composed_anew(void **state)
{
    struct admission a;
    struct http_request req;
    const char *headers;

    (void)state;
    assert_int_equal(admit(OURS "Sec-WebSocket-Protocol: doorbell.v1\r\nX: y\r\n"
                                "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                           &a, &headers),
                     101);
    assert_int_equal(http_decode_head((struct span){a.head, a.head_len}, &req), ERR_NONE);
    assert_int_equal(req.head_len, a.head_len);
    assert_int_equal(req.header_count, 6);
    assert_true(span_equal(http_header(&req, SPAN("Sec-WebSocket-Protocol")), SPAN("doorbell.v1")));
    assert_true(
        span_equal(http_header(&req, SPAN("Sec-WebSocket-Key")), SPAN("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_int_equal(admit(OURS "\r\n", &a, &headers), 101);
    assert_int_equal(http_decode_head((struct span){a.head, a.head_len}, &req), ERR_NONE);
    assert_int_equal(req.header_count, 5);
    assert_int_equal(a.token_len, 0);
}

static void the_cookie_comes_along_up_to_its_limit(void **state)
{
    char head[HTTP_HEAD_MAX];
    struct admission a;
    const char *headers;

    (void)state;
    assert_int_equal(admit(OURS OWN_ORIGIN COOKIE "\r\n", &a, &headers), 101);
    assert_true(span_equal((struct span){a.token, a.token_len}, SPAN("abc")));
    snprintf(head, sizeof(head), OURS OWN_ORIGIN "Cookie: doorbell_token=%0*d\r\n\r\n", TOKEN_MAX,
             0);
    assert_int_equal(admit(head, &a, &headers), 101);
    assert_int_equal(a.token_len, TOKEN_MAX);
    snprintf(head, sizeof(head), OURS OWN_ORIGIN "Cookie: doorbell_token=%0*d\r\n\r\n",
             TOKEN_MAX + 1, 0);
    assert_int_equal(admit(head, &a, &headers), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_have_their_status),
        cmocka_unit_test(event_streams_are_for_our_own_pages),
        cmocka_unit_test(online_is_asked_for_by_a_parameter),
        cmocka_unit_test(the_head_is_composed_anew),
        cmocka_unit_test(the_cookie_comes_along_up_to_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
