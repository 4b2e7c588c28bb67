/* SPDX-License-Identifier: MIT */
#include "common/os/load.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/os/file.h"

extern char **environ;

/* Cut off if it does not fit: no such file then. */
static void find_file(const struct config *c, const char *name, char *path, size_t size)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    const char *slash = c->path ? strrchr(c->path, '/') : NULL;

    if (name[0] == '/')
        snprintf(path, size, "%s", name);
    else if (folder)
        snprintf(path, size, "%s/%s", folder, name);
    else
        snprintf(path, size, "%.*s%s", slash ? (int)(slash - c->path) + 1 : 0, slash ? c->path : "",
                 name);
}

/* `field` is that of the setting which names the file. */
static enum err load_file(const struct config *c, const void *field, const char *name, size_t max,
                          FILE *faults, struct owned *out)
{
    char path[PATH_MAX];
    const char *why;
    enum err e;

    find_file(c, name, path, sizeof(path));
    e = file_read(path, max, out, &why);
    if (e)
        config_fault(c, field, faults, "%s: %s", path, why);
    return e;
}

/* The one line of the file that *path names takes the place of *url. */
static enum err load_url(struct config *c, char *const *path, char **url, FILE *faults)
{
    struct owned file;
    struct span rest, line;
    char *copy;
    enum err e;

    if (!(*path)[0])
        return ERR_NONE;
    e = load_file(c, path, *path, CONFIG_LINE_MAX, faults, &file);
    if (e)
        return e;
    rest = owned_span(&file);
    line = span_trim(span_cut(&rest, '\n'));
    copy =
        line.len > 0 && rest.len == 0 && !span_has_control(line) ? strndup(line.p, line.len) : NULL;
    owned_deinit(&file);
    if (!copy) {
        config_fault(c, path, faults, "%s: must have the URL of the database on its only line",
                     *path);
        return ERR_INVALID;
    }
    free(*url);
    *url = copy;
    return ERR_NONE;
}

static enum err load_urls(struct config *c, FILE *faults)
{
    struct config_database *d = &c->database;
    enum err e = load_url(c, &d->url_file, &d->url, faults);

    if (!e)
        e = load_url(c, &d->read_url_file, &d->read_url, faults);
    if (!e && !config_is_read_url(span_of(d->read_url))) {
        config_fault(c, &d->read_url_file, faults,
                     "%s: must be postgresql://host,host/database or keywords of libpq",
                     d->read_url_file);
        e = ERR_INVALID;
    }
    return e;
}

enum err load_config(const char *path, enum program program, FILE *faults, struct config **out)
{
    struct owned file = {0}; /* it may hold the database's password */
    struct config *c;
    const char *why;
    enum err e = path ? file_read(path, CONFIG_FILE_MAX, &file, &why) : ERR_NONE;

    if (e) {
        fprintf(faults, "%s: %s\n", path, why);
        return e;
    }
    e = config_parse(owned_span(&file), path, environ, faults, &c);
    owned_deinit(&file);
    if (e)
        return e;
    if (program == PROGRAM_APP)
        e = load_urls(c, faults);
    if (e)
        config_free(c);
    else
        *out = c;
    return e;
}

static bool load_token_keys(const struct config *c, FILE *faults, struct token_keys **out)
{
    const struct config_auth *auth = &c->auth;
    bool has_secret = auth->algorithm == TOKEN_HS256;
    const void *field = has_secret ? (const void *)&auth->secret_file : &auth->public_key_file;
    char *const *paths = has_secret ? &auth->secret_file : auth->public_key_file.items;
    size_t count = has_secret ? 1 : auth->public_key_file.count;
    struct owned files[KEYRING_MAX] = {0};
    enum err e = ERR_NONE;
    const char *why;
    size_t bad;

    for (size_t i = 0; i < count && i < KEYRING_MAX && !e; i++)
        e = load_file(c, field, paths[i], has_secret ? KEYRING_FILE_MAX : TOKEN_PEM_MAX, faults,
                      &files[i]);
    if (e) {
        for (size_t i = 0; i < KEYRING_MAX; i++)
            owned_deinit(&files[i]);
        return false;
    }
    if (token_keys_new(auth, files, count, out, &bad, &why) == ERR_NONE)
        return true;
    config_fault(c, field, faults, "%s: %s", paths[bad], why);
    return false;
}

