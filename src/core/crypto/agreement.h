/* Key agreement: ECDH, X25519, X448 and Diffie-Hellman. */
#ifndef JSEC_CORE_AGREEMENT_H
#define JSEC_CORE_AGREEMENT_H

#include "core/failure.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGREEMENT_MAX_LENGTH 1024 /* P-521's secret has 66 bytes */

/* The secret of the two keys, at most AGREEMENT_MAX_LENGTH bytes. False when the keys differ in
 * kind or curve, when the peer is no point of the curve, or makes a secret of X25519 or X448
 * zero. */
bool agreement_derive(EVP_PKEY *key, EVP_PKEY *peer, uint8_t *secret, size_t *length,
                      Failure *failure);

#endif
