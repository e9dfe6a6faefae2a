/* Key encapsulation. */
#include "core/crypto/kem.h"
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "register.h"

#include <openssl/crypto.h>

static Janet make_buffer(const uint8_t *bytes, size_t length) {
    JanetBuffer *buffer = janet_buffer((int32_t)length);
    janet_buffer_push_bytes(buffer, bytes, (int32_t)length);
    return janet_wrap_buffer(buffer);
}

FUNCTION(
    crypto_encapsulate, "crypto/encapsulate", "public-key",
    "Make a secret that only the owner of the private key can learn: `{:secret buffer "
    ":ciphertext buffer}`. The peer gets the ciphertext, and `decapsulate` gives it the same "
    "secret, 32 random bytes that serve as a key. ML-KEM (FIPS 203), with OpenSSL 3.5. "
    "`public-key` is PEM, DER, a path or a certificate. Raises when it is not an ML-KEM key.\n\n"
    "It does not authenticate the peer. To encrypt to an X25519 or EC key, use `hpke-seal`; "
    "for a hybrid, pass this secret and that of `derive`, joined, through `hkdf`.",
    NULL) {
    KemResult result;
    Failure failure;
    args_arity(function, argc, 1, 1);
    EVP_PKEY *key = keys_public(key_argument(function, argv, 0), &failure);
    bool done = key && kem_encapsulate(key, &result, &failure);
    EVP_PKEY_free(key);
    if (!done) raise_failure(function, &failure);
    JanetKV *pair = janet_struct_begin(2);
    janet_struct_put(pair, janet_ckeywordv("secret"),
                     make_buffer(result.secret, sizeof result.secret));
    janet_struct_put(pair, janet_ckeywordv("ciphertext"),
                     make_buffer(result.ciphertext, result.length));
    OPENSSL_cleanse(result.secret, sizeof result.secret);
    return janet_wrap_struct(janet_struct_end(pair));
}

FUNCTION(crypto_decapsulate, "crypto/decapsulate", "private-key ciphertext",
         "The secret of a ciphertext of `encapsulate`, as a buffer of 32 bytes. A ciphertext that "
         "was changed, or is for another key, gives another secret, and no error (FIPS 203): what "
         "is encrypted with it does not authenticate then. `private-key` is PEM, DER or a path. "
         "Raises when it is not an ML-KEM key, or the ciphertext has a wrong length.",
         NULL) {
    static const Bytes no_password = {NULL, 0};
    uint8_t secret[KEM_SECRET_LENGTH];
    Failure failure;
    args_arity(function, argc, 2, 2);
    Bytes own = key_argument(function, argv, 0), ciphertext = args_bytes(function, argv, 1);
    EVP_PKEY *key = keys_private(own, no_password, &failure);
    bool done = key && kem_decapsulate(key, ciphertext, secret, &failure);
    EVP_PKEY_free(key);
    if (!done) raise_failure(function, &failure);
    Janet result = make_buffer(secret, sizeof secret);
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}

static const Function *const functions[] = {
    &function_crypto_encapsulate,
    &function_crypto_decapsulate,
    NULL,
};

void kem_register(JanetTable *env) {
    module_register(env, functions);
}
