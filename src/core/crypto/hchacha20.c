#include "core/crypto/hchacha20.h"

#include "core/once.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BLOCK 64

static Once fetched;

static void *fetch_chacha20(const void *name) {
    return EVP_CIPHER_fetch(NULL, name, NULL);
}

static uint32_t load_little_endian(const uint8_t *in) {
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* Four words of ChaCha20's block, from before it added the initial state to them. */
static void subtract_words(const uint8_t *block, const uint8_t *initial, uint8_t *out) {
    for (int i = 0; i < 16; i += 4) {
        uint32_t word = load_little_endian(block + i) - load_little_endian(initial + i);
        out[i] = (uint8_t)word;
        out[i + 1] = (uint8_t)(word >> 8);
        out[i + 2] = (uint8_t)(word >> 16);
        out[i + 3] = (uint8_t)(word >> 24);
    }
}

/* A block of ChaCha20 is the state after its rounds plus the state before them. HChaCha20 is the
 * first and last quarter of the former, whose initial words are constants and the nonce. */
bool hchacha20(const uint8_t key[HCHACHA20_KEY], const uint8_t nonce[HCHACHA20_NONCE],
               uint8_t out[HCHACHA20_KEY]) {
    static const uint8_t zeros[BLOCK], constants[] = "expand 32-byte k";
    uint8_t block[BLOCK];
    int length;
    const EVP_CIPHER *cipher = once_get(&fetched, fetch_chacha20, "ChaCha20");
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = cipher && context && EVP_EncryptInit_ex2(context, cipher, key, nonce, NULL) &&
                EVP_EncryptUpdate(context, block, &length, zeros, BLOCK);
    if (done) {
        subtract_words(block, constants, out);
        subtract_words(block + BLOCK - 16, nonce, out + 16);
    }
    OPENSSL_cleanse(block, sizeof block);
    EVP_CIPHER_CTX_free(context);
    return done;
}
