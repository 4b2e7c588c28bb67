/* SPDX-License-Identifier: MIT */
#include "relay/http/realip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define FORWARDED "X-Forwarded-For: "

static void the_address_is_the_one_before_the_trusted(void **state)
{
    static const struct {
        const char *from; /* empty: a unix socket */
        const char *headers, *address;
    } rows[] = {
        /* A peer that is not trusted may claim what it likes. */
        {"203.0.113.9", FORWARDED "192.0.2.1\r\n", "203.0.113.9"},
        {"203.0.113.9", FORWARDED "10.0.0.1, unix, 127.0.0.1\r\n", "203.0.113.9"},
        /* A client behind the proxy may write a list of its own: only the end counts. */
        {"127.0.0.1", FORWARDED "198.51.100.1, 192.0.2.1\r\n", "192.0.2.1"},
        {"127.0.0.1", FORWARDED "10.0.0.1, 192.0.2.1\r\n", "192.0.2.1"},
        {"127.0.0.1", FORWARDED "198.51.100.1\r\nx-forwarded-for: 192.0.2.1\r\n", "192.0.2.1"},
        /* What is no address ends the way. */
        {"127.0.0.1", FORWARDED "unknown\r\n", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "192.0.2.1, \r\n", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "[192.0.2.1]x\r\n", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "[2001:db8::1\r\n", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "192.0.2.1, evil, 10.1.1.1\r\n", "10.1.1.1"},
        {"127.0.0.1", "X-Real-IP: 192.0.2.1\r\n", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "192.0.2.1:80\r\n", "192.0.2.1"},
        {"127.0.0.1", FORWARDED "[2001:db8::1], 10.0.0.1:443\r\n", "2001:db8::1"},
        {"127.0.0.1", FORWARDED "[2001:db8::1]:443\r\n", "2001:db8::1"},
        {"127.0.0.1", "Forwarded: for=\"[2001:db8::1]:443\";proto=https\r\n", "2001:db8::1"},
        {"127.0.0.1", "Forwarded: for=192.0.2.7, For=10.0.0.1\r\n", "192.0.2.7"},
        {"127.0.0.1", FORWARDED "10.0.0.1\r\nForwarded: for=192.0.2.7\r\n", "192.0.2.7"},
        {"127.0.0.1", FORWARDED "192.0.2.1\r\nForwarded: for=192.0.2.7\r\n", "192.0.2.1"},
        {"127.0.0.1", "Forwarded: for=_hidden\r\n", "127.0.0.1"},
        {"127.0.0.1", "", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "\r\n", "127.0.0.1"},
        {"127.0.0.1", FORWARDED "192.0.2.1\r\n", "192.0.2.1"},
        {"127.0.0.1", FORWARDED "192.0.2.1, 10.1.1.1 ,10.2.2.2\r\n", "192.0.2.1"},
        {"127.0.0.1", FORWARDED "192.0.2.1\r\nX-Forwarded-For: 10.1.1.1\r\n", "192.0.2.1"},
        {"127.0.0.1", FORWARDED "10.1.1.1\r\n", "10.1.1.1"},
        {"127.0.0.1", FORWARDED "2001:db8::1\r\n", "2001:db8::1"},
        {"", FORWARDED "192.0.2.1\r\n", "192.0.2.1"},
        {"", "", "unix"},
    };
    char loopback[] = "127.0.0.1", network[] = "10.0.0.0/8", local[] = "unix";
    char *items[] = {loopback, network, local, NULL};
    struct config_list trusted = {items, 3}, nobody = {items + 3, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char head[512], text[IP_TEXT_MAX], first[IP_TEXT_MAX];
        struct http_request req;
        struct ip ip = {{0}};

        snprintf(head, sizeof(head), "GET /ws HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].headers);
        assert_int_equal(http_decode_head(span_of(head), HTTP_LINE_MAX, &req), ERR_NONE);
        if (*rows[i].from)
            assert_int_equal(ip_parse(span_of(rows[i].from), &ip), ERR_NONE);
        req.peer = ip;
        realip_resolve(&req, &nobody);
        ip_format(&req.peer, text);
        ip_format(&ip, first);
        assert_string_equal(text, first);
        realip_resolve(&req, &trusted);
        ip_format(&req.peer, text);
        assert_string_equal(text, rows[i].address);
    }
}

static void scheme_and_host_are_those_before_the_trusted(void **state)
{
    static const struct {
        const char *from, *headers, *scheme, *host;
    } rows[] = {
        {"203.0.113.9", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n", "", "h"},
        {"203.0.113.9", "Forwarded: proto=https;host=evil\r\n", "", "h"},
        {"127.0.0.1", "", "", "h"},
        {"127.0.0.1", "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host:\r\n", "", "h"},
        {"127.0.0.1", "X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Host: a:8\r\n", "https", "a:8"},
        {"127.0.0.1", "X-Forwarded-Proto: ws\r\n", "http", "h"},
        /* What the client of the first proxy claims does not count. */
        {"127.0.0.1", FORWARDED "192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n", "http", "h"},
        {"127.0.0.1", FORWARDED "192.0.2.1\r\nX-Forwarded-Proto: , http\r\n", "http", "h"},
        /* TLS ended at 10.1.1.1, which said so, or whose word was written over by the next one. */
        {"127.0.0.1",
         FORWARDED "192.0.2.1, 10.1.1.1\r\nX-Forwarded-Proto: https, http\r\n"
                   "X-Forwarded-Host: a, b\r\n",
         "https", "a"},
        {"127.0.0.1", FORWARDED "10.1.1.1\r\nX-Forwarded-Proto: https, http\r\n", "https", "h"},
        {"127.0.0.1", FORWARDED "192.0.2.1, 10.1.1.1\r\nX-Forwarded-Proto: https\r\n", "https",
         "h"},
        {"127.0.0.1",
         FORWARDED "10.1.1.1\r\nX-Forwarded-Proto: , http\r\n"
                   "Forwarded: for=192.0.2.1; Proto=\"https\" ;host=a\r\n",
         "https", "a"},
        {"127.0.0.1", "Forwarded: for=\"[::1]\";proto=https\r\n", "https", "h"},
        {"", "X-Forwarded-Proto: https\r\n", "https", "h"},
    };
    char loopback[] = "127.0.0.1", network[] = "10.0.0.0/8", local[] = "unix";
    char *items[] = {loopback, network, local};
    struct config_list trusted = {items, 3};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char head[512];
        struct http_request req;
        struct ip ip = {{0}};

        snprintf(head, sizeof(head), "GET /ws HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].headers);
        assert_int_equal(http_decode_head(span_of(head), HTTP_LINE_MAX, &req), ERR_NONE);
        if (*rows[i].from)
            assert_int_equal(ip_parse(span_of(rows[i].from), &ip), ERR_NONE);
        req.peer = ip;
        realip_resolve(&req, &trusted);
        if (!span_equal(req.scheme, span_of(rows[i].scheme)) ||
            !span_equal(req.host, span_of(rows[i].host)))
            fail_msg("row %zu: %.*s %.*s", i, SPAN_ARGS(req.scheme), SPAN_ARGS(req.host));
    }
}

static void a_web_server_that_is_not_trusted_hides_its_clients(void **state)
{
    static const struct {
        const char *from, *headers;
        bool is_hidden;
    } rows[] = {
        {"203.0.113.9", FORWARDED "192.0.2.1\r\n", true},
        {"203.0.113.9", FORWARDED "192.0.2.1\r\n" FORWARDED "192.0.2.1\r\n", true},
        {"203.0.113.9", "", false},
        {"10.1.1.1", FORWARDED "192.0.2.1\r\n", false},
        {"10.1.1.1", "", false},
    };
    char network[] = "10.0.0.0/8";
    char *items[] = {network, NULL};
    struct config_list trusted = {items, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_request req;
        char head[512];

        snprintf(head, sizeof(head), "GET /ws HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].headers);
        assert_int_equal(http_decode_head(span_of(head), HTTP_LINE_MAX, &req), ERR_NONE);
        assert_int_equal(ip_parse(span_of(rows[i].from), &req.peer), ERR_NONE);
        assert_int_equal(realip_is_hidden(&req, &trusted), rows[i].is_hidden);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_address_is_the_one_before_the_trusted),
        cmocka_unit_test(scheme_and_host_are_those_before_the_trusted),
        cmocka_unit_test(a_web_server_that_is_not_trusted_hides_its_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
