/* SPDX-License-Identifier: MIT */
#include "common/os/load.h"

#include <stdbool.h>

#include "common/os/file.h"

extern char **environ;

enum err load_config(const char *path, FILE *faults, struct config **out)
{
    struct owned file = {0}; /* it may hold the database's password */
    const char *why;
    enum err e = path ? file_read(path, CONFIG_FILE_MAX, &file, &why) : ERR_NONE;

    if (e) {
        fprintf(faults, "%s: %s\n", path, why);
        return e;
    }
    e = config_parse(owned_span(&file), path, environ, faults, out);
    owned_deinit(&file);
    return e;
}

/* `field` is that of the setting which names the file. */
static enum err load_file(const struct config *c, const void *field, const char *path, size_t max,
                          FILE *faults, struct owned *out)
{
    const char *why;
    enum err e = file_read(path, max, out, &why);

    if (e)
        config_fault(c, field, faults, "%s: %s", path, why);
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

enum err load_secrets(const struct config *c, enum program program, FILE *faults,
                      struct secrets *out)
{
    struct secrets s = {0};
    bool is_good = load_token_keys(c, faults, &s.token);

    if (program == PROGRAM_APP) {
        is_good &= load_signer(c, faults, s.token);
        is_good &= load_service_keys(c, faults, &s.service);
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
