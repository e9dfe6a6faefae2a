/* Key agreement: ECDH, X25519, X448. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/agreement.h"
#include "core/keys/keys.h"
#include "register.h"

#include <openssl/crypto.h>

FUNCTION(
    crypto_derive, "crypto/derive", "private-key public-key",
    "The shared secret of a private key and the peer's public key, as a buffer: X25519 and "
    "X448 (RFC 7748), ECDH on the curves of `generate-key` (the x coordinate, SP 800-56A). "
    "Keys are PEM, DER or a path; the public one may be a certificate. Both sides get the same "
    "secret. Raises when an argument is not a key, the keys differ in kind or curve, or the "
    "public key is not a point of the curve or makes the secret zero.\n\n"
    "The secret is not yet a key: pass it through `hkdf`. It does not authenticate the peer.",
    NULL) {
    uint8_t secret[AGREEMENT_MAX_LENGTH];
    size_t length = 0;
    Failure failure;
    static const Bytes no_password = {NULL, 0};
    args_arity(function, argc, 2, 2);
    Bytes own = key_argument(function, argv, 0), others = key_argument(function, argv, 1);
    EVP_PKEY *key = keys_private(own, no_password, &failure);
    EVP_PKEY *peer = key ? keys_public(others, &failure) : NULL;
    bool done = peer && agreement_derive(key, peer, secret, &length, &failure);
    EVP_PKEY_free(key);
    EVP_PKEY_free(peer);
    if (!done) raise_failure(function, &failure);
    JanetBuffer *buffer = janet_buffer((int32_t)length);
    janet_buffer_push_bytes(buffer, secret, (int32_t)length);
    OPENSSL_cleanse(secret, length);
    return janet_wrap_buffer(buffer);
}

static const Function *const functions[] = {
    &function_crypto_derive,
    NULL,
};

void derive_register(JanetTable *env) {
    module_register(env, functions);
}
