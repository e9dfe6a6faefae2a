/* Keys as plain bytes: X25519, X448, Ed25519, Ed448, points of curves (SEC 1) and scalars, and
 * post-quantum keys. */
#ifndef JSEC_CORE_RAWKEY_H
#define JSEC_CORE_RAWKEY_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/keys/quantum_key.h"

#define RAWKEY_MAX_LENGTH QUANTUM_KEY_MAX_LENGTH

/* The public half of a key, or the private one. The caller frees the result with EVP_PKEY_free. */
EVP_PKEY *rawkey_read(const KeyAlgorithm *algorithm, Bytes bytes, bool is_private,
                      Failure *failure);

typedef enum RawForm { RAWKEY_PUBLIC, RAWKEY_COMPRESSED, RAWKEY_PRIVATE } RawForm;

/* Writes at most RAWKEY_MAX_LENGTH bytes. */
bool rawkey_write(const EVP_PKEY *key, RawForm form, uint8_t *out, size_t *length,
                  Failure *failure);

#endif
