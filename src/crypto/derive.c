/* Key agreement: ECDH, X25519, X448. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "register.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#define MAX_SECRET_LENGTH 1024 /* P-521's is 66 */

static bool can_agree(const EVP_PKEY *key, const EVP_PKEY *peer, Failure *failure) {
    bool agrees = EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "X25519") ||
                  EVP_PKEY_is_a(key, "X448") || EVP_PKEY_is_a(key, "DH");
    if (!agrees) return failure_set(failure, "%s keys don't agree on secrets", keys_type(key));
    if (EVP_PKEY_is_a(peer, keys_type(key)) && EVP_PKEY_parameters_eq(key, peer) == 1) return true;
    ERR_clear_error();
    return failure_set(failure, "the keys are not of the same %s: %s and %s",
                       EVP_PKEY_is_a(peer, keys_type(key)) ? "curve" : "kind", keys_type(key),
                       keys_type(peer));
}

/* OpenSSL checks that the peer is a point of the curve, and that a secret of X25519 or X448 is not
 * all zeros. */
static bool agree(EVP_PKEY *key, EVP_PKEY *peer, uint8_t *secret, size_t *length,
                  Failure *failure) {
    ERR_clear_error();
    if (!can_agree(key, peer, failure)) return false;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    *length = MAX_SECRET_LENGTH;
    bool done = context && EVP_PKEY_derive_init(context) > 0 &&
                EVP_PKEY_derive_set_peer(context, peer) > 0 &&
                EVP_PKEY_derive(context, secret, length) > 0;
    if (!done) failure_openssl(failure, "no secret agreed on");
    EVP_PKEY_CTX_free(context);
    return done;
}

FUNCTION(
    crypto_derive, "crypto/derive", "private-key public-key",
    "The shared secret of a private key and the peer's public key, as a buffer: X25519 and "
    "X448 (RFC 7748), ECDH on the curves of `generate-key` (the x coordinate, SP 800-56A). "
    "Keys are PEM, DER or a path; the public one may be a certificate. Both sides get the same "
    "secret. Raises when an argument is not a key, the keys differ in kind or curve, or the "
    "public key is not a point of the curve or makes the secret zero.\n\n"
    "The secret is not yet a key: pass it through `hkdf`. It does not authenticate the peer.",
    NULL) {
    uint8_t secret[MAX_SECRET_LENGTH];
    size_t length = 0;
    Failure failure;
    static const Bytes no_password = {NULL, 0};
    args_arity(function, argc, 2, 2);
    Bytes own = key_argument(function, argv, 0), others = key_argument(function, argv, 1);
    EVP_PKEY *key = keys_private(own, no_password, &failure);
    EVP_PKEY *peer = key ? keys_public(others, &failure) : NULL;
    bool done = peer && agree(key, peer, secret, &length, &failure);
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
