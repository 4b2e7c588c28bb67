/* SPDX-License-Identifier: MIT */
#include "fcgi-app/webhooks/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_allowed(const char *text, const struct config_list *networks)
{
    struct ip ip;

    assert_int_equal(ip_parse(span_of(text), &ip), ERR_NONE);
    return address_is_allowed(&ip, networks);
}

static void what_is_not_public_is_refused(void **state)
{
    static const char *const rows[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::2",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    };
    const struct config_list none = {NULL, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (is_allowed(rows[i], &none))
            fail_msg("%s", rows[i]);
    assert_false(address_is_allowed(&(struct ip){{0}}, &none));
}

static void public_address_is_allowed(void **state)
{
    static const char *const rows[] = {
        "1.1.1.1",     "9.255.255.255", "11.0.0.0",   "100.63.255.255", "100.128.0.0",
        "126.0.0.1",   "128.0.0.1",     "172.15.0.1", "172.32.0.1",     "192.167.0.1",
        "192.169.0.1", "198.17.0.1",    "198.20.0.1", "223.255.255.1",  "2606:4700::1",
        "2a00::1",     "2003::1",
    };
    const struct config_list none = {NULL, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!is_allowed(rows[i], &none))
            fail_msg("%s", rows[i]);
}

static void network_of_the_list_is_allowed(void **state)
{
    char loopback[] = "127.0.0.1", lan[] = "10.1.0.0/16", local[] = "fd00:1::/32";
    char *items[] = {loopback, lan, local, NULL};
    const struct config_list networks = {items, 3};

    (void)state;
    assert_true(is_allowed("127.0.0.1", &networks));
    assert_true(is_allowed("::ffff:127.0.0.1", &networks));
    assert_true(is_allowed("10.1.2.3", &networks));
    assert_true(is_allowed("fd00:1::7", &networks));
    assert_false(is_allowed("127.0.0.2", &networks));
    assert_false(is_allowed("10.2.0.1", &networks));
    assert_false(is_allowed("fd00:2::7", &networks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_public_is_refused),
        cmocka_unit_test(public_address_is_allowed),
        cmocka_unit_test(network_of_the_list_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
