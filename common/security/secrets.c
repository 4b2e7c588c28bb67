/* SPDX-License-Identifier: MIT */
#include "common/security/secrets.h"

static bool load_token_keys(const struct config *c, FILE *faults, struct secrets *s)
{
    const void *field = c->auth.algorithm == TOKEN_HS256 ? (const void *)&c->auth.secret_file
                                                         : (const void *)&c->auth.public_key_file;
    const char *path;
    const char *why;

    if (token_keys_new(&c->auth, &s->token, &path, &why) == ERR_NONE)
        return true;
    config_fault(c, field, faults, "%s: %s", path, why);
    return false;
}

/* `path` is the setting's field. */
static bool load_keyring(const struct config *c, char *const *path, FILE *faults, struct keyring *k)
{
    const char *why;

    if (keyring_load(k, *path, &why) == ERR_NONE)
        return true;
    config_fault(c, path, faults, "%s: %s", *path, why);
    return false;
}

/* One key for two purposes would let the holder of one do both. `path` is b's. */
static bool are_apart(const struct config *c, const struct keyring *a, const struct keyring *b,
                      char *const *path, FILE *faults)
{
    if (!keyring_overlaps(a, b))
        return true;
    config_fault(c, path, faults, "%s: a key of it stands in another key file too", *path);
    return false;
}

enum err secrets_load(const struct config *c, enum program program, FILE *faults,
                      struct secrets *out)
{
    struct secrets s = {0};
    bool is_good = load_token_keys(c, faults, &s);

    if (program == PROGRAM_APP)
        is_good &= load_keyring(c, &c->auth.send_key_file, faults, &s.send);
    is_good &= load_keyring(c, &c->auth.publish_key_file, faults, &s.publish);
    if (s.token) {
        const struct keyring *secrets = token_keys_secrets(s.token);

        is_good &= are_apart(c, secrets, &s.send, &c->auth.send_key_file, faults);
        is_good &= are_apart(c, secrets, &s.publish, &c->auth.publish_key_file, faults);
    }
    is_good &= are_apart(c, &s.send, &s.publish, &c->auth.publish_key_file, faults);
    if (!is_good) {
        secrets_deinit(&s);
        return ERR_INVALID;
    }
    *out = s;
    return ERR_NONE;
}

void secrets_deinit(struct secrets *s)
{
    token_keys_free(s->token);
    keyring_deinit(&s->send);
    keyring_deinit(&s->publish);
    *s = (struct secrets){0};
}
