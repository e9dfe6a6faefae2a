/* ECDSA signatures: their forms, the lower s, and the key that made one. */
#ifndef JSEC_CORE_ECDSA_H
#define JSEC_CORE_ECDSA_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <stdbool.h>

typedef struct EcdsaForm {
    bool is_raw;       /* r and s side by side (IEEE P1363), each as long as the order; else DER */
    bool is_low_s;     /* s is at most half the order, as Bitcoin and Ethereum require */
    bool has_recovery; /* a last byte, 0 to 3, tells which of the possible keys signed; raw only */
} EcdsaForm;

/* Turns the DER signature of `digest` into this form, in place. There is room for
 * EVP_PKEY_get_size bytes. False with OpenSSL's error. */
bool ecdsa_convert(const EVP_PKEY *key, EcdsaForm form, Bytes digest, uint8_t *signature,
                   size_t *length);

/* The DER of a signature in this form, for OPENSSL_free. NULL: it is not of this form, or does not
 * name the key. */
unsigned char *ecdsa_der(const EVP_PKEY *key, EcdsaForm form, Bytes digest, Bytes signature,
                         size_t *length);

/* The public key on `curve` that made the raw signature with its recovery byte. The caller frees
 * the result with EVP_PKEY_free. */
EVP_PKEY *ecdsa_recover(const CurveRow *curve, Bytes digest, Bytes signature, Failure *failure);

#endif
