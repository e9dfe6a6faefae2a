#include "core/crypto/agreement.h"

#include "core/keys/keys.h"

#include <openssl/err.h>

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
bool agreement_derive(EVP_PKEY *key, EVP_PKEY *peer, uint8_t *secret, size_t *length,
                      Failure *failure) {
    ERR_clear_error();
    if (!can_agree(key, peer, failure)) return false;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    *length = AGREEMENT_MAX_LENGTH;
    bool done = context && EVP_PKEY_derive_init(context) > 0 &&
                EVP_PKEY_derive_set_peer(context, peer) > 0 &&
                EVP_PKEY_derive(context, secret, length) > 0;
    if (!done) failure_openssl(failure, "no secret agreed on");
    EVP_PKEY_CTX_free(context);
    return done;
}