/* The relay makes no tokens. */
static bool load_signer(const struct config *c, FILE *faults, struct token_keys *keys)
{
    char *const *path = &c->auth.private_key_file;
    struct owned file;
    const char *why;

    if (!keys || !(*path)[0])
        return true;
    if (load_file(c, path, *path, TOKEN_PEM_MAX, faults, &file))
        return false;
    if (token_keys_set_signer(keys, &file, &why) == ERR_NONE)
        return true;
    config_fault(c, path, faults, "%s: %s", *path, why);
    return false;
}

/* `path` is the setting's field. */
static bool load_keyring(const struct config *c, char *const *path, FILE *faults, struct keyring *k)
{
    struct owned file;
    const char *why;

    if (load_file(c, path, *path, KEYRING_FILE_MAX, faults, &file))
        return false;
    if (keyring_init(k, &file, &why) == ERR_NONE)
        return true;
    config_fault(c, path, faults, "%s: %s", *path, why);
    return false;
}

static bool load_service_keys(const struct config *c, FILE *faults, struct service_keys *keys)
{
    char *const *path = &c->auth.send_key_file;
    struct owned file;
    const char *why;
    size_t line;

    if (load_file(c, path, *path, SERVICE_KEYS_FILE_MAX, faults, &file))
        return false;
    if (service_keys_init(keys, &file, &why, &line) == ERR_NONE)
        return true;
    if (line > 0)
        config_fault(c, path, faults, "%s:%zu: %s", *path, line, why);
    else
        config_fault(c, path, faults, "%s: %s", *path, why);
    return false;
}

/* The one line of the file that `path`, a setting's field, names, in a copy without the end of the
 * line. */
static bool load_password(const struct config *c, char *const *path, FILE *faults,
                          struct owned *out)
{
    struct owned file;
    struct span rest, line;
    enum err e;

    if (!(*path)[0])
        return true;
    if (load_file(c, path, *path, CONFIG_LINE_MAX, faults, &file))
        return false;
    rest = owned_span(&file);
    line = span_cut(&rest, '\n');
    e = line.len > 0 && rest.len == 0 && !span_has_control(line) ? owned_copy(out, line)
                                                                 : ERR_INVALID;
    owned_deinit(&file);
    if (e)
        config_fault(c, path, faults, "%s: must have the password on its only line", *path);
    return !e;
}

enum err load_secrets(const struct config *c, enum program program, FILE *faults,
                      struct secrets *out)
{
    struct secrets s = {0};
    bool is_good = load_token_keys(c, faults, &s.token);

    if (program == PROGRAM_APP) {
        is_good &= load_signer(c, faults, s.token);
        is_good &= load_service_keys(c, faults, &s.service);
        if (c->auth.webhook_secret_file[0])
            is_good &= load_keyring(c, &c->auth.webhook_secret_file, faults, &s.webhook);
    }
    if (program == PROGRAM_RELAY) {
        is_good &= load_password(c, &c->relay.cluster_password_file, faults, &s.cluster);
        is_good &= load_password(c, &c->relay.cluster_sentinel_password_file, faults, &s.sentinel);
    }
    is_good &= load_keyring(c, &c->auth.publish_key_file, faults, &s.publish);
    is_good &= secrets_check(c, &s, faults) == ERR_NONE;
    if (!is_good) {
        secrets_deinit(&s);
        return ERR_INVALID;
    }
    *out = s;
    return ERR_NONE;
}
