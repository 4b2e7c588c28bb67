/* SPDX-License-Identifier: MIT */
#include "common/security/secrets.h"

/* One key for two purposes would let the holder of one do both. `path` is b's. */
static bool are_apart(const struct config *c, const struct keyring *a, const struct keyring *b,
                      char *const *path, FILE *faults)
{
    if (!keyring_overlaps(a, b))
        return true;
    config_fault(c, path, faults, "%s: shares a key with another key file; generate a new one",
                 *path);
    return false;
}

enum err secrets_check(const struct config *c, const struct secrets *s, FILE *faults)
{
    bool is_good = are_apart(c, &s->send, &s->publish, &c->auth.publish_key_file, faults);

    if (s->token) {
        const struct keyring *secrets = token_keys_secrets(s->token);

        is_good &= are_apart(c, secrets, &s->send, &c->auth.send_key_file, faults);
        is_good &= are_apart(c, secrets, &s->publish, &c->auth.publish_key_file, faults);
    }
    return is_good ? ERR_NONE : ERR_INVALID;
}

void secrets_deinit(struct secrets *s)
{
    token_keys_free(s->token);
    keyring_deinit(&s->send);
    keyring_deinit(&s->publish);
    *s = (struct secrets){0};
}
