/* Encryption with a shared key. Any thread may call, also with the same key. */
#ifndef JSEC_CORE_SYMMETRIC_H
#define JSEC_CORE_SYMMETRIC_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/failure.h"

#define SYMMETRIC_MAX_TAG 16
#define SYMMETRIC_BLOCK 16

/* The lengths fit the cipher. */
typedef struct SymmetricSetup {
    const CipherRow *cipher;
    Bytes key, nonce, aad; /* SIV takes no nonce, too, and tells empty additional data from none */
    int tag_length;        /* 0: the cipher has none */
} SymmetricSetup;

/* Can this be encrypted at all? CCM's nonce bounds the length of the text. */
bool symmetric_check_length(const SymmetricSetup *setup, size_t length, Failure *failure);

/* `out` has room for the text and a block. The tag has setup's length. */
bool symmetric_encrypt(const SymmetricSetup *setup, Bytes text, uint8_t *out, size_t *length,
                       uint8_t *tag, Failure *failure);

/* The failure says neither what was wrong nor how far the decryption came. */
bool symmetric_decrypt(const SymmetricSetup *setup, Bytes text, const uint8_t *tag, uint8_t *out,
                       size_t *length, Failure *failure);

/* Data in pieces: a context that has the key, nonce and additional data; NULL on failure. Not for
 * ciphers that need the whole text at once. */
EVP_CIPHER_CTX *symmetric_start(const SymmetricSetup *setup, bool encrypting, Failure *failure);

#endif
