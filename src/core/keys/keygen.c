#include "core/keys/keygen.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

bool keygen_is_rsa(const KeyAlgorithm *algorithm) {
    return !strncmp(algorithm->type, "RSA", 3);
}

bool keygen_is_slow(const KeyAlgorithm *algorithm) {
    return keygen_is_rsa(algorithm) || !strncmp(algorithm->type, "SLH-DSA", 7);
}

static bool set_parameters(EVP_PKEY_CTX *context, const KeyAlgorithm *algorithm, int bits) {
    if (keygen_is_rsa(algorithm)) return EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) > 0;
    if (!algorithm->curve) return true;
    return EVP_PKEY_CTX_set_group_name(context, algorithm->curve->group) > 0;
}

EVP_PKEY *keygen(const KeyAlgorithm *algorithm, int bits, Failure *failure) {
    ERR_clear_error();
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm->type, NULL);
    if (!context || EVP_PKEY_keygen_init(context) <= 0) {
        algorithms_lack(algorithm->type, failure);
    } else if (!set_parameters(context, algorithm, bits) || EVP_PKEY_generate(context, &key) <= 0) {
        failure_openssl(failure, "no %s key generated", algorithm->type);
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}
