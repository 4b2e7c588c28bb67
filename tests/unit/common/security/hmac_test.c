/* SPDX-License-Identifier: MIT */
#include "common/security/hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* RFC 4231 4.2, 4.3, 4.4, 4.7 and 4.8 */
static const struct {
    char key_byte;
    size_t key_len;
    const char *key; /* NULL: key_len times key_byte */
    const char *text;
    const char *mac;
} vectors[] = {
    {0x0b, 20, NULL, "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {0, 4, "Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {(char)0xaa, 20, NULL,
     "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
     "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
     "\xdd\xdd\xdd\xdd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {(char)0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {(char)0xaa, 131, NULL,
     "This is a test using a larger than block-size key and a larger than block-size data. The key "
     "needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

static void read_hex(const char *hex, char out[HMAC_SIZE])
{
    for (size_t i = 0; i < HMAC_SIZE; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        out[i] = (char)strtoul(digits, NULL, 16);
    }
}

static struct hmac_key *load_key(size_t i)
{
    char key[256];
    struct hmac_key *k = NULL;

    memset(key, vectors[i].key_byte, sizeof(key));
    if (vectors[i].key)
        memcpy(key, vectors[i].key, vectors[i].key_len);
    assert_int_equal(hmac_key_new((struct span){key, vectors[i].key_len}, &k), ERR_NONE);
    return k;
}

static void only_the_right_mac_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(vectors); i++) {
        struct hmac_key *k = load_key(i);
        struct span text = span_of(vectors[i].text);
        char mac[HMAC_SIZE + 1] = {0};

        read_hex(vectors[i].mac, mac);
        for (size_t bit = 0; bit < HMAC_SIZE * 8; bit++) {
            mac[bit / 8] = (char)(mac[bit / 8] ^ 1 << bit % 8);
            assert_false(hmac_matches(k, text, (struct span){mac, HMAC_SIZE}));
            mac[bit / 8] = (char)(mac[bit / 8] ^ 1 << bit % 8);
        }
        for (size_t len = 0; len <= HMAC_SIZE + 1; len++)
            assert_int_equal(hmac_matches(k, text, (struct span){mac, len}), len == HMAC_SIZE);
        text.len--;
        assert_false(hmac_matches(k, text, (struct span){mac, HMAC_SIZE}));
        hmac_key_free(k);
    }
}

static void made_macs_are_the_right_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(vectors); i++) {
        struct hmac_key *k = load_key(i);
        char right[HMAC_SIZE], made[HMAC_SIZE];

        read_hex(vectors[i].mac, right);
        assert_int_equal(hmac_make(k, span_of(vectors[i].text), made), ERR_NONE);
        assert_memory_equal(made, right, HMAC_SIZE);
        hmac_key_free(k);
    }
}

static void freeing_nothing_does_nothing(void **state)
{
    (void)state;
    hmac_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_right_mac_matches),
        cmocka_unit_test(made_macs_are_the_right_ones),
        cmocka_unit_test(freeing_nothing_does_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
