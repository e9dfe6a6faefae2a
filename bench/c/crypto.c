/* The C column of bench/crypto.janet: bare OpenSSL, a line `name seconds-per-call` for each row.
 * Algorithms are fetched, contexts made and keys parsed once, and results go into the caller's
 * memory: only the necessary work of a call remains. */
#define _GNU_SOURCE /* clock_gettime */
#include "common.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SMALL 64
#define LARGE 16384

static uint8_t data[LARGE], text[2 * LARGE], sealed[LARGE + 16], out[2 * LARGE], tag[16], key[32],
    nonce[12];
static size_t length; /* of the data of a row */
static EVP_MD *sha256;
static EVP_MD_CTX *digest, *ed25519_context, *rsa_context;
static EVP_MAC_CTX *mac;
static EVP_CIPHER *gcm;
static EVP_CIPHER_CTX *cipher;
static EVP_PKEY *p256, *ed25519, *rsa;
static EVP_PKEY_CTX *signer, *verifier;
static uint8_t signature[256];
static size_t signature_length;

static void check(bool done) {
    if (!done) die("a call of OpenSSL failed");
}

static void hash(void) {
    check(EVP_DigestInit_ex2(digest, sha256, NULL) && EVP_DigestUpdate(digest, data, length) &&
          EVP_DigestFinal_ex(digest, out, NULL));
}

static void authenticate(void) {
    size_t written;
    check(EVP_MAC_init(mac, key, sizeof key, NULL) && EVP_MAC_update(mac, data, length) &&
          EVP_MAC_final(mac, out, &written, sizeof out));
}

static void encode(void) {
    EVP_EncodeBlock(out, data, (int)length);
}

static void decode(void) {
    check(EVP_DecodeBlock(out, text, (int)strlen((char *)text)) > 0);
}

static void encrypt(void) {
    int n, last;
    check(EVP_EncryptInit_ex2(cipher, NULL, key, nonce, NULL) &&
          EVP_EncryptUpdate(cipher, out, &n, data, (int)length) &&
          EVP_EncryptFinal_ex(cipher, out + n, &last) &&
          EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag));
}

static void decrypt(void) {
    int n, last;
    check(EVP_DecryptInit_ex2(cipher, NULL, key, nonce, NULL) &&
          EVP_DecryptUpdate(cipher, out, &n, sealed, (int)length) &&
          EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) &&
          EVP_DecryptFinal_ex(cipher, out + n, &last));
}

static void draw(void) {
    check(RAND_bytes(out, 32) == 1);
}

static void derive(void) {
    check(PKCS5_PBKDF2_HMAC("password", 8, (const uint8_t *)"salt", 4, 1000, sha256, 32, out));
}

static void sign_p256(void) {
    uint8_t hashed[32];
    signature_length = sizeof signature;
    check(EVP_Digest(data, SMALL, hashed, NULL, sha256, NULL) &&
          EVP_PKEY_sign(signer, signature, &signature_length, hashed, sizeof hashed) > 0);
}

static void verify_p256(void) {
    uint8_t hashed[32];
    check(EVP_Digest(data, SMALL, hashed, NULL, sha256, NULL) &&
          EVP_PKEY_verify(verifier, signature, signature_length, hashed, sizeof hashed) == 1);
}

static void sign_whole(EVP_MD_CTX *context, EVP_PKEY *by, const char *name) {
    size_t written = sizeof out;
    check(EVP_DigestSignInit_ex(context, NULL, name, NULL, NULL, by, NULL) &&
          EVP_DigestSign(context, out, &written, data, SMALL));
}

static void sign_ed25519(void) {
    sign_whole(ed25519_context, ed25519, NULL);
}

static void sign_rsa(void) {
    sign_whole(rsa_context, rsa, "SHA256");
}

/* --- measuring --- */

static double seconds(long count, void (*call)(void)) {
    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    while (count--) call();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

static void measure(const char *name, const char *size, void (*call)(void)) {
    long count = 1;
    double best = 1e9;
    call();
    while (seconds(count, call) < 0.05) count *= 2;
    for (int i = 0; i < 4; i++) {
        double took = seconds(count, call) / (double)count;
        if (took < best) best = took;
    }
    printf("%s%s %.12f\n", name, size, best);
}

static void measure_size(const char *size, size_t bytes) {
    length = bytes;
    measure("digest", size, hash);
    measure("hmac", size, authenticate);
    EVP_EncodeBlock(text, data, (int)length);
    measure("encode", size, encode);
    measure("decode", size, decode);
    measure("encrypt", size, encrypt);
    memcpy(sealed, out, length);
    measure("decrypt", size, decrypt);
}

static void prepare(void) {
    char name[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                           OSSL_PARAM_construct_end()};
    memset(data, 'A', sizeof data);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    digest = EVP_MD_CTX_new();
    ed25519_context = EVP_MD_CTX_new();
    rsa_context = EVP_MD_CTX_new();
    cipher = EVP_CIPHER_CTX_new();
    check(EVP_EncryptInit_ex2(cipher, gcm, NULL, NULL, NULL));
    mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
    check(EVP_MAC_init(mac, key, sizeof key, params));
    p256 = EVP_EC_gen("P-256");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    rsa = EVP_RSA_gen(2048);
    signer = EVP_PKEY_CTX_new_from_pkey(NULL, p256, NULL);
    verifier = EVP_PKEY_CTX_new_from_pkey(NULL, p256, NULL);
    check(EVP_PKEY_sign_init(signer) > 0 && EVP_PKEY_verify_init(verifier) > 0);
}

int main(void) {
    prepare();
    measure_size("-64", SMALL);
    measure_size("-16K", LARGE);
    measure("random-32", "", draw);
    measure("pbkdf2-1000", "", derive);
    measure("sign-p256", "", sign_p256);
    measure("sign-p256-pem", "", sign_p256);
    measure("sign-ed25519", "", sign_ed25519);
    measure("sign-rsa2048", "", sign_rsa);
    measure("verify-p256", "", verify_p256);
    return 0;
}
