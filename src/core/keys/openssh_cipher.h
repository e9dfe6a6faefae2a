/* The encryption of OpenSSH's private keys. */
#ifndef JSEC_CORE_OPENSSH_CIPHER_H
#define JSEC_CORE_OPENSSH_CIPHER_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/bio.h>

#define OPENSSH_CIPHER "aes256-ctr" /* what is written */
#define OPENSSH_CIPHER_BLOCK 16

/* An encrypted part: its bytes, the tag that follows them, and the names and options of cipher and
 * key derivation. */
typedef struct OpensshSealed {
    Bytes cipher, kdf, kdf_options, part, tag;
} OpensshSealed;

/* Writes part.length bytes. A wrong password shows only in what comes out, unless there is a tag.
 * Slow on purpose. */
bool openssh_decrypt(const OpensshSealed *sealed, Bytes password, uint8_t *out, Failure *failure);

/* Encrypts `part`, of whole blocks, in place, and appends the options of the key derivation. */
bool openssh_encrypt(Bytes password, uint8_t *part, size_t length, BIO *kdf_options,
                     Failure *failure);

#endif
