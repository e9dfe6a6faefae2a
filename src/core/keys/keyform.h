/* Keys in the forms that files have. */
#ifndef JSEC_CORE_KEYFORM_H
#define JSEC_CORE_KEYFORM_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/keys/keyfacts.h"
#include "core/keys/pbe.h"

#include <openssl/evp.h>

typedef enum KeyForm {
    KEYFORM_PEM, /* PKCS#8, or SubjectPublicKeyInfo for a public key */
    KEYFORM_DER,
    KEYFORM_PKCS8, /* the same for private keys; public ones have none */
    KEYFORM_PKCS8_DER,
    KEYFORM_TRADITIONAL, /* PKCS#1, SEC 1, and DSA's own */
    KEYFORM_TRADITIONAL_DER,
} KeyForm;

/* How to encrypt what is written; password.data NULL: not at all. */
typedef struct KeyEncryption {
    Bytes password;
    const EVP_CIPHER *cipher; /* NULL: AES-256-CBC */
    int iterations;
} KeyEncryption;

/* A key of either half in any form that is known. The caller frees it with EVP_PKEY_free. */
EVP_PKEY *keyform_read(Bytes data, Bytes password, bool *is_private, Failure *failure);

/* The caller frees the result with OPENSSL_clear_free(bytes, *length). NULL on failure. */
uint8_t *keyform_write(EVP_PKEY *key, bool is_private, KeyForm form,
                       const KeyEncryption *encryption, size_t *length, Failure *failure);

typedef struct KeyFormInfo {
    bool encrypted, is_private;
    KeyFacts facts;  /* of an encrypted key only what shows from outside */
    PbeFacts scheme; /* of an encrypted PKCS#8 key */
} KeyFormInfo;

/* What a key is. One that is encrypted is opened when there is a password, else only looked at. */
bool keyform_info(Bytes data, Bytes password, KeyFormInfo *info, Failure *failure);

#endif
