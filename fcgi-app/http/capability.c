/* SPDX-License-Identifier: MIT */
#include "fcgi-app/http/capability.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/security/hmac.h"
#include "common/text/base64url.h"

enum { MAC_SIZE = 16 }; /* of HMAC_SIZE: 128 bits, which nobody guesses */

static enum err make_mac(struct span key, struct span text, char mac[HMAC_SIZE])
{
    struct hmac_key *k = NULL;
    enum err e = hmac_key_new(key, &k);

    if (!e)
        e = hmac_make(k, text, mac);
    hmac_key_free(k);
    return e;
}

/* The service key itself signs one word, so that whatever else it may sign is no capability. */
static enum err append(struct span key, int64_t id, struct span epoch, struct buf *out)
{
    char text[24 + CAPABILITY_EPOCH_MAX], derived[HMAC_SIZE], mac[HMAC_SIZE];
    int len = snprintf(text, sizeof(text), "%" PRId64 " %.*s", id, SPAN_ARGS(epoch));
    enum err e = make_mac(key, SPAN("doorbell broadcast capability"), derived);

    if (!e)
        e = make_mac((struct span){derived, sizeof(derived)}, (struct span){text, (size_t)len},
                     mac);
    if (!e)
        e = buf_printf(out, "%.*s.", SPAN_ARGS(epoch));
    return e ? e : base64url_encode((struct span){mac, MAC_SIZE}, out);
}

enum err capability_make(const struct service_keys *keys, int64_t id, struct span epoch,
                         struct buf *out)
{
    if (epoch.len > CAPABILITY_EPOCH_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < keys->count; i++)
        if (keys->named[i].purposes & PURPOSE_MANAGE)
            return append(keys->named[i].keys[0], id, epoch, out);
    return ERR_UNSUPPORTED;
}

static bool was_made_with(const struct service_key *k, int64_t id, struct span epoch,
                          struct span text)
{
    bool is_right = false;
    struct buf right;

    buf_init(&right, CAPABILITY_MAX);
    for (size_t i = 0; i < k->count; i++) {
        buf_reset(&right);
        if (!append(k->keys[i], id, epoch, &right))
            is_right |= span_equal_secret(buf_span(&right), text);
    }
    buf_deinit(&right);
    return is_right;
}

bool capability_check(const struct service_keys *keys, int64_t id, struct span text, int64_t *epoch)
{
    struct span mac = text;
    struct span digits = span_cut(&mac, '.');
    bool is_right = false;

    if (text.len > CAPABILITY_MAX || span_parse_int(digits, epoch))
        return false;
    for (size_t i = 0; i < keys->count; i++)
        if (keys->named[i].purposes & PURPOSE_MANAGE)
            is_right |= was_made_with(&keys->named[i], id, digits, text);
    return is_right;
}
