/* SPDX-License-Identifier: MIT */
#include "common/os/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/common/key_pair.h"
#include "tests/unit/common/temp_file.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccc"

static struct temp_folder folder;

static int make_folder(void **state)
{
    (void)state;
    return temp_folder_init(&folder);
}

static int remove_folder(void **state)
{
    (void)state;
    temp_folder_deinit(&folder);
    return 0;
}

/* A config whose three key files hold these texts; NULL: no such file. */
static struct config *config_with(const char *secret, const char *send, const char *publish)
{
    const char *const texts[] = {secret, send, publish};
    static const char *const names[] = {"auth.secret", "send.key", "publish.key"};
    struct config *c = NULL;
    char text[512];

    for (size_t i = 0; i < ROWS(names); i++) {
        char path[128];

        if (texts[i]) {
            assert_non_null(temp_write(&folder, names[i], span_of(texts[i])));
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", folder.path, names[i]);
        unlink(path);
    }
    snprintf(text, sizeof(text),
             "[auth]\nsecret_file = %s/auth.secret\nsend_key_file = %s/send.key\n"
             "publish_key_file = %s/publish.key\n",
             folder.path, folder.path, folder.path);
    assert_int_equal(config_parse(span_of(text), "c.conf", NULL, stderr, &c), ERR_NONE);
    return c;
}

/* What load_secrets says, without the folder's name. Caller owns it. */
static char *load(const struct config *c, enum program program, enum err *e, struct secrets *s)
{
    char *faults = NULL;
    char *at;
    size_t len;
    FILE *f = open_memstream(&faults, &len);

    assert_non_null(f);
    *e = load_secrets(c, program, f, s);
    fclose(f);
    while ((at = strstr(faults, folder.path)) != NULL)
        memmove(at, at + strlen(folder.path), strlen(at + strlen(folder.path)) + 1);
    return faults;
}

static void faults_name_the_line_of_the_setting(void **state)
{
    static const struct {
        const char *secret, *send, *publish;
        const char *app, *relay; /* what each says */
    } rows[] = {
        {NULL, KEY_B, KEY_C, "c.conf:2: /auth.secret: no such file\n",
         "c.conf:2: /auth.secret: no such file\n"},
        {KEY_A, NULL, KEY_C, "c.conf:3: /send.key: no such file\n", ""},
        {KEY_A, KEY_B, "short",
         "c.conf:4: /publish.key: has a key shorter than 32 bytes; openssl rand -hex 32 makes "
         "one\n",
         "c.conf:4: /publish.key: has a key shorter than 32 bytes; openssl rand -hex 32 makes "
         "one\n"},
        {"", "", "",
         "c.conf:2: /auth.secret: is empty; it needs a key of at least 32 bytes\nc.conf:3: "
         "/send.key: is empty; it needs a key of at least 32 bytes\n"
         "c.conf:4: /publish.key: is empty; it needs a key of at least 32 bytes\n",
         "c.conf:2: /auth.secret: is empty; it needs a key of at least 32 bytes\nc.conf:4: "
         "/publish.key: is empty; it needs a key of at least 32 bytes\n"},
        {KEY_A, KEY_A, KEY_C,
         "c.conf:3: /send.key: shares a key with another key file; generate a new one\n", ""},
        {KEY_A, "[shop]\nmay = send\nkey = " KEY_B "\n[cron]\nmay = everything\nkey = " KEY_A "b",
         KEY_C,
         "c.conf:3: /send.key:5: \"may\" takes send, send:group, manage, statistics and metrics\n",
         ""},
        {KEY_A, "[shop]\nmay = send\nkey = " KEY_A, KEY_C,
         "c.conf:3: /send.key: shares a key with another key file; generate a new one\n", ""},
        {KEY_A, KEY_B "\n" KEY_C, KEY_C,
         "c.conf:4: /publish.key: shares a key with another key file; generate a new one\n", ""},
        {KEY_A, KEY_B, KEY_C "\n" KEY_A,
         "c.conf:4: /publish.key: shares a key with another key file; generate a new one\n",
         "c.conf:4: /publish.key: shares a key with another key file; generate a new one\n"},
        {KEY_A, KEY_B, KEY_C, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows) * 2; i++) {
        enum program program = i % 2 ? PROGRAM_RELAY : PROGRAM_APP;
        const char *expected = i % 2 ? rows[i / 2].relay : rows[i / 2].app;
        struct config *c = config_with(rows[i / 2].secret, rows[i / 2].send, rows[i / 2].publish);
        struct secrets s = {0};
        enum err e;
        char *faults = load(c, program, &e, &s);

        assert_string_equal(faults, expected);
        assert_int_equal(e, expected[0] ? ERR_INVALID : ERR_NONE);
        assert_null(strstr(faults, KEY_A));
        free(faults);
        secrets_deinit(&s);
        config_free(c);
    }
}

static void each_program_has_what_it_needs(void **state)
{
    struct config *c = config_with(KEY_A, KEY_B, KEY_C);
    struct secrets s = {0};
    enum err e;

    (void)state;
    free(load(c, PROGRAM_APP, &e, &s));
    assert_int_equal(e, ERR_NONE);
    assert_true(keyring_accepts(token_keys_secrets(s.token), SPAN(KEY_A)));
    assert_non_null(service_keys_find(&s.service, SPAN(KEY_B)));
    assert_true(keyring_accepts(&s.publish, SPAN(KEY_C)));
    secrets_deinit(&s);
    assert_null(s.token);
    secrets_deinit(&s);

    free(load(c, PROGRAM_RELAY, &e, &s));
    assert_int_equal(e, ERR_NONE);
    assert_int_equal(s.service.count, 0);
    assert_true(keyring_accepts(&s.publish, SPAN(KEY_C)));
    secrets_deinit(&s);
    config_free(c);
}

static void a_file_of_service_keys_has_64_kib_and_not_one_byte_more(void **state)
{
    static char text[SERVICE_KEYS_FILE_MAX + 1];
    static const char head[] = "[shop]\nmay = send\nkey = " KEY_B "\n";
    struct config *c = config_with(KEY_A, KEY_B, KEY_C);

    (void)state;
    memset(text, '\n', sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    for (size_t over = 0; over <= 1; over++) {
        struct secrets s = {0};
        char *faults;
        enum err e;

        assert_non_null(
            temp_write(&folder, "send.key", (struct span){text, SERVICE_KEYS_FILE_MAX + over}));
        faults = load(c, PROGRAM_APP, &e, &s);
        assert_string_equal(faults, over ? "c.conf:3: /send.key: is too big\n" : "");
        free(faults);
        secrets_deinit(&s);
    }
    config_free(c);
}

static void a_pem_that_is_not_good_is_named(void **state)
{
    static char text[512], big[TOKEN_PEM_MAX + 1];
    struct config *c = NULL;
    struct secrets s = {0};
    struct key_pair pair;
    enum err e;
    char *faults;

    (void)state;
    key_pair_write(&pair, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    snprintf(text, sizeof(text),
             "[auth]\nalgorithm = ES256\npublic_key_file = %s/a.pem %s/b.pem\n"
             "publish_key_file = %s/publish.key\nsend_key_file = %s/send.key\n"
             "private_key_file = %s/private.pem\n",
             folder.path, folder.path, folder.path, folder.path, folder.path);
    assert_int_equal(config_parse(span_of(text), "c.conf", NULL, stderr, &c), ERR_NONE);
    assert_non_null(temp_write(&folder, "publish.key", SPAN(KEY_C)));
    assert_non_null(temp_write(&folder, "send.key", SPAN(KEY_B)));
    assert_non_null(temp_write(&folder, "a.pem", span_of(pair.public_pem)));
    assert_non_null(temp_write(&folder, "b.pem", SPAN("x")));
    faults = load(c, PROGRAM_RELAY, &e, &s);
    assert_int_equal(e, ERR_INVALID);
    assert_string_equal(
        faults, "c.conf:3: /b.pem: contains no PEM public key (-----BEGIN PUBLIC KEY-----)\n");
    free(faults);
    memset(big, '-', sizeof(big));
    assert_non_null(temp_write(&folder, "b.pem", (struct span){big, sizeof(big)}));
    faults = load(c, PROGRAM_RELAY, &e, &s);
    assert_int_equal(e, ERR_INVALID);
    assert_string_equal(faults, "c.conf:3: /b.pem: is too big\n");
    free(faults);

    /* The relay never reads what signs. */
    assert_non_null(temp_write(&folder, "b.pem", span_of(pair.public_pem)));
    assert_non_null(temp_write(&folder, "private.pem", SPAN("x")));
    faults = load(c, PROGRAM_RELAY, &e, &s);
    assert_int_equal(e, ERR_NONE);
    free(faults);
    secrets_deinit(&s);
    faults = load(c, PROGRAM_APP, &e, &s);
    assert_int_equal(e, ERR_INVALID);
    assert_string_equal(faults, "c.conf:6: /private.pem: contains no PEM private key (-----BEGIN "
                                "PRIVATE KEY-----)\n");
    free(faults);
    assert_non_null(temp_write(&folder, "private.pem", span_of(pair.private_pem)));
    faults = load(c, PROGRAM_APP, &e, &s);
    assert_int_equal(e, ERR_NONE);
    free(faults);
    secrets_deinit(&s);
    config_free(c);
}

static void load_reads_the_file_or_says_why_not(void **state)
{
    struct config *c = NULL;
    char *faults = NULL;
    size_t len;
    FILE *f = open_memstream(&faults, &len);
    char *path;

    (void)state;
    assert_non_null(f);
    assert_int_equal(load_config("/nowhere/doorbell.conf", PROGRAM_APP, f, &c), ERR_NOT_FOUND);
    fflush(f);
    assert_string_equal(faults, "/nowhere/doorbell.conf: no such file\n");
    path = temp_write(&folder, "doorbell.conf", SPAN("[app]\nworkers = 3"));
    assert_int_equal(load_config(path, PROGRAM_APP, f, &c), ERR_NONE);
    assert_int_equal(c->app.workers, 3);
    assert_string_equal(c->path, path);
    config_free(c);
    assert_int_equal(load_config(NULL, PROGRAM_APP, f, &c), ERR_NONE);
    assert_null(c->path);
    config_free(c);
    config_free(NULL);
    fclose(f);
    free(faults);
}

/* The config at `path`, for `program`; NULL if it has faults, which are then in *faults. */
static struct config *load_for(enum program program, const char *path, char **faults)
{
    struct config *c = NULL;
    size_t len;
    FILE *f = open_memstream(faults, &len);

    assert_non_null(f);
    if (load_config(path, program, f, &c))
        assert_null(c);
    fclose(f);
    return c;
}

static void a_file_without_a_folder_is_a_credential_or_beside_the_configuration(void **state)
{
    static const struct {
        const char *folder; /* of the credentials, in ours; NULL: there are none */
        enum err result;
    } rows[] = {{NULL, ERR_NONE}, {"", ERR_NONE}, {"/none", ERR_INVALID}};
    const char *path = temp_write(&folder, "doorbell.conf", SPAN("[database]\nurl_file = url\n"));

    (void)state;
    assert_non_null(temp_write(&folder, "url", SPAN(" postgresql://a:b@c/d \n")));
    assert_non_null(temp_write(&folder, "auth.secret", SPAN(KEY_A)));
    assert_non_null(temp_write(&folder, "send.key", SPAN(KEY_B)));
    assert_non_null(temp_write(&folder, "publish.key", SPAN(KEY_C)));
    for (size_t i = 0; i < ROWS(rows); i++) {
        char credentials[128];
        struct secrets s = {0};
        struct config *c;
        char *faults;
        enum err e;

        snprintf(credentials, sizeof(credentials), "%s%s", folder.path,
                 rows[i].folder ? rows[i].folder : "");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", credentials, 1), 0);
        if (!rows[i].folder)
            unsetenv("CREDENTIALS_DIRECTORY");
        c = load_for(PROGRAM_APP, path, &faults);
        assert_int_equal(c != NULL, rows[i].result == ERR_NONE);
        if (c)
            assert_string_equal(c->database.url, "postgresql://a:b@c/d");
        else
            assert_non_null(strstr(faults, "doorbell.conf:2: "));
        free(faults);
        config_free(c);

        c = load_for(PROGRAM_RELAY, path, &faults); /* which has no use for url_file */
        assert_non_null(c);
        assert_string_equal(c->database.url, "postgresql:///doorbell");
        free(faults);
        free(load(c, PROGRAM_RELAY, &e, &s));
        assert_int_equal(e, rows[i].result);
        secrets_deinit(&s);
        config_free(c);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_file_with_a_url_has_one_and_nothing_else(void **state)
{
    static const char *const wrong[] = {"", "\n", " \n", "a\nb", "a\n\n", "a\rb", "\na"};
    const char *path = temp_write(&folder, "doorbell.conf", SPAN("[database]\nurl_file = url\n"));
    char *faults;

    (void)state;
    for (size_t i = 0; i < ROWS(wrong); i++) {
        assert_non_null(temp_write(&folder, "url", span_of(wrong[i])));
        assert_null(load_for(PROGRAM_APP, path, &faults));
        assert_non_null(
            strstr(faults, ":2: url: must have the URL of the database on its only line\n"));
        free(faults);
    }
}

static void a_read_url_may_be_in_a_file_and_is_not_repeated_in_a_fault(void **state)
{
    static const char secret[] = "s3cret";
    static const struct {
        const char *line;
        bool is_good;
    } rows[] = {
        {"postgresql://u:s3cret@a,b/d\n", true},
        {"host=a,b dbname=d password=s3cret\n", true},
        {"http://u:s3cret@a/d\n", false},
        {"s3cret\n", false},
        {"=s3cret", false},
        {"\n", false},
        {"a=s3cret\nb=c\n", false},
    };
    const char *path =
        temp_write(&folder, "doorbell.conf", SPAN("[database]\nread_url_file = read.url\n"));

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct config *c;
        char *faults;

        assert_non_null(temp_write(&folder, "read.url", span_of(rows[i].line)));
        c = load_for(PROGRAM_APP, path, &faults);
        assert_int_equal(c != NULL, rows[i].is_good);
        if (c) {
            assert_non_null(strstr(c->database.read_url, secret));
            assert_string_equal(c->database.url, "postgresql:///doorbell");
        } else {
            assert_non_null(strstr(faults, ":2: read.url: must"));
            assert_null(strstr(faults, secret));
        }
        free(faults);
        config_free(c);
    }
}

static void a_file_has_256_kib_and_not_one_byte_more(void **state)
{
    struct config *c = NULL;
    FILE *f = tmpfile();
    char *text = malloc(CONFIG_FILE_MAX + 1);

    (void)state;
    assert_true(f && text);
    for (size_t i = 0; i <= CONFIG_FILE_MAX; i++)
        text[i] = i % 64 ? '#' : '\n';
    assert_int_equal(load_config(temp_write(&folder, "a", (struct span){text, CONFIG_FILE_MAX + 1}),
                                 PROGRAM_APP, f, &c),
                     ERR_TOO_BIG);
    assert_int_equal(load_config(temp_write(&folder, "b", (struct span){text, CONFIG_FILE_MAX}),
                                 PROGRAM_APP, f, &c),
                     ERR_NONE);
    config_free(c);
    fclose(f);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_name_the_line_of_the_setting),
        cmocka_unit_test(each_program_has_what_it_needs),
        cmocka_unit_test(a_file_of_service_keys_has_64_kib_and_not_one_byte_more),
        cmocka_unit_test(a_pem_that_is_not_good_is_named),
        cmocka_unit_test(load_reads_the_file_or_says_why_not),
        cmocka_unit_test(a_file_without_a_folder_is_a_credential_or_beside_the_configuration),
        cmocka_unit_test(a_file_with_a_url_has_one_and_nothing_else),
        cmocka_unit_test(a_read_url_may_be_in_a_file_and_is_not_repeated_in_a_fault),
        cmocka_unit_test(a_file_has_256_kib_and_not_one_byte_more),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
