/* SPDX-License-Identifier: MIT */
#include "common/security/secrets.h"

/* One key for two purposes would let the holder of one do both. */
static bool check_apart(const struct config *c, bool is_shared, char *const *path, FILE *faults)
{
    if (is_shared)
        config_fault(c, path, faults, "%s: shares a key with another key file; generate a new one",
                     *path);
    return !is_shared;
}

enum err secrets_check(const struct config *c, const struct secrets *s, FILE *faults)
{
    bool is_good = check_apart(c, service_keys_overlap(&s->service, &s->publish),
                               &c->auth.publish_key_file, faults);

    is_good &= check_apart(c,
                           service_keys_overlap(&s->service, &s->webhook) ||
                               keyring_overlaps(&s->webhook, &s->publish),
                           &c->auth.webhook_secret_file, faults);
    if (s->token) {
        const struct keyring *secrets = token_keys_secrets(s->token);

        is_good &= check_apart(c, service_keys_overlap(&s->service, secrets),
                               &c->auth.send_key_file, faults);
        is_good &= check_apart(c, keyring_overlaps(secrets, &s->publish), &c->auth.publish_key_file,
                               faults);
        is_good &= check_apart(c, keyring_overlaps(secrets, &s->webhook),
                               &c->auth.webhook_secret_file, faults);
    }
    return is_good ? ERR_NONE : ERR_INVALID;
}

void secrets_deinit(struct secrets *s)
{
    token_keys_free(s->token);
    service_keys_deinit(&s->service);
    keyring_deinit(&s->publish);
    keyring_deinit(&s->webhook);
    owned_deinit(&s->cluster);
    owned_deinit(&s->sentinel);
    *s = (struct secrets){0};
}
