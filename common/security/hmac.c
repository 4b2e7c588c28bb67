/* SPDX-License-Identifier: MIT */
/* hmac.c - by OpenSSL. Looking up the algorithm and hashing the padded key cost more than a short
 * text does: both are done once, and each text begins with a copy of that state. */
#include "common/security/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

struct hmac_key {
    EVP_MAC_CTX *start; /* only copied from, never changed */
};

/* Holds its own reference of the algorithm. */
static EVP_MAC_CTX *new_context(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    return context;
}

enum err hmac_key_new(struct span key, struct hmac_key **out)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    struct hmac_key *k = calloc(1, sizeof(*k));

    if (!k)
        return ERR_NO_MEMORY;
    k->start = new_context();
    if (!k->start || !EVP_MAC_init(k->start, (const unsigned char *)key.p, key.len, params)) {
        hmac_key_free(k);
        return ERR_NO_MEMORY;
    }
    *out = k;
    return ERR_NONE;
}

void hmac_key_free(struct hmac_key *k)
{
    if (!k)
        return;
    EVP_MAC_CTX_free(k->start);
    free(k);
}

enum err hmac_make(const struct hmac_key *k, struct span text, char mac[HMAC_SIZE])
{
    size_t len = 0;
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(k->start);
    bool is_made = context && EVP_MAC_update(context, (const unsigned char *)text.p, text.len) &&
                   EVP_MAC_final(context, (unsigned char *)mac, &len, HMAC_SIZE) &&
                   len == HMAC_SIZE;

    EVP_MAC_CTX_free(context);
    return is_made ? ERR_NONE : ERR_NO_MEMORY;
}

bool hmac_matches(const struct hmac_key *k, struct span text, struct span mac)
{
    char right[HMAC_SIZE];

    return mac.len == sizeof(right) && !hmac_make(k, text, right) &&
           CRYPTO_memcmp(right, mac.p, sizeof(right)) == 0;
}
