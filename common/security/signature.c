/* SPDX-License-Identifier: MIT */
/* signature.c - by OpenSSL. It writes an ECDSA signature as DER, a JWT as two numbers of 32 bytes.
 */
#include "common/security/signature.h"

#include <limits.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum {
    RSA_BITS_MIN = 2048, /* RFC 7518, 3.3 */
    RSA_BITS_MAX = 8192,
    NUMBER_SIZE = 32,
    SIGNATURE_MAX = RSA_BITS_MAX / 8,
};

struct signature_key {
    enum token_algorithm algorithm;
    EVP_PKEY *pkey;
};

/* The PEM must not make the program ask for a passphrase. */
static int give_no_passphrase(char *out, int size, int is_writing, void *context)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static EVP_PKEY *read_pem(struct span pem, bool is_private)
{
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.len) : NULL;
    EVP_PKEY *pkey = NULL;

    if (bio && is_private)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, give_no_passphrase, NULL);
    else if (bio)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, give_no_passphrase, NULL);
    BIO_free(bio);
    return pkey;
}

/* Why a key is not one of the algorithm, or NULL. */
static const char *find_fault(enum token_algorithm algorithm, const EVP_PKEY *pkey)
{
    char curve[32] = "";

    switch (algorithm) {
    case TOKEN_RS256:
        if (!EVP_PKEY_is_a(pkey, "RSA"))
            return "is no RSA key, which RS256 needs";
        if (EVP_PKEY_get_bits(pkey) < RSA_BITS_MIN || EVP_PKEY_get_bits(pkey) > RSA_BITS_MAX)
            return "must have 2048 to 8192 bits for RS256";
        return NULL;
    case TOKEN_ES256:
        if (!EVP_PKEY_is_a(pkey, "EC") ||
            !EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) ||
            strcmp(curve, "prime256v1") != 0)
            return "is no P-256 key, which ES256 needs";
        return NULL;
    case TOKEN_EDDSA:
        return EVP_PKEY_is_a(pkey, "ED25519") ? NULL : "is no Ed25519 key, which EdDSA needs";
    default:
        break;
    }
    return "is of no use with HS256";
}

static enum err take_key(enum token_algorithm algorithm, EVP_PKEY *pkey, struct signature_key **out,
                         const char **why)
{
    struct signature_key *k;

    *why = find_fault(algorithm, pkey);
    if (*why)
        return ERR_INVALID;
    k = calloc(1, sizeof(*k));
    if (!k || !EVP_PKEY_up_ref(pkey)) {
        *why = err_text(ERR_NO_MEMORY);
        free(k);
        return ERR_NO_MEMORY;
    }
    *k = (struct signature_key){algorithm, pkey};
    *out = k;
    return ERR_NONE;
}

static enum err new_key(enum token_algorithm algorithm, struct span pem, bool is_private,
                        struct signature_key **out, const char **why)
{
    EVP_PKEY *pkey = read_pem(pem, is_private);
    enum err e;

    *why = is_private ? "contains no PEM private key (-----BEGIN PRIVATE KEY-----)"
                      : "contains no PEM public key (-----BEGIN PUBLIC KEY-----)";
    if (!pkey)
        return ERR_INVALID;
    e = take_key(algorithm, pkey, out, why);
    EVP_PKEY_free(pkey);
    return e;
}

enum err signature_public_key(enum token_algorithm algorithm, struct span pem,
                              struct signature_key **out, const char **why)
{
    *why = "contains a private key; remove it, only the public key belongs here";
    if (strstr(pem.p, "PRIVATE KEY-----"))
        return ERR_INVALID;
    return new_key(algorithm, pem, false, out, why);
}

enum err signature_private_key(enum token_algorithm algorithm, struct span pem,
                               struct signature_key **out, const char **why)
{
    return new_key(algorithm, pem, true, out, why);
}

void signature_key_free(struct signature_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    free(k);
}

bool signature_keys_match(const struct signature_key *a, const struct signature_key *b)
{
    return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

static const EVP_MD *digest_of(enum token_algorithm algorithm)
{
    return algorithm == TOKEN_EDDSA ? NULL : EVP_sha256();
}

/* Two numbers as DER, which the caller frees; its length, or 0. */
static size_t encode_der(struct span numbers, unsigned char **der)
{
    const unsigned char *bytes = (const unsigned char *)numbers.p;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, NUMBER_SIZE, NULL);
    BIGNUM *s = BN_bin2bn(bytes + NUMBER_SIZE, NUMBER_SIZE, NULL);
    int len = 0;

    *der = NULL;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        len = i2d_ECDSA_SIG(sig, der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len > 0 ? (size_t)len : 0;
}

static bool decode_der(const unsigned char *der, size_t len, unsigned char numbers[])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool is_good =
        sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), numbers, NUMBER_SIZE) == NUMBER_SIZE &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), numbers + NUMBER_SIZE, NUMBER_SIZE) == NUMBER_SIZE;

    ECDSA_SIG_free(sig);
    return is_good;
}

static bool verifies(const struct signature_key *k, struct span text, const unsigned char *bytes,
                     size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        context && EVP_DigestVerifyInit(context, NULL, digest_of(k->algorithm), NULL, k->pkey) &&
        EVP_DigestVerify(context, bytes, len, (const unsigned char *)text.p, text.len) == 1;

    EVP_MD_CTX_free(context);
    return is_good;
}

bool signature_is_good(const struct signature_key *k, struct span text, struct span signature)
{
    unsigned char *der;
    size_t len;
    bool is_good;

    if (k->algorithm != TOKEN_ES256)
        return verifies(k, text, (const unsigned char *)signature.p, signature.len);
    if (signature.len != (size_t)2 * NUMBER_SIZE)
        return false;
    len = encode_der(signature, &der);
    is_good = len > 0 && verifies(k, text, der, len);
    OPENSSL_free(der);
    return is_good;
}

static bool sign(const struct signature_key *k, struct span text, unsigned char *out, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_made = context &&
                   EVP_DigestSignInit(context, NULL, digest_of(k->algorithm), NULL, k->pkey) &&
                   EVP_DigestSign(context, out, len, (const unsigned char *)text.p, text.len) == 1;

    EVP_MD_CTX_free(context);
    return is_made;
}

enum err signature_make(const struct signature_key *k, struct span text, struct buf *out)
{
    unsigned char bytes[SIGNATURE_MAX], numbers[2 * NUMBER_SIZE];
    size_t len = sizeof(bytes);

    if (!sign(k, text, bytes, &len))
        return ERR_NO_MEMORY;
    if (k->algorithm != TOKEN_ES256)
        return buf_append(out, (struct span){(const char *)bytes, len});
    if (!decode_der(bytes, len, numbers))
        return ERR_NO_MEMORY;
    return buf_append(out, (struct span){(const char *)numbers, sizeof(numbers)});
}
