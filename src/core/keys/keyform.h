/* Reads and writes keys in the forms of files. */
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
    KEYFORM_PKCS8, /* the same as PEM for private keys; not for public keys */
    KEYFORM_PKCS8_DER,
    KEYFORM_TRADITIONAL, /* PKCS#1, SEC 1, and the form of DSA */
    KEYFORM_TRADITIONAL_DER,
    KEYFORM_OPENSSH, /* OpenSSH's: a PEM block, or a line for a public key */
} KeyForm;

/* How to encrypt a written key; password.data NULL: not encrypted. */
typedef struct KeyEncryption {
    Bytes password;
    const EVP_CIPHER *cipher; /* NULL: AES-256-CBC */
    int iterations;
    Bytes comment; /* of KEYFORM_OPENSSH */
} KeyEncryption;

/* A private or public key in any known form, content or the path of a file with it. `with_legacy`
 * also opens encryptions that need OpenSSL's legacy provider. The caller frees the result with
 * EVP_PKEY_free. */
EVP_PKEY *keyform_read(Bytes source, Bytes password, bool with_legacy, bool *is_private,
                       Failure *failure);

/* The same without `with_legacy`. A public key is a failure where the private half is wanted. */
EVP_PKEY *keyform_read_half(Bytes source, Bytes password, bool wants_private, Failure *failure);

/* The caller frees the result with OPENSSL_clear_free(bytes, *length). NULL on failure. */
uint8_t *keyform_write(EVP_PKEY *key, bool is_private, KeyForm form,
                       const KeyEncryption *encryption, size_t *length, Failure *failure);

typedef struct KeyFormInfo {
    bool encrypted, is_private;
    bool has_seed;   /* of a private ML-KEM or ML-DSA key */
    KeyFacts facts;  /* of an encrypted key, only what is visible without the password */
    PbeFacts scheme; /* of an encrypted key */
} KeyFormInfo;

/* Describes a key. An encrypted key is opened if there is a password. */
bool keyform_info(Bytes source, Bytes password, bool with_legacy, KeyFormInfo *info,
                  Failure *failure);

#endif
