#include "core/crypto/kem.h"

#include "core/keys/keys.h"

#include <openssl/err.h>
#include <string.h>

/* OpenSSL also encapsulates with RSA and EC keys, for which there are rsa-encrypt and hpke-seal. */
static bool is_kem(const EVP_PKEY *key, Failure *failure) {
    const char *type = EVP_PKEY_get0_type_name(key);
    return (type && !strncmp(type, "ML-KEM-", 7)) ||
           failure_set(failure, "%s keys don't encapsulate: ML-KEM keys do", keys_type(key));
}

bool kem_encapsulate(EVP_PKEY *key, KemResult *result, Failure *failure) {
    ERR_clear_error();
    if (!is_kem(key, failure)) return false;
    size_t secret_length = sizeof result->secret;
    result->length = sizeof result->ciphertext;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool done = context && EVP_PKEY_encapsulate_init(context, NULL) > 0 &&
                EVP_PKEY_encapsulate(context, result->ciphertext, &result->length, result->secret,
                                     &secret_length) > 0;
    if (!done) failure_openssl(failure, "no secret encapsulated");
    EVP_PKEY_CTX_free(context);
    return done;
}

static bool check_length(EVP_PKEY_CTX *context, const EVP_PKEY *key, Bytes ciphertext,
                         Failure *failure) {
    size_t expected = EVP_PKEY_is_a(key, "ML-KEM-512")   ? 768
                      : EVP_PKEY_is_a(key, "ML-KEM-768") ? 1088
                                                         : KEM_MAX_CIPHERTEXT;
    if (!context) return failure_openssl(failure, "no secret decapsulated");
    return ciphertext.length == expected ||
           failure_set(failure, "a ciphertext of %s has %zu bytes, got %zu", keys_type(key),
                       expected, ciphertext.length);
}

bool kem_decapsulate(EVP_PKEY *key, Bytes ciphertext, uint8_t secret[KEM_SECRET_LENGTH],
                     Failure *failure) {
    ERR_clear_error();
    if (!is_kem(key, failure)) return false;
    size_t length = KEM_SECRET_LENGTH;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool fits = check_length(context, key, ciphertext, failure);
    bool done =
        fits && EVP_PKEY_decapsulate_init(context, NULL) > 0 &&
        EVP_PKEY_decapsulate(context, secret, &length, ciphertext.data, ciphertext.length) > 0;
    if (fits && !done) failure_openssl(failure, "no secret decapsulated");
    EVP_PKEY_CTX_free(context);
    return done;
}
