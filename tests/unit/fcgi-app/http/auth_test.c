/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http/cookie.h"

#include <stdio.h>
#include <string.h>

#include "common/bytes/buf.h"
#include "tests/unit/common/keys.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define SECRET "0123456789abcdef0123456789abcdef"
#define SEND_KEY "fedcba9876543210fedcba9876543210"
#define OLD_SEND_KEY "00000000000000000000000000000001"

enum { NOW = 1700000000 };

static struct secrets keys;
static char alice[512], bob[512], expired[512];

static void sign(const char *user, int64_t now, char *out, size_t size)
{
    struct buf b;

    buf_init(&b, size - 1);
    assert_int_equal(token_sign(keys.token,
                                &(struct token_grant){span_of(user), now * 1000000, 3600, 7, false},
                                &b),
                     ERR_NONE);
    (void)snprintf(out, size, "%.*s", SPAN_ARGS(buf_span(&b)));
    buf_deinit(&b);
}

static int load_keys(void **state)
{
    size_t line;

    (void)state;
    if (keys_token(TOKEN_HS256, SECRET "\n", "", &keys.token) ||
        keys_service(&keys.service, SPAN(SEND_KEY "\n" OLD_SEND_KEY "\n"), &line))
        return -1;
    sign("alice", NOW, alice, sizeof(alice));
    sign("bob", NOW, bob, sizeof(bob));
    sign("alice", NOW - 100000, expired, sizeof(expired));
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    secrets_deinit(&keys);
    return 0;
}

/* "$alice", "$bob" and "$expired" stand for tokens. */
static struct span expand(const char *text, char *out, size_t size)
{
    const char *mark = strchr(text, '$');
    const char *token = "";
    int used = 0;

    if (mark && strncmp(mark, "$alice", 6) == 0)
        token = alice, used = 6;
    if (mark && strncmp(mark, "$bob", 4) == 0)
        token = bob, used = 4;
    if (mark && strncmp(mark, "$expired", 8) == 0)
        token = expired, used = 8;
    if (!mark)
        return span_of(text);
    (void)snprintf(out, size, "%.*s%s%s", (int)(mark - text), text, token, mark + used);
    return span_of(out);
}

