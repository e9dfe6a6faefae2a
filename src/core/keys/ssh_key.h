/* Keys as SSH writes them: the blob of a public key (RFC 4253, 5656, 8709), and the fields of a
 * private one in OpenSSH's files. */
#ifndef JSEC_CORE_SSH_KEY_H
#define JSEC_CORE_SSH_KEY_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <stdbool.h>

/* The name of a key's type, "ssh-ed25519" for example. NULL: SSH has none. */
const char *ssh_key_type(const EVP_PKEY *key, Failure *failure);

/* The caller frees the results with EVP_PKEY_free. NULL on failure. ssh_key_read_private removes
 * what it reads from the beginning of `rest`. */
EVP_PKEY *ssh_key_read_public(Bytes blob, Failure *failure);
EVP_PKEY *ssh_key_read_private(Bytes *rest, Failure *failure);

/* Append the blob, or the fields. */
bool ssh_key_write_public(const EVP_PKEY *key, BIO *into, Failure *failure);
bool ssh_key_write_private(const EVP_PKEY *key, BIO *into, Failure *failure);

#endif
