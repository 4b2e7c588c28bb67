/* SPDX-License-Identifier: MIT */
#include "common/text/ip.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

static void what_is_no_address_is_refused(void **state)
{
    static const char *const rows[] = {
        "",       "1.2.3",    "1.2.3.256", "1.2.3.4 ", "1.2.3.4:80", "01.2.3.4.5",
        "[::1]",  ":::",      "fe80::1%1", "unix",     "::",         "1.2.3.4/32",
        "0x7f.1", "12345::1", "localhost", "*",        "-1.2.3.4",
    };
    struct ip ip = {{7}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (ip_parse(span_of(rows[i]), &ip) != ERR_MALFORMED)
            fail_msg("%s", rows[i]);
    }
    assert_int_equal(ip_parse((struct span){"1.2.3.4\0", 8}, &ip), ERR_MALFORMED);
    assert_int_equal(ip.bytes[0], 7);
}

static void addresses_stand_as_they_are_commonly_written(void **state)
{
    static const struct {
        const char *text, *again;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    struct ip none = {{0}};
    char text[IP_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip ip;

        assert_int_equal(ip_parse(span_of(rows[i].text), &ip), ERR_NONE);
        assert_false(ip_is_none(&ip));
        ip_format(&ip, text);
        assert_string_equal(text, rows[i].again);
    }
    ip_format(&none, text);
    assert_string_equal(text, "unix");
}

static void a_socket_address_gives_its_ip(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0xc0000201)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr local = {.sa_family = AF_UNIX};
    struct ip ip = ip_of_sockaddr((struct sockaddr *)&v4);
    char text[IP_TEXT_MAX];

    (void)state;
    ip_format(&ip, text);
    assert_string_equal(text, "192.0.2.1");
    ip = ip_of_sockaddr((struct sockaddr *)&v6);
    ip_format(&ip, text);
    assert_string_equal(text, "::1");
    ip = ip_of_sockaddr(&local);
    assert_true(ip_is_none(&ip));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const rows[] = {
        "",           "/8",      "10.0.0.0/",      "10.0.0.0/33",  "10.0.0.0/-1", "10.0.0.1/8",
        "10.0.0.0/x", "::1/129", "2001:db8::1/64", "10.0.0.0/8/8", "unix/1",      "::/0",
    };
    struct ip_network n = {.bits = 7};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (ip_network_parse(span_of(rows[i]), &n) != ERR_MALFORMED)
            fail_msg("%s", rows[i]);
    }
    assert_int_equal(n.bits, 7);
}

static void an_address_is_within_a_network_or_not(void **state)
{
    static const struct {
        const char *ip, *network;
        bool is_within;
    } rows[] = {
        {"10.1.2.3", "10.0.0.0/8", true},
        {"11.1.2.3", "10.0.0.0/8", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.2", "10.1.2.3", false},
        {"172.31.9.9", "172.16.0.0/12", true},
        {"172.32.0.0", "172.16.0.0/12", false},
        {"1.2.3.4", "0.0.0.0/0", true},
        {"2001:db8::1", "0.0.0.0/0", false},
        {"2001:db8::9", "2001:db8::/32", true},
        {"2001:db9::9", "2001:db8::/32", false},
        {"::1", "::1", true},
        {"::2", "::1/128", false},
        {"10.1.2.3", "::ffff:10.1.2.3", true},
        {"fe80::1", "fe80::/10", true},
        {"fec0::1", "fe80::/10", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_network n;
        struct ip ip;

        assert_int_equal(ip_parse(span_of(rows[i].ip), &ip), ERR_NONE);
        assert_int_equal(ip_network_parse(span_of(rows[i].network), &n), ERR_NONE);
        if (ip_is_within(&ip, &n) != rows[i].is_within)
            fail_msg("%s in %s", rows[i].ip, rows[i].network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(addresses_stand_as_they_are_commonly_written),
        cmocka_unit_test(a_socket_address_gives_its_ip),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(an_address_is_within_a_network_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
