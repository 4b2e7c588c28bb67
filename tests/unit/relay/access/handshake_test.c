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

static int admit(const char *head, struct upgrade *out, const char **headers)
{
    static const struct config config;
    static struct http_request req; /* *out borrows from it */
    const char *why = NULL;
    int status;

    *headers = "";
    *out = (struct upgrade){0};
    assert_int_equal(http_decode_head(span_of(head), HTTP_LINE_MAX, &req), ERR_NONE);
    status = span_equal(req.path, SPAN("/events"))
                 ? handshake_events(&req, &config, out, &why)
                 : handshake_websocket(&req, &config, out, &why, headers);
    assert_non_null(why);
    return status;
}

static void refusals_have_their_status(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
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
        {OURS COOKIE "Origin: *\r\n\r\n", 403},
        {OURS "Cookie: doorbell_token=\r\n\r\n", 403},
        {OURS "Cookie: doorbell_token=a; doorbell_token=b\r\n\r\n", 403},
        {OURS "Origin: *\r\n\r\n", 0},
        {OURS COOKIE "Origin: https://b.example\r\n\r\n", 403},
        {OURS "\r\n", 0},
        {OURS OWN_ORIGIN "\r\n", 0},
        {OURS OWN_ORIGIN COOKIE "\r\n", 0},
        {OURS "Cookie: other=1\r\n\r\n", 0},
        {OURS "Sec-WebSocket-Protocol: chat, doorbell.v1\r\n\r\n", 0},
        {"GET /ws?x=1 HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct upgrade a;
        const char *headers;
        int status = admit(rows[i].head, &a, &headers);

        if (status != rows[i].status)
            fail_msg("%d for %s", status, rows[i].head);
        assert_int_equal(strlen(headers) > 0, status == 426);
    }
}

