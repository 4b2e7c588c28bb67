/* SPDX-License-Identifier: MIT */
#include "common/config/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void bad_addresses_say_what_to_write(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"redis", "redis://host"},
        {"redis://", "redis://host"},
        {"redis://:6379", "redis://host"},
        {"redis://host:0", "redis://host"},
        {"redis://host:65536", "redis://host"},
        {"redis://a:b:c", "redis://host"},
        {"http://host", "redis://host"},
        {"rediss://host", "stunnel"},
        {"redis://me:secret@host", "cluster_password_file"},
        {"unix://me@/path", "cluster_password_file"},
        {"redis://host/x", "number of the database"},
        {"redis://host/-1", "number of the database"},
        {"redis://host/10000", "number of the database"},
        {"unix://path", "absolute"},
        {"unix:///path?x=1", "?db=N"},
        {"unix:///path?db=x", "number of the database"},
        {"redis://a/1,redis://b/2", "same number"},
        {"sentinel://", "sentinel://host"},
        {"sentinel://host:0", "sentinel://host"},
        {"sentinel://mymaster@host", "cluster_sentinel_master"},
        {"sentinel://me:secret@host", "cluster_sentinel_password_file"},
        {"sentinel://host/mymaster", "number of the database"},
        {"sentinel://a b", "sentinel://host"},
        {"sentinel://a/1 sentinel://b/2", "same number"},
        {"sentinel://a redis://b", "or none"},
        {"unix:///a sentinel://b", "or none"},
        {"redis://a redis://a redis://a redis://a redis://a redis://a redis://a redis://a "
         "redis://a",
         "more than 8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redis_urls urls = {.count = 77};
        const char *why = "";

        assert_int_equal(redis_urls_parse(span_of(rows[i].text), &urls, &why), ERR_INVALID);
        assert_non_null(strstr(why, rows[i].why));
        assert_int_equal(urls.count, 77);
    }
}

static void several_are_read_in_their_order(void **state)
{
    struct redis_urls urls;
    const char *why;

    (void)state;
    assert_int_equal(redis_urls_parse(SPAN(""), &urls, &why), ERR_NONE);
    assert_int_equal(urls.count, 0);
    assert_int_equal(redis_urls_parse(SPAN("redis://one:7000/3, redis://[::1]/3\tunix:///a/b?db=3,"
                                           "redis://10.0.0.1/3 redis://[::1]:99/3"),
                                      &urls, &why),
                     ERR_NONE);
    assert_false(urls.are_sentinels);
    assert_int_equal(urls.count, 5);
    assert_int_equal(urls.db, 3);
    assert_string_equal(urls.at[0].host, "one");
    assert_int_equal(urls.at[0].port, 7000);
    assert_string_equal(urls.at[1].host, "::1");
    assert_int_equal(urls.at[1].port, 6379);
    assert_int_equal(urls.at[2].type, ADDRESS_UNIX);
    assert_string_equal(urls.at[2].host, "/a/b");
    assert_int_equal(urls.at[3].port, 6379);
    assert_int_equal(urls.at[4].port, 99);
}

static void sentinels_have_a_port_of_their_own(void **state)
{
    struct redis_urls urls;
    const char *why;

    (void)state;
    assert_int_equal(
        redis_urls_parse(SPAN("sentinel://one/3 sentinel://[::1]:7000/3"), &urls, &why), ERR_NONE);
    assert_true(urls.are_sentinels);
    assert_int_equal(urls.count, 2);
    assert_int_equal(urls.db, 3);
    assert_string_equal(urls.at[0].host, "one");
    assert_int_equal(urls.at[0].port, 26379);
    assert_string_equal(urls.at[1].host, "::1");
    assert_int_equal(urls.at[1].port, 7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_addresses_say_what_to_write),
        cmocka_unit_test(several_are_read_in_their_order),
        cmocka_unit_test(sentinels_have_a_port_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
