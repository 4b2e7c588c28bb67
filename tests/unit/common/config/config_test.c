/* SPDX-License-Identifier: MIT */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/config/config_value.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Parses; *faults is what was written, to be freed. */
static enum err parse(struct span text, char *const *environment, char **faults,
                      struct config **out)
{
    size_t len;
    FILE *f = open_memstream(faults, &len);
    enum err e;

    assert_non_null(f);
    e = config_parse(text, "c.conf", environment, f, out);
    fclose(f);
    return e;
}

static struct config *parse_good(const char *text, char *const *environment)
{
    struct config *c = NULL;
    char *faults;

    if (parse(span_of(text), environment, &faults, &c))
        fail_msg("%s: %s", text, faults);
    assert_string_equal(faults, "");
    free(faults);
    return c;
}

static void assert_faults(struct span text, char *const *environment, const char *expected)
{
    struct config *c = NULL;
    char *faults;

    assert_int_equal(parse(text, environment, &faults, &c), ERR_INVALID);
    assert_null(c);
    assert_string_equal(faults, expected);
    free(faults);
}

static void lines_that_are_no_settings_are_faults(void **state)
{
    const struct {
        struct span text;
        const char *faults;
    } rows[] = {
        {SPAN("nonsense"), "c.conf:1: expected name = value, [section] or a comment\n"},
        {SPAN("= 4"), "c.conf:1: expected name = value, [section] or a comment\n"},
        {SPAN("\xef\xbb\xbf[app]"), "c.conf:1: expected name = value, [section] or a comment\n"},
        {SPAN("[app]\nWorkers = 4"), "c.conf:2: expected name = value, [section] or a comment\n"},
        {SPAN("[app]\nworkers : 4"), "c.conf:2: expected name = value, [section] or a comment\n"},
        {SPAN("workers = 4"), "c.conf:1: workers comes before the first [section]\n"},
        {SPAN("\n\n[nginx]\nworkers = 4"), "c.conf:3: unknown section [nginx]\n"},
        {SPAN("[ap\x1bp]"), "c.conf:1: unknown section\n"},
        {SPAN("[APP]"), "c.conf:1: unknown section\n"},
        {SPAN("[app"), "c.conf:1: a section is written [name]\n"},
        {SPAN("[app] ; mine"), "c.conf:1: a section is written [name]\n"},
        {SPAN("[app]\nworker = 4"), "c.conf:2: unknown setting worker in [app]\n"},
        {SPAN("[relay]\nworkers = 4"), "c.conf:2: unknown setting workers in [relay]\n"},
        {SPAN("[app]\nworkers = 4\n[relay]\n[app]\nworkers = 5"),
         "c.conf:5: duplicate workers, first set in line 2; remove one\n"},
        {SPAN("[app]\n  workers = 4"),
         "c.conf:2: starts with a blank; lines cannot be continued, remove it\n"},
        {SPAN("[app]\n # no comment"),
         "c.conf:2: starts with a blank; lines cannot be continued, remove it\n"},
        {SPAN("[app]\nworkers = 4\0"), "c.conf:2: contains a NUL byte\n"},
        {SPAN("# \0"), "c.conf:1: contains a NUL byte\n"},
        {SPAN("[app]\r\n"), "c.conf:1: a section is written [name]\n"},
        {SPAN("[app]\nworkers = 4\r\n"), "c.conf:2: workers: must be UTF-8 without control "
                                         "characters; a CR means the file has DOS line ends\n"},
        {SPAN("[database]\nurl = \xff"), "c.conf:2: url: must be UTF-8 without control characters; "
                                         "a CR means the file has DOS line ends\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_faults(rows[i].text, NULL, rows[i].faults);
}

static void values_that_are_not_allowed_are_faults(void **state)
{
    const struct {
        const char *text, *fault; /* behind "c.conf:2: " */
    } rows[] = {
        {"[app]\nworkers =", "workers: must be a whole number"},
        {"[app]\nworkers = 4 ; four", "workers: must be a whole number"},
        {"[app]\nworkers = 0", "workers: is too small"},
        {"[app]\nworkers = 257", "workers: is too big"},
        {"[app]\nworkers = -1", "workers: is too small"},
        {"[app]\nhit_window = 5min", "hit_window: must be a number followed by ms, s, m, h or d"},
        {"[app]\nhit_window = s", "hit_window: must be a number followed by ms, s, m, h or d"},
        {"[app]\nhit_window = -0s", "hit_window: must be a number followed by ms, s, m, h or d"},
        {"[app]\nhit_window = 5 m", "hit_window: must be a number followed by ms, s, m, h or d"},
        {"[app]\nhit_window =", "hit_window: must be a number followed by ms, s, m, h or d"},
        {"[app]\nhit_window = 1500ms", "hit_window: must be whole seconds"},
        {"[app]\nhit_window = 2d", "hit_window: is too long"},
        {"[app]\nhit_window = 999999999999999d", "hit_window: is too long"},
        {"[app]\nring_max_age = 0", "ring_max_age: is too short"},
        {"[relay]\nping_interval = 0", "ping_interval: is too short"},
        {"[relay]\nping_interval = 999ms", "ping_interval: is too short"},
        {"[relay]\ntrusted_proxies = unix 10.0.0.1/8",
         "trusted_proxies: 10.0.0.1/8 must be an address, a network such as 10.0.0.0/8, or unix"},
        {"[relay]\ntrusted_proxies = proxy",
         "trusted_proxies: proxy must be an address, a network such as 10.0.0.0/8, or unix"},
        {"[relay]\ntrusted_proxies = unix ::1 unix",
         "trusted_proxies: duplicate entry; remove one"},
        {"[relay]\nlisten_mode = 1000", "listen_mode: must be at most 0777"},
        {"[relay]\nlogin_timeout = 0", "login_timeout: is too short"},
        {"[app]\nlisten_mode = 0668", "listen_mode: must be an octal mode such as 0660"},
        {"[app]\nlisten_mode = 01777", "listen_mode: must be an octal mode such as 0660"},
        {"[app]\nlisten_mode = 7777", "listen_mode: must be at most 0777"},
        {"[app]\nlisten = /run/x", "listen: must be unix:/path, host:port, [v6]:port or fd:N"},
        {"[auth]\ntrust_remote_user = true", "trust_remote_user: must be yes or no"},
        {"[auth]\nalgorithm = none", "algorithm: must be HS256, RS256, ES256 or EdDSA"},
        {"[auth]\nalgorithm = hs256", "algorithm: must be HS256, RS256, ES256 or EdDSA"},
        {"[auth]\nsecret_file =", "secret_file: must not be empty"},
        {"[database]\nurl =", "url: must not be empty"},
        {"[app]\nprefix = /",
         "prefix: must be empty or a path such as /doorbell, without a / at the end"},
        {"[app]\nprefix = /a/",
         "prefix: must be empty or a path such as /doorbell, without a / at the end"},
        {"[app]\nprefix = a",
         "prefix: must be empty or a path such as /doorbell, without a / at the end"},
        {"[app]\nprefix = //a",
         "prefix: must be empty or a path such as /doorbell, without a / at the end"},
        {"[app]\nprefix = /a?b",
         "prefix: must be empty or a path such as /doorbell, without a / at the end"},
        {"[app]\nrelay_url = https://a:1", "relay_url: must be http://host:port or unix:/path"},
        {"[app]\nrelay_url = http://a:1/x", "relay_url: must be http://host:port or unix:/path"},
        {"[app]\nrelay_url = http://u@a:1", "relay_url: must be http://host:port or unix:/path"},
        {"[app]\nrelay_url = unix:x", "relay_url: must be http://host:port or unix:/path"},
        {"[database]\nread_url = standby",
         "read_url: must be postgresql://host,host/database or keywords of libpq such as "
         "host=a,b dbname=c; leave it empty to read the primary alone"},
        {"[database]\nread_url = http://a/b?c=d",
         "read_url: must be postgresql://host,host/database or keywords of libpq such as "
         "host=a,b dbname=c; leave it empty to read the primary alone"},
        {"[database]\nread_url = =a",
         "read_url: must be postgresql://host,host/database or keywords of libpq such as "
         "host=a,b dbname=c; leave it empty to read the primary alone"},
        {"[auth]\norigins = https://a.b https://a.b", "origins: duplicate entry; remove one"},
        {"[relay]\nlegacy_get = yes", "legacy_get: needs legacy_publish = yes"},
        {"[relay]\nsocketio_jsonp = yes", "socketio_jsonp: needs socketio = yes"},
        {"[relay]\nlegacy_login = yes", "legacy_login: needs socketio = yes"},
        {"[relay]\nlegacy_anonymous = yes", "legacy_anonymous: needs socketio = yes"},
        {"[relay]\ncluster = sentinel://a",
         "cluster: sentinels need cluster_sentinel_master, the name that they know Redis by"},
        {"[relay]\ncluster = sentinel://m@a",
         "cluster: nothing comes before a sentinel's host: set "
         "cluster_sentinel_master, and for a password "
         "cluster_sentinel_password_file"},
        {"[relay]\ncluster_sentinel_master = m\ncluster = redis://a",
         "cluster_sentinel_master: needs sentinel://host:port in cluster"},
        {"[relay]\ncluster_sentinel_master = a b\ncluster = sentinel://a",
         "cluster_sentinel_master: must be 1 to 64 letters, digits and ._-"},
        {"[relay]\ncluster_sentinel_user = u\ncluster = sentinel://a\ncluster_sentinel_master = m",
         "cluster_sentinel_user: needs cluster_sentinel_password_file"},
        {"[relay]\ncluster_sentinel_password_file = f",
         "cluster_sentinel_password_file: needs sentinel://host:port in cluster"},
        {"[relay]\nsocketio_path = /",
         "socketio_path: must be a path such as /socket.io/, with a / at both ends"},
        {"[relay]\nsocketio_path = socket.io/",
         "socketio_path: must be a path such as /socket.io/, with a / at both ends"},
        {"[relay]\nsocketio_path = /socket.io",
         "socketio_path: must be a path such as /socket.io/, with a / at both ends"},
        {"[relay]\nsocketio_path = //a/",
         "socketio_path: must be a path such as /socket.io/, with a / at both ends"},
        {"[relay]\nsocketio_path = /a?b/",
         "socketio_path: must be a path such as /socket.io/, with a / at both ends"},
        {"[relay]\nsocketio_ping_timeout = 35s",
         "socketio_ping_timeout: socketio_ping_interval and this must add up to 59s or less"},
        {"[relay]\nlisten = 127.0.0.1:2121", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char expected[256] = "[relay] publish_listen: publish_listen: must differ from listen\n";

        if (rows[i].fault)
            snprintf(expected, sizeof(expected), "c.conf:2: %s\n", rows[i].fault);
        assert_faults(span_of(rows[i].text), NULL, expected);
    }
}

static void origins_are_origins_or_faults(void **state)
{
    static const struct {
        const char *origin;
        bool is_good;
    } rows[] = {
        {"example.org", false},
        {"https://", false},
        {"https://a.b/", false},
        {"https://a.b/x", false},
        {"https://A.b", true},
        {"https://a.b:", false},
        {"https://a.b:0", false},
        {"https://a.b:65536", false},
        {"https://a.b:8x", false},
        {"https://*.a.b", false},
        {"https://*", false},
        {"*", false},
        {"https://u@a.b", false},
        {"https://a.b,https://c", false},
        {"://a.b", false},
        {"https://[::1", false},
        {"https://[x]", false},
        {"https://[::1]x", false},
        {"null", false},
        {"https://a.b?x", false},
        {"https://a.b#", false},
        {"https://a.b", true},
        {"http://localhost:8080", true},
        {"http://127.0.0.1:*", true},
        {"http://[::1]:*", true},
        {"https://[::1]:", false},
        {"https://[::1]:8443", true},
        {"https://[::1]", true},
        {"app-x://local_host", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct config *c = NULL;
        char text[128];
        char *faults;

        snprintf(text, sizeof(text), "[auth]\norigins = https://ok.example %s\n", rows[i].origin);
        assert_int_equal(parse(span_of(text), NULL, &faults, &c),
                         rows[i].is_good ? ERR_NONE : ERR_INVALID);
        if (!rows[i].is_good)
            assert_non_null(strstr(faults, "c.conf:2: origins: "));
        free(faults);
        config_free(c);
    }
}

static void algorithm_and_public_keys_belong_together(void **state)
{
    (void)state;
    assert_faults(
        SPAN("[auth]\nalgorithm = RS256"), NULL,
        "[auth] public_key_file: public_key_file: RS256, ES256 and EdDSA need a PEM file with "
        "the public key\n");
    assert_faults(SPAN("[auth]\npublic_key_file = /a"), NULL,
                  "c.conf:2: public_key_file: must be empty with algorithm = HS256, which uses "
                  "secret_file\n");
    assert_faults(SPAN("[auth]\nalgorithm = ES256\npublic_key_file = /a /b /c"), NULL,
                  "c.conf:3: public_key_file: at most two files are allowed\n");
    assert_faults(SPAN("[auth]\nalgorithm = ES256\npublic_key_file = /a /a"), NULL,
                  "c.conf:3: public_key_file: duplicate entry; remove one\n");
    config_free(parse_good("[auth]\nalgorithm = ES256\npublic_key_file = /a /b", NULL));
}

static void all_faults_are_told_at_once(void **state)
{
    char *environment[] = {"DOORBELL_APP_PREFIX=x", "DOORBELL_RELAY_NONE=1", NULL};

    (void)state;
    assert_faults(SPAN("[app]\nworkers = x\nnone = 1\n\n[relay]\npace = -1\n"), environment,
                  "c.conf:2: workers: must be a whole number\n"
                  "c.conf:3: unknown setting none in [app]\n"
                  "c.conf:6: pace: is too small\n"
                  "DOORBELL_RELAY_NONE: unknown setting\n"
                  "DOORBELL_APP_PREFIX: prefix: must be empty or a path such as /doorbell, "
                  "without a / at the end\n");
}

static void a_value_is_never_repeated_in_a_fault(void **state)
{
    struct config *c = NULL;
    char *faults;

    (void)state;
    assert_int_equal(parse(SPAN("[database]\nurl = postgresql://u:hunter2@h/\x01\n"
                                "hunter2hunter2\n[app]\nworkers = hunter2"),
                           NULL, &faults, &c),
                     ERR_INVALID);
    assert_null(strstr(faults, "hunter2"));
    free(faults);
}

static void a_line_has_4096_bytes_and_not_one_more(void **state)
{
    char text[CONFIG_LINE_MAX + 64] = "[database]\n";
    size_t start = strlen(text);
    struct config *c;

    (void)state;
    memset(text + start, 'x', sizeof(text) - start);
    memcpy(text + start, "url = ", 6);
    text[start + CONFIG_LINE_MAX + 1] = '\0';
    assert_faults(span_of(text), NULL, "c.conf:2: longer than 4096 bytes\n");
    text[start + CONFIG_LINE_MAX] = '\0';
    c = parse_good(text, NULL);
    assert_int_equal(strlen(c->database.url), CONFIG_LINE_MAX - 6);
    config_free(c);
}

static void defaults_are_those_of_the_manual(void **state)
{
    struct config *c = parse_good("", NULL);

    (void)state;
    assert_int_equal(c->auth.algorithm, TOKEN_HS256);
    assert_string_equal(c->auth.secret_file, "auth.secret");
    assert_int_equal(c->auth.public_key_file.count, 0);
    assert_string_equal(c->auth.audience, "");
    assert_false(c->auth.trust_remote_user);
    assert_int_equal(c->auth.token_ttl_max_s, 86400);
    assert_int_equal(c->app.listen.type, ADDRESS_UNIX);
    assert_int_equal(c->app.listen_mode, 0660);
    assert_string_equal(c->app.prefix, "/doorbell");
    assert_int_equal(c->app.workers, 4);
    assert_int_equal(c->app.hit_window_s, 300);
    assert_int_equal(c->app.ring_max_age_s, 60);
    assert_int_equal(c->database.statement_timeout_ms, 5000);
    assert_int_equal(c->database.lock_timeout_ms, 2000);
    assert_int_equal(c->relay.listen.port, 2120);
    assert_int_equal(c->relay.publish_listen.port, 2121);
    assert_int_equal(c->relay.ping_interval_ms, 25000);
    assert_int_equal(c->relay.max_sessions_per_user, 8);
    assert_false(c->relay.legacy_publish);
    assert_int_equal(c->lines[0], CONFIG_LINE_DEFAULT);
    config_free(c);
}

static void values_stand_as_written(void **state)
{
    struct config *c =
        parse_good("# comment\n; comment\n\n \t\n"
                   "[app]  \nworkers=7\nprefix   =\t \nhit_window = 2h\t\n"
                   "listen = fd:0\nlisten_mode = 600\n"
                   "[auth]\norigins = http://a:*\thttps://b  \naudience = a b = # ;\n"
                   "trust_remote_user = yes\n"
                   "[relay]\nping_interval = 1500ms\nlogin_timeout = 3\n"
                   "legacy_publish = yes\nlegacy_get = yes\n"
                   "[app]\nlisten_group = www-data",
                   NULL);

    (void)state;
    assert_int_equal(c->app.workers, 7);
    assert_string_equal(c->app.prefix, "");
    assert_int_equal(c->app.hit_window_s, 7200);
    assert_int_equal(c->app.listen.type, ADDRESS_INHERITED);
    assert_int_equal(c->app.listen_mode, 0600);
    assert_int_equal(c->auth.origins.count, 2);
    assert_string_equal(c->auth.origins.items[0], "http://a:*");
    assert_string_equal(c->auth.origins.items[1], "https://b");
    assert_null(c->auth.origins.items[2]);
    assert_string_equal(c->auth.audience, "a b = # ;");
    assert_true(c->auth.trust_remote_user);
    assert_int_equal(c->relay.ping_interval_ms, 1500);
    assert_int_equal(c->relay.login_timeout_ms, 3000);
    assert_true(c->relay.legacy_publish && c->relay.legacy_get);
    assert_string_equal(c->app.listen_group, "www-data");
    config_free(c);
}

static void a_text_must_fit_what_may_wait_for_a_page(void **state)
{
    char text[512];

    (void)state;
    snprintf(text, sizeof(text), "[relay]\nlegacy_text = %0320d\nsocketio_max_pending = 4096", 0);
    config_free(parse_good(text, NULL));
    snprintf(text, sizeof(text), "[relay]\nlegacy_text = %0321d\nsocketio_max_pending = 4096", 0);
    assert_faults(span_of(text), NULL,
                  "c.conf:2: legacy_text: is too long; shorten it or raise socketio_max_pending\n");
    snprintf(text, sizeof(text),
             "[relay]\nlegacy_online_format = %0321d\nsocketio_max_pending = 4096", 0);
    assert_faults(
        span_of(text), NULL,
        "c.conf:2: legacy_online_format: is too long; shorten it or raise socketio_max_pending\n");
}

static void the_online_count_goes_with_the_legacy_login(void **state)
{
    static const struct {
        const char *text;
        bool counts;
    } rows[] = {
        {"", false},
        {"[relay]\nsocketio = yes\nlegacy_login = yes", true},
        {"[relay]\nsocketio = yes\nlegacy_login = yes\nlegacy_online_count = no", false},
        {"[relay]\nlegacy_online_count = yes", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct config *c = parse_good(rows[i].text, NULL);

        assert_int_equal(c->relay.legacy_online_count, rows[i].counts);
        config_free(c);
    }
}

static void the_environment_overrides_and_is_checked(void **state)
{
    char *good[] = {"PATH=/bin",
                    "DOORBELL_APP_WORKERS=9",
                    "DOORBELL_BUILD=build/asan",
                    "DOORBELL_APP",
                    "DOORBELL_APPX_WORKERS=1",
                    "DOORBELL_app_workers=1",
                    "DOORBELL_AUTH_ORIGINS= http://a ",
                    NULL};
    static const struct {
        char *entry;
        const char *faults;
    } rows[] = {
        {"DOORBELL_APP_WORKER=1", "DOORBELL_APP_WORKER: unknown setting\n"},
        {"DOORBELL_APP_=1", "DOORBELL_APP_: unknown setting\n"},
        {"DOORBELL_APP_workers=1", "DOORBELL_APP_workers: unknown setting\n"},
        {"DOORBELL_RELAY_A\nB=1", "DOORBELL_RELAY_A?B: unknown setting\n"},
        {"DOORBELL_APP_WORKERS=", "DOORBELL_APP_WORKERS: workers: must be a whole number\n"},
        {"DOORBELL_APP_WORKERS=1\n", "DOORBELL_APP_WORKERS: workers: must be UTF-8 without control "
                                     "characters; a CR means the file has DOS line ends\n"},
    };
    struct config *c = parse_good("[app]\nworkers = 7\n", good);

    (void)state;
    assert_int_equal(c->app.workers, 9);
    assert_string_equal(c->auth.origins.items[0], "http://a");
    config_free(c);
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *environment[] = {rows[i].entry, NULL};

        assert_faults(SPAN(""), environment, rows[i].faults);
    }
}

static void what_needs_a_restart_is_named_if_it_changes(void **state)
{
    static const struct {
        const char *now, *next;
        enum program program;
        const char *kept; /* the names, each with a blank after it */
    } rows[] = {
        {"", "", PROGRAM_APP, ""},
        {"[app]\nworkers = 3\n", "[app]\nworkers = 3\n", PROGRAM_APP, ""},
        {"[app]\nworkers = 4\n", "", PROGRAM_APP, ""},
        {"[auth]\norigins = http://a\n[app]\nhit_window = 1m\n", "", PROGRAM_APP, ""},
        {"[app]\nworkers = 3\n", "[app]\nworkers = 5\n", PROGRAM_RELAY, ""},
        {"[relay]\nlisten = 127.0.0.1:1\n", "", PROGRAM_APP, ""},
        {"[app]\nworkers = 3\n", "[app]\nworkers = 5\n", PROGRAM_APP, "workers "},
        {"[app]\nlisten = unix:/a\n", "[app]\nlisten = unix:/b\n", PROGRAM_APP, "listen "},
        {"[app]\nlisten = fd:0\n", "[app]\nlisten = fd:3\n", PROGRAM_APP, "listen "},
        {"[app]\nlisten = fd:3\n", "[app]\nlisten = unix:/a\n", PROGRAM_APP, "listen "},
        {"[app]\nlisten_mode = 0660\nlisten_group = a\n", "[app]\nlisten_mode = 0600\n",
         PROGRAM_APP, "listen_mode listen_group "},
        {"[database]\nurl = postgresql:///a\nlock_timeout = 1s\n", "[app]\nmax_connections = 7\n",
         PROGRAM_APP, "max_connections url lock_timeout "},
        {"[relay]\nlisten = 127.0.0.1:1\npace = 5\n", "[relay]\nlisten = 127.0.0.1:2\n",
         PROGRAM_RELAY, "listen "},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct config *now = parse_good(rows[i].now, NULL);
        struct config *next = parse_good(rows[i].next, NULL);
        const struct setting *s = NULL;
        char kept[256] = "";

        while ((s = config_next_kept(now, next, rows[i].program, s))) {
            strcat(kept, s->name);
            strcat(kept, " ");
        }
        if (strcmp(kept, rows[i].kept) != 0)
            fail_msg("row %zu: %s", i, kept);
        assert_int_equal(config_keep(now, rows[i].program, next), ERR_NONE);
        assert_null(config_next_kept(now, next, rows[i].program, NULL));
        config_free(now);
        config_free(next);
    }
}

static void a_reload_takes_every_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++)
        assert_true(settings[i].type != SETTING_LIST || settings[i].is_reloadable);
}

/* No setting is left out, whatever its type: each is another than its default somewhere here. */
static void a_change_of_any_type_is_seen(void **state)
{
    struct config *now = parse_good("", NULL);
    struct config *next =
        parse_good("[auth]\nalgorithm = RS256\npublic_key_file = /a /b\norigins = http://a\n"
                   "send_key_file = /s\ntrust_remote_user = yes\n"
                   "[app]\nlisten = 127.0.0.1:9\nlisten_mode = 0600\nprefix = /x\nworkers = 9\n"
                   "hit_window = 9s\n",
                   NULL);
    unsigned types = 0;

    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        const char *a = (const char *)now + s->offset, *b = (const char *)next + s->offset;

        assert_int_equal(config_value_equal(s, a, b), next->lines[i] == CONFIG_LINE_DEFAULT);
        assert_true(config_value_equal(s, b, b));
        if (next->lines[i] != CONFIG_LINE_DEFAULT)
            types |= 1u << s->type;
    }
    assert_int_equal(types, (1u << (SETTING_ALGORITHM + 1)) - 1);
    config_free(now);
    config_free(next);
}

static void config_fault_names_where_the_setting_stands(void **state)
{
    char *environment[] = {"DOORBELL_APP_WORKERS=9", NULL};
    struct config *c = parse_good("\n[auth]\nsend_key_file = /x\n", environment);
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    assert_non_null(f);
    config_fault(c, &c->auth.send_key_file, f, "%s %d", "bad", 1);
    config_fault(c, &c->app.workers, f, "bad");
    config_fault(c, &c->relay.pace, f, "bad");
    fclose(f);
    assert_string_equal(text, "c.conf:3: bad 1\nDOORBELL_APP_WORKERS: bad\n[relay] pace: bad\n");
    free(text);
    config_free(c);
}

static void every_setting_is_a_whole_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];

        assert_true(s->section && s->name && s->fallback && s->meaning[0]);
        assert_true(s->used_by == PROGRAM_APP || s->used_by == PROGRAM_RELAY ||
                    s->used_by == (PROGRAM_APP | PROGRAM_RELAY));
        assert_int_equal(s->unit_ms != 0, s->type == SETTING_DURATION);
        assert_int_equal(s->max != 0, s->type == SETTING_INT || s->type == SETTING_DURATION ||
                                          s->type == SETTING_MODE);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(s->offset, settings[j].offset);
            assert_true(strcmp(s->section, settings[j].section) != 0 ||
                        strcmp(s->name, settings[j].name) != 0);
        }
    }
}

