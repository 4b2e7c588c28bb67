/* SPDX-License-Identifier: MIT */
#include "common/security/keyring.h"

#include <string.h>

/* Each line's bytes taken literally, blanks and CR included; the final newline is optional. */
static const char *split(struct keyring *k)
{
    struct span rest = owned_span(&k->file);

    if (rest.len > 0 && memchr(rest.p, '\0', rest.len))
        return "contains a NUL byte";
    if (rest.len > 0 && rest.p[rest.len - 1] == '\n')
        rest.len--;
    if (rest.len == 0)
        return "is empty; it needs a key of at least 32 bytes";
    while (rest.p) {
        struct span key = span_cut(&rest, '\n');

        if (k->count == KEYRING_MAX)
            return "has more than two lines; keep the new and the old key";
        if (key.len == 0)
            return "has an empty line; remove it";
        if (key.len < KEY_MIN)
            return "has a key shorter than 32 bytes; openssl rand -hex 32 makes one";
        if (key.len > KEY_MAX)
            return "has a key longer than 4096 bytes";
        k->keys[k->count++] = key;
    }
    return NULL;
}

enum err keyring_init(struct keyring *k, struct owned *file, const char **why)
{
    struct keyring split_one = {.file = *file};
    const char *fault = split(&split_one);

    *file = (struct owned){0};
    if (fault) {
        keyring_deinit(&split_one);
        *why = fault;
        return ERR_INVALID;
    }
    *k = split_one;
    return ERR_NONE;
}

void keyring_deinit(struct keyring *k)
{
    owned_deinit(&k->file);
    *k = (struct keyring){0};
}

bool keyring_accepts(const struct keyring *k, struct span key)
{
    bool is_known = false;

    /* Every key is compared, so that the time does not tell which one it was. */
    for (size_t i = 0; i < k->count; i++)
        is_known |= span_equal_secret(k->keys[i], key);
    return is_known;
}

bool keyring_overlaps(const struct keyring *a, const struct keyring *b)
{
    bool is_shared = false;

    for (size_t i = 0; i < a->count; i++)
        is_shared |= keyring_accepts(b, a->keys[i]);
    return is_shared;
}
