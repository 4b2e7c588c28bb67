/* SPDX-License-Identifier: MIT */
/* key_pair.h - fresh key pairs as PEM texts. */
#ifndef DOORBELL_TESTS_UNIT_COMMON_KEY_PAIR_H
#define DOORBELL_TESTS_UNIT_COMMON_KEY_PAIR_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

struct key_pair {
    char public_pem[4096], private_pem[4096];
};

static inline void key_pair_text(BIO *bio, char out[4096])
{
    int len = BIO_read(bio, out, 4095);

    if (len <= 0)
        abort();
    out[len] = '\0';
    BIO_free(bio);
}

/* Takes a new key. */
static inline void key_pair_write(struct key_pair *pair, EVP_PKEY *pkey)
{
    BIO *public_bio = BIO_new(BIO_s_mem()), *private_bio = BIO_new(BIO_s_mem());

    if (!pkey || !PEM_write_bio_PUBKEY(public_bio, pkey) ||
        !PEM_write_bio_PKCS8PrivateKey(private_bio, pkey, NULL, NULL, 0, NULL, NULL))
        abort();
    key_pair_text(public_bio, pair->public_pem);
    key_pair_text(private_bio, pair->private_pem);
    EVP_PKEY_free(pkey);
}

#endif
