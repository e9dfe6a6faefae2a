/* OpenSSH's files: private keys ("OPENSSH PRIVATE KEY", its PROTOCOL.key), and public keys on one
 * line, as in authorized_keys. */
#ifndef JSEC_CORE_OPENSSH_H
#define JSEC_CORE_OPENSSH_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <stdbool.h>

/* Is it the line of a public key, "ssh-ed25519 AAAA… comment"? */
bool openssh_is_public(Bytes data);

/* Does it hold the PEM block of a private key? */
bool openssh_is_private(Bytes data);

/* The caller frees the results with EVP_PKEY_free. NULL on failure. The public half of a private
 * key is not encrypted. */
EVP_PKEY *openssh_read_public(Bytes data, Failure *failure);
EVP_PKEY *openssh_read_private(Bytes data, Bytes password, Failure *failure);

/* The names of the cipher and key derivation of a private key; "none" for both if it is not
 * encrypted. */
typedef struct OpensshFacts {
    char cipher[32], kdf[32];
    EVP_PKEY *public_key; /* the caller frees it */
} OpensshFacts;

bool openssh_facts(Bytes data, OpensshFacts *facts, Failure *failure);

typedef struct OpensshWriting {
    Bytes comment;  /* without control characters; may be empty */
    Bytes password; /* of a private key; data NULL: not encrypted */
} OpensshWriting;

/* Append the text of a key. Slow on purpose with a password. */
bool openssh_write(EVP_PKEY *key, bool is_private, const OpensshWriting *writing, BIO *into,
                   Failure *failure);

#endif
