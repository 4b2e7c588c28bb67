/* SPDX-License-Identifier: MIT */
/* forge.h - signs any bytes as a JWT of HS256, those too that no library would sign, so that what
 * lies behind a good signature can be tested and fuzzed. FIPS 180-4, RFC 2104. */
#ifndef DOORBELL_TESTS_UNIT_COMMON_FORGE_H
#define DOORBELL_TESTS_UNIT_COMMON_FORGE_H

#include <stdint.h>
#include <string.h>

#include "common/bytes/buf.h"
#include "common/bytes/span.h"

enum { FORGE_HASH = 32, FORGE_BLOCK = 64 };

struct forge_hash {
    uint32_t h[8];
    unsigned char block[FORGE_BLOCK];
    uint64_t len;
};

static inline uint32_t forge_rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static inline void forge_compress(struct forge_hash *s)
{
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
    };
    uint32_t w[64];
    uint32_t v[8];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
               (uint32_t)s->block[4 * i + 2] << 8 | (uint32_t)s->block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (forge_rotate(w[i - 15], 7) ^ forge_rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (forge_rotate(w[i - 2], 17) ^ forge_rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, s->h, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[0];
        uint32_t e = v[4];
        uint32_t one = v[7] + (forge_rotate(e, 6) ^ forge_rotate(e, 11) ^ forge_rotate(e, 25)) +
                       ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
        uint32_t two = (forge_rotate(a, 2) ^ forge_rotate(a, 13) ^ forge_rotate(a, 22)) +
                       ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        s->h[i] += v[i];
}

static inline void forge_update(struct forge_hash *s, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s->block[s->len++ % FORGE_BLOCK] = ((const unsigned char *)bytes)[i];
        if (s->len % FORGE_BLOCK == 0)
            forge_compress(s);
    }
}

static inline void forge_init(struct forge_hash *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memset(s, 0, sizeof(*s));
    memcpy(s->h, start, sizeof(start));
}

static inline void forge_final(struct forge_hash *s, unsigned char out[FORGE_HASH])
{
    uint64_t bits = s->len * 8;
    unsigned char length[8];

    forge_update(s, "\x80", 1);
    while (s->len % FORGE_BLOCK != FORGE_BLOCK - 8)
        forge_update(s, "", 1);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    forge_update(s, length, sizeof(length));
    for (int i = 0; i < FORGE_HASH; i++)
        out[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

/* The key is at most FORGE_BLOCK bytes long. */
static inline void forge_hmac(struct span key, struct span text, unsigned char out[FORGE_HASH])
{
    unsigned char pad[FORGE_BLOCK] = {0};
    struct forge_hash s;

    memcpy(pad, key.p, key.len);
    for (int i = 0; i < FORGE_BLOCK; i++)
        pad[i] ^= 0x36;
    forge_init(&s);
    forge_update(&s, pad, sizeof(pad));
    forge_update(&s, text.p, text.len);
    forge_final(&s, out);
    for (int i = 0; i < FORGE_BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    forge_init(&s);
    forge_update(&s, pad, sizeof(pad));
    forge_update(&s, out, FORGE_HASH);
    forge_final(&s, out);
}

static inline enum err forge_base64url(struct buf *b, struct span bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    int count = 0;
    enum err e = ERR_NONE;

    for (size_t i = 0; i < bytes.len && !e; i++) {
        bits = bits << 8 | (unsigned char)bytes.p[i];
        for (count += 8; count >= 6 && !e; count -= 6)
            e = buf_append_char(b, letters[bits >> (count - 6) & 63]);
    }
    if (count > 0 && !e)
        e = buf_append_char(b, letters[bits << (6 - count) & 63]);
    return e;
}

/* Appends header.payload.signature. */
static inline enum err forge_token(struct buf *b, struct span key, struct span header,
                                   struct span payload)
{
    size_t start = b->len;
    unsigned char signature[FORGE_HASH];
    enum err e = forge_base64url(b, header);

    if (!e)
        e = buf_append_char(b, '.');
    if (!e)
        e = forge_base64url(b, payload);
    if (e)
        return e;
    forge_hmac(key, (struct span){b->data + start, b->len - start}, signature);
    e = buf_append_char(b, '.');
    return e ? e : forge_base64url(b, (struct span){(const char *)signature, FORGE_HASH});
}

#endif