static void help_shows_the_settings_of_the_program_only(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    assert_non_null(f);
    config_print_help(f, PROGRAM_RELAY);
    fclose(f);
    assert_non_null(strstr(text, "  [relay]\n    listen = 127.0.0.1:2120\n"));
    assert_non_null(strstr(text, "    secret_file = "));
    assert_non_null(strstr(text, "    origins =\n"));
    assert_null(strstr(text, "[app]"));
    assert_null(strstr(text, "send_key_file"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_are_no_settings_are_faults),
        cmocka_unit_test(values_that_are_not_allowed_are_faults),
        cmocka_unit_test(origins_are_origins_or_faults),
        cmocka_unit_test(algorithm_and_public_keys_belong_together),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(a_value_is_never_repeated_in_a_fault),
        cmocka_unit_test(a_line_has_4096_bytes_and_not_one_more),
        cmocka_unit_test(defaults_are_those_of_the_manual),
        cmocka_unit_test(values_stand_as_written),
        cmocka_unit_test(a_text_must_fit_what_may_wait_for_a_page),
        cmocka_unit_test(the_online_count_goes_with_the_legacy_login),
        cmocka_unit_test(the_environment_overrides_and_is_checked),
        cmocka_unit_test(what_needs_a_restart_is_named_if_it_changes),
        cmocka_unit_test(a_reload_takes_every_list),
        cmocka_unit_test(a_change_of_any_type_is_seen),
        cmocka_unit_test(config_fault_names_where_the_setting_stands),
        cmocka_unit_test(every_setting_is_a_whole_row),
        cmocka_unit_test(help_shows_the_settings_of_the_program_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
