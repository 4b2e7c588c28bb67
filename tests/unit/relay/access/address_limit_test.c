/* SPDX-License-Identifier: MIT */
#include "relay/access/address_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ip ip_of(const char *text)
{
    struct ip ip = {{0}};

    if (*text)
        assert_int_equal(ip_parse(span_of(text), &ip), ERR_NONE);
    return ip;
}

static size_t count(const struct address_limit *c, const char *text)
{
    struct ip ip = ip_of(text);

    return address_limit_count(c, &ip);
}

static void come(struct address_limit *c, const char *text)
{
    struct ip ip = ip_of(text);

    assert_int_equal(address_limit_add(c, &ip), ERR_NONE);
}

static void go(struct address_limit *c, const char *text)
{
    struct ip ip = ip_of(text);

    address_limit_remove(c, &ip, false);
}

static void each_address_is_counted_by_itself(void **state)
{
    struct address_limit *c = address_limit_new();

    (void)state;
    assert_non_null(c);
    come(c, "192.0.2.1");
    come(c, "192.0.2.1");
    come(c, "192.0.2.2");
    assert_int_equal(count(c, "192.0.2.1"), 2);
    assert_int_equal(count(c, "192.0.2.2"), 1);
    assert_int_equal(count(c, "192.0.2.3"), 0);
    go(c, "192.0.2.1");
    go(c, "192.0.2.2");
    go(c, "192.0.2.2");
    assert_int_equal(count(c, "192.0.2.1"), 1);
    assert_int_equal(count(c, "192.0.2.2"), 0);
    address_limit_free(c);
    address_limit_free(NULL);
}

static void a_household_of_ipv6_counts_as_one(void **state)
{
    struct address_limit *c = address_limit_new();

    (void)state;
    assert_non_null(c);
    come(c, "2001:db8:0:1::1");
    come(c, "2001:db8:0:1:ffff::2");
    come(c, "2001:db8:0:2::1");
    assert_int_equal(count(c, "2001:db8:0:1::3"), 2);
    assert_int_equal(count(c, "2001:db8:0:2::3"), 1);
    go(c, "2001:db8:0:1::9");
    assert_int_equal(count(c, "2001:db8:0:1::1"), 1);
    address_limit_free(c);
}

static void who_has_no_address_is_not_counted(void **state)
{
    struct address_limit *c = address_limit_new();

    (void)state;
    assert_non_null(c);
    come(c, "");
    come(c, "");
    assert_int_equal(count(c, ""), 0);
    go(c, "");
    address_limit_free(c);
}

static void those_without_a_login_are_counted_apart(void **state)
{
    struct address_limit *c = address_limit_new();
    struct ip ip = ip_of("192.0.2.1");

    (void)state;
    assert_non_null(c);
    come(c, "192.0.2.1");
    come(c, "192.0.2.1");
    assert_int_equal(address_limit_anonymous(c, &ip), 2);
    address_limit_prove(c, &ip);
    assert_int_equal(address_limit_anonymous(c, &ip), 1);
    assert_int_equal(count(c, "192.0.2.1"), 2);
    address_limit_remove(c, &ip, true);
    assert_int_equal(address_limit_anonymous(c, &ip), 1);
    go(c, "192.0.2.1");
    assert_int_equal(address_limit_anonymous(c, &ip), 0);
    address_limit_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_is_counted_by_itself),
        cmocka_unit_test(a_household_of_ipv6_counts_as_one),
        cmocka_unit_test(those_without_a_login_are_counted_apart),
        cmocka_unit_test(who_has_no_address_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