static const struct row {
    const char *authorization, *cookie, *remote_user, *origin;
    bool trusts_remote_user, is_write;
    enum err e;
    const char *user;
} rows[] = {
    /* nothing, or nothing that counts */
    {"", "", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", "", "", "", true, false, ERR_UNAUTHORIZED, ""},
    {"", "", "alice", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", "session=1", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", "doorbell_token", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", "xdoorbell_token=$alice", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", "Doorbell_Token=$alice", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"Basic YWxpY2U6eA==", "", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"$alice", "", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"Token $alice", "", "", "", false, false, ERR_UNAUTHORIZED, ""},
    /* a wrong proof is not made good by the next one */
    {"Bearer", "doorbell_token=$alice", "alice", "", true, false, ERR_UNAUTHORIZED, ""},
    {"Bearer ", "doorbell_token=$alice", "alice", "", true, false, ERR_UNAUTHORIZED, ""},
    {"Bearer x", "doorbell_token=$alice", "alice", "", true, false, ERR_UNAUTHORIZED, ""},
    {"Bearer $expired", "doorbell_token=$alice", "", "", true, false, ERR_UNTIMELY, ""},
    {"Bearer " SEND_KEY, "", "", "", true, false, ERR_UNAUTHORIZED, ""},
    {"", "doorbell_token=x", "alice", "", true, false, ERR_UNAUTHORIZED, ""},
    {"", "doorbell_token=", "alice", "", true, false, ERR_UNAUTHORIZED, ""},
    {"", "doorbell_token=$expired", "alice", "", true, false, ERR_UNTIMELY, ""},
    {"", "doorbell_token=x; doorbell_token=$alice", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", " doorbell_token = $alice", "", "", false, false, ERR_NONE, "alice"},
    {"", "doorbell_token=$alice; doorbell_token=x", "", "", false, false, ERR_UNAUTHORIZED, ""},
    {"", "", "*", "", true, false, ERR_UNAUTHORIZED, ""},
    {"", "", "a\nb", "", true, false, ERR_UNAUTHORIZED, ""},
    /* what is ambient writes only from a page of ours */
    {"", "__Host-doorbell_token=x; doorbell_token=$alice", "carol", "", true, false,
     ERR_UNAUTHORIZED, ""},
    {"", "doorbell_token=$alice", "", "", false, true, ERR_FORBIDDEN, ""},
    {"", "doorbell_token=$alice", "", "null", false, true, ERR_FORBIDDEN, ""},
    {"", "doorbell_token=$alice", "", "https://evil.example", false, true, ERR_FORBIDDEN, ""},
    {"", "", "alice", "https://evil.example", true, true, ERR_FORBIDDEN, ""},
    {"", "doorbell_token=x", "", "https://site.example", false, true, ERR_UNAUTHORIZED, ""},
    /* right */
    {"Bearer $alice", "", "", "", false, false, ERR_NONE, "alice"},
    {"bearer  $alice ", "", "", "", false, false, ERR_NONE, "alice"},
    {"Bearer $alice", "", "", "", false, true, ERR_NONE, "alice"},
    {"Bearer $alice", "doorbell_token=$bob", "carol", "", true, false, ERR_NONE, "alice"},
    {"", "doorbell_token=$bob", "carol", "", true, false, ERR_NONE, "bob"},
    {"", "doorbell_token=x; __Host-doorbell_token=$bob", "", "", false, false, ERR_NONE, "bob"},
    {"Basic x", "doorbell_token=$bob", "", "", false, false, ERR_NONE, "bob"},
    {"", "a=b; doorbell_token=$bob;c", "", "", false, false, ERR_NONE, "bob"},
    {"", "doorbell_token=$bob", "", "https://site.example", false, true, ERR_NONE, "bob"},
    {"", "", "carol", "", true, false, ERR_NONE, "carol"},
    {"Basic x", "", "carol", "https://site.example", true, true, ERR_NONE, "carol"},
};

static void check_rows(struct config_auth *rules, struct span scheme, struct span host)
{
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct row *row = &rows[i];
        char authorization[1200], cookie[1200];
        struct cookies cookies = {0};
        struct identity who = {.user = ""};
        struct credentials c = {
            .authorization = expand(row->authorization, authorization, sizeof(authorization)),
            .remote_user = span_of(row->remote_user),
            .origin = span_of(row->origin),
            .scheme = scheme,
            .host = host,
            .is_write = row->is_write,
        };

        cookies_read(expand(row->cookie, cookie, sizeof(cookie)), &cookies);
        c.token = cookies_token(&cookies);
        rules->trust_remote_user = row->trusts_remote_user;
        if (auth_user(rules, &keys, &c, NOW, &who) != row->e)
            fail_msg("row %zu: %s | %s | %s", i, row->authorization, row->cookie, row->remote_user);
        if (row->e)
            continue;
        assert_string_equal(who.user, row->user);
        assert_int_equal(who.generation,
                         strcmp(row->user, row->remote_user) ? 7 : IDENTITY_WITHOUT_TOKEN);
    }
}

static void user_is_proven_in_order_with_listed_origins(void **state)
{
    char *items[] = {"https://site.example", NULL};
    struct config_auth rules = {.origins = {items, 1}};

    (void)state;
    check_rows(&rules, SPAN("http"), SPAN("evil.example"));
}

static void user_is_proven_in_order_with_the_own_origin(void **state)
{
    struct config_auth rules = {.trust_remote_user = false};

    (void)state;
    check_rows(&rules, SPAN("https"), SPAN("site.example"));
}

static void the_expected_user_is_the_proven_one(void **state)
{
    static const struct {
        const char *expected;
        enum err e;
    } expected_rows[] = {
        {"bob", ERR_ANOTHER_USER},
        {"alic", ERR_ANOTHER_USER},
        {"alice2", ERR_ANOTHER_USER},
        {"alice%00", ERR_ANOTHER_USER},
        {"Alice", ERR_ANOTHER_USER},
        {"*", ERR_ANOTHER_USER},
        {"%", ERR_MALFORMED},
        {"alice%6", ERR_MALFORMED},
        {"", ERR_NONE},
        {"alice", ERR_NONE},
        {"%61%6Cice", ERR_NONE},
    };
    struct config_auth rules = {.trust_remote_user = false};

    (void)state;
    for (size_t i = 0; i < ROWS(expected_rows); i++) {
        char text[1200];
        struct identity who;
        struct credentials c = {
            .authorization = expand("Bearer $alice", text, sizeof(text)),
            .expected_user = span_of(expected_rows[i].expected),
        };

        assert_int_equal(auth_user(&rules, &keys, &c, NOW, &who), expected_rows[i].e);
        c.authorization = SPAN("Bearer x");
        assert_int_equal(auth_user(&rules, &keys, &c, NOW, &who), ERR_UNAUTHORIZED);
    }
}

static void an_expected_user_too_long_for_a_name_is_another(void **state)
{
    static char encoded[3 * USER_ID_MAX + 1];
    struct config_auth rules = {.trust_remote_user = false};
    char text[1200];
    struct identity who;
    struct credentials c = {.authorization = expand("Bearer $alice", text, sizeof(text))};

    (void)state;
    memset(encoded, 'a', sizeof(encoded));
    c.expected_user = (struct span){encoded, sizeof(encoded)};
    assert_int_equal(auth_user(&rules, &keys, &c, NOW, &who), ERR_ANOTHER_USER);
}

static void service_needs_one_of_the_send_keys(void **state)
{
    static const struct {
        const char *authorization;
        enum err e;
    } key_rows[] = {
        {"", ERR_UNAUTHORIZED},
        {"Bearer", ERR_UNAUTHORIZED},
        {"Bearer x", ERR_UNAUTHORIZED},
        {"Bearer $alice", ERR_UNAUTHORIZED},
        {"Basic " SEND_KEY, ERR_UNAUTHORIZED},
        {SEND_KEY, ERR_UNAUTHORIZED},
        {"Bearer " SEND_KEY "x", ERR_UNAUTHORIZED},
        {"Bearer " SECRET, ERR_UNAUTHORIZED},
        {"Bearer " SEND_KEY "\n" OLD_SEND_KEY, ERR_UNAUTHORIZED},
        {"Bearer " SEND_KEY, ERR_NONE},
        {"bearer " OLD_SEND_KEY, ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(key_rows); i++) {
        char text[600];
        struct credentials c = {
            .authorization = expand(key_rows[i].authorization, text, sizeof(text)),
        };
        const struct service_key *key;

        assert_int_equal(auth_service(&keys, &c, ACCESS_SEND, &key), key_rows[i].e);
        assert_ptr_equal(key, key_rows[i].e ? NULL : &keys.service.named[0]);
        c = (struct credentials){.token = c.authorization, .remote_user = c.authorization};
        assert_int_equal(auth_service(&keys, &c, ACCESS_SEND, &key), ERR_UNAUTHORIZED);
    }
}

/* Of each purpose: which routes it opens. */
static void a_key_opens_the_routes_of_its_purposes_alone(void **state)
{
    static const struct {
        enum access access;
        unsigned opened_by;
    } routes[] = {
        {ACCESS_PUBLIC, PURPOSE_METRICS},  {ACCESS_SEND, PURPOSE_SEND | PURPOSE_SEND_GROUP},
        {ACCESS_MANAGE, PURPOSE_MANAGE},   {ACCESS_STATISTICS, PURPOSE_STATISTICS},
        {ACCESS_METRICS, PURPOSE_METRICS},
    };
    const struct credentials c = {.authorization = SPAN("Bearer " SEND_KEY)};

    (void)state;
    for (unsigned purpose = 1; purpose <= PURPOSE_ALL; purpose *= 2) {
        struct secrets limited = {0};
        const struct service_key *key;
        char text[128];
        size_t line;

        (void)snprintf(text, sizeof(text), "[a]\nmay = %s\nkey = " SEND_KEY,
                       purpose_name((enum purpose)purpose));
        assert_int_equal(keys_service(&limited.service, span_of(text), &line), ERR_NONE);
        for (size_t i = 0; i < ROWS(routes); i++) {
            assert_int_equal(auth_service(&limited, &c, routes[i].access, &key),
                             routes[i].opened_by & purpose ? ERR_NONE : ERR_FORBIDDEN);
            assert_true(span_equal(key->name, SPAN("a")));
        }
        assert_int_equal(auth_service(&limited, &c, ACCESS_USER, &key), ERR_FORBIDDEN);
        secrets_deinit(&limited);
    }
}

static void bearer_is_noticed_whatever_its_worth(void **state)
{
    struct credentials c = {.authorization = SPAN("Basic x")};

    (void)state;
    assert_false(auth_has_bearer(&c));
    c.authorization = SPAN("bearer x");
    assert_true(auth_has_bearer(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_is_proven_in_order_with_listed_origins),
        cmocka_unit_test(user_is_proven_in_order_with_the_own_origin),
        cmocka_unit_test(the_expected_user_is_the_proven_one),
        cmocka_unit_test(an_expected_user_too_long_for_a_name_is_another),
        cmocka_unit_test(service_needs_one_of_the_send_keys),
        cmocka_unit_test(a_key_opens_the_routes_of_its_purposes_alone),
        cmocka_unit_test(bearer_is_noticed_whatever_its_worth),
    };

    return cmocka_run_group_tests(tests, load_keys, drop_keys);
}
