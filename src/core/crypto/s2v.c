#include "core/crypto/s2v.h"

#include "core/once.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

static Once fetched;

static void *fetch_cmac(const void *name) {
    return EVP_MAC_fetch(NULL, name, NULL);
}

static EVP_MAC_CTX *open_cmac(Bytes key) {
    char name[16];
    snprintf(name, sizeof name, "AES-%d-CBC", (int)key.length * 8);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
                           OSSL_PARAM_END};
    EVP_MAC *mac = once_get(&fetched, fetch_cmac, "CMAC");
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    if (context && EVP_MAC_init(context, key.data, key.length, params)) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

static bool compute_cmac(Bytes key, Bytes data, uint8_t out[S2V_TAG]) {
    size_t length;
    EVP_MAC_CTX *context = open_cmac(key);
    bool done = context && EVP_MAC_update(context, data.data, data.length) &&
                EVP_MAC_final(context, out, &length, S2V_TAG);
    EVP_MAC_CTX_free(context);
    return done;
}

/* Multiply by x in GF(2^128). */
static void double_block(uint8_t block[S2V_TAG]) {
    uint8_t carry = (uint8_t) - (block[0] >> 7) & 0x87;
    for (int i = 0; i < S2V_TAG - 1; i++) {
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    }
    block[S2V_TAG - 1] = (uint8_t)(block[S2V_TAG - 1] << 1) ^ carry;
}

static bool add_string(Bytes key, Bytes string, uint8_t block[S2V_TAG]) {
    uint8_t mac[S2V_TAG];
    if (!string.data) return true;
    if (!compute_cmac(key, string, mac)) return false;
    double_block(block);
    for (int i = 0; i < S2V_TAG; i++) block[i] ^= mac[i];
    return true;
}

bool s2v_empty(Bytes key, Bytes aad, Bytes nonce, uint8_t tag[S2V_TAG]) {
    static const uint8_t zeros[S2V_TAG];
    uint8_t block[S2V_TAG];
    Bytes half = {key.data, key.length / 2};
    bool done = compute_cmac(half, (Bytes){zeros, S2V_TAG}, block) &&
                add_string(half, aad, block) && add_string(half, nonce, block);
    if (!done) return false;
    double_block(block);
    block[0] ^= 0x80; /* the padding of the empty text */
    return compute_cmac(half, (Bytes){block, S2V_TAG}, tag);
}
