/* SPDX-License-Identifier: MIT */
#include "fcgi-app/webhooks/signature.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/bytes/buf.h"

enum { SECONDS_MAX = 24 };

enum err signature_write(const struct hmac_key *key, int64_t now_s, struct span body,
                         char out[SIGNATURE_SIZE])
{
    char mac[HMAC_SIZE];
    struct buf signed_text;
    int len;
    enum err e;

    buf_init(&signed_text, body.len + SECONDS_MAX);
    e = buf_printf(&signed_text, "%" PRId64 ".", now_s);
    if (!e)
        e = buf_append(&signed_text, body);
    if (!e)
        e = hmac_make(key, buf_span(&signed_text), mac);
    buf_deinit(&signed_text);
    if (e)
        return e;
    len = snprintf(out, SIGNATURE_SIZE, "t=%" PRId64 ",v1=", now_s);
    for (size_t i = 0; i < HMAC_SIZE; i++)
        len += snprintf(out + len, (size_t)(SIGNATURE_SIZE - len), "%02x", (unsigned char)mac[i]);
    return ERR_NONE;
}