static void origins_are_told_apart(void **state)
{
    static char listed[] = "https://site.example";
    static char *items[] = {listed, NULL};
    static const struct {
        const char *lines;
        enum handshake_origin origin;
        enum handshake_origin under_legacy; /* where a token is not all that lets in */
    } rows[] = {
        {"", ORIGIN_NOT_SAID, ORIGIN_NOT_SAID},
        {"Origin: https://site.example\r\n", ORIGIN_OURS, ORIGIN_OURS},
        {"Origin: *\r\n", ORIGIN_OF_PROGRAM, ORIGIN_OF_PROGRAM},
        {"Origin: *\r\nSec-Fetch-Site: same-origin\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {"Origin: *\r\nOrigin: *\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {"Origin: **\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {OWN_ORIGIN, ORIGIN_OF_PROGRAM, ORIGIN_FOREIGN},
        {"Origin: http://a.example:80\r\n", ORIGIN_OF_PROGRAM, ORIGIN_FOREIGN},
        {OWN_ORIGIN "Sec-Fetch-Site: same-origin\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {OWN_ORIGIN "Sec-Fetch-Site: x\r\nSec-Fetch-Site: y\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {"Origin: https://a.example:444\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {"Origin: https://b.example\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
        {"Origin: null\r\n", ORIGIN_FOREIGN, ORIGIN_FOREIGN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int legacy = 0; legacy < 3; legacy++) {
            struct config config = {.auth.origins = {items, 1},
                                    .relay.legacy_login = legacy == 1,
                                    .relay.legacy_anonymous = legacy == 2};
            struct http_request req;
            char head[512];

            snprintf(head, sizeof(head), "GET /ws HTTP/1.1\r\n" HOST "%s\r\n", rows[i].lines);
            assert_int_equal(http_decode_head(span_of(head), HTTP_LINE_MAX, &req), ERR_NONE);
            if (handshake_origin(&req, &config) != (legacy ? rows[i].under_legacy : rows[i].origin))
                fail_msg("%s, legacy %d", rows[i].lines, legacy);
            assert_true(rows[i].origin != ORIGIN_OF_PROGRAM ||
                        !handshake_is_vouched_for(&req, &config, handshake_origin(&req, &config)));
        }
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
        {EVENTS COOKIE "\r\n", 403},
        {EVENTS COOKIE "Sec-Fetch-Site: cross-site\r\n\r\n", 403},
        {EVENTS COOKIE "Sec-Fetch-Site: same-site\r\n\r\n", 403},
        {EVENTS COOKIE OWN_FETCH OWN_FETCH "\r\n", 403},
        {EVENTS COOKIE OWN_FETCH "Origin: https://b.example\r\n\r\n", 403},
        {EVENTS COOKIE OWN_FETCH "Origin: null\r\n\r\n", 403},
        {EVENTS OWN_FETCH "\r\n", 401},
        {EVENTS OWN_FETCH COOKIE "Cookie: doorbell_token=x\r\n\r\n", 401},
        {EVENTS OWN_FETCH COOKIE COOKIE "\r\n", 0},
        {EVENTS OWN_FETCH COOKIE "\r\n", 0},
        {EVENTS "Sec-Fetch-Site: none\r\n" COOKIE "\r\n", 0},
        {EVENTS OWN_ORIGIN COOKIE "\r\n", 0},
        {EVENTS COOKIE "Referer: http://a.example/inbox?page=2\r\n\r\n", 0},
        {EVENTS COOKIE "Referer: http://a.example\r\n\r\n", 0},
        {EVENTS COOKIE "Referer: http://b.example/http://a.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http://a.example.b.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http://a.example@b.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http:a.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http:/a.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: //a.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http:///a.example\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: \r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http://a.example/\r\nReferer: http://a.example/\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http://a.example/\r\nOrigin: http://b.example\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http://a.example/\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403},
        {EVENTS COOKIE "Referer: http://a.example/\r\nSec-Fetch-Site: same-site\r\n\r\n", 403},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct upgrade a;
        const char *headers;
        int status = admit(rows[i].head, &a, &headers);

        if (status != rows[i].status)
            fail_msg("%d for %s", status, rows[i].head);
        if (status)
            continue;
        assert_int_equal(a.transport, TRANSPORT_SSE);
        assert_true(span_equal(a.token, SPAN("abc")));
    }
}

static void the_head_is_composed_anew(void **state)
{
    char composed[HANDSHAKE_HEAD_MAX];
    struct upgrade a;
    struct http_request req;
    const char *headers;
    size_t len;

    (void)state;
    assert_int_equal(admit(OURS "Sec-WebSocket-Protocol: doorbell.v1\r\nX: y\r\n"
                                "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                           &a, &headers),
                     0);
    len = handshake_compose_head(&a, composed);
    assert_int_equal(http_decode_head((struct span){composed, len}, HTTP_LINE_MAX, &req), ERR_NONE);
    assert_int_equal(req.head_len, len);
    assert_int_equal(req.header_count, 6);
    assert_true(span_equal(http_header(&req, SPAN("Sec-WebSocket-Protocol")), SPAN("doorbell.v1")));
    assert_true(
        span_equal(http_header(&req, SPAN("Sec-WebSocket-Key")), SPAN("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_int_equal(admit(OURS "\r\n", &a, &headers), 0);
    len = handshake_compose_head(&a, composed);
    assert_int_equal(http_decode_head((struct span){composed, len}, HTTP_LINE_MAX, &req), ERR_NONE);
    assert_int_equal(req.header_count, 5);
    assert_int_equal(a.token.len, 0);
}

static void the_cookie_comes_along_up_to_its_limit(void **state)
{
    char head[HTTP_LINE_MAX];
    struct upgrade a;
    const char *headers;

    (void)state;
    assert_int_equal(admit(OURS OWN_ORIGIN COOKIE "\r\n", &a, &headers), 0);
    assert_true(span_equal(a.token, SPAN("abc")));
    snprintf(head, sizeof(head), OURS OWN_ORIGIN "Cookie: doorbell_token=%0*d\r\n\r\n", TOKEN_MAX,
             0);
    assert_int_equal(admit(head, &a, &headers), 0);
    assert_int_equal(a.token.len, TOKEN_MAX);
    snprintf(head, sizeof(head), OURS OWN_ORIGIN "Cookie: doorbell_token=%0*d\r\n\r\n",
             TOKEN_MAX + 1, 0);
    assert_int_equal(admit(head, &a, &headers), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_have_their_status),
        cmocka_unit_test(origins_are_told_apart),
        cmocka_unit_test(event_streams_are_for_our_own_pages),
        cmocka_unit_test(the_head_is_composed_anew),
        cmocka_unit_test(the_cookie_comes_along_up_to_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
