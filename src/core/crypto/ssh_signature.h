/* SSH signatures of files, as `ssh-keygen -Y` makes them (OpenSSH's PROTOCOL.sshsig). */
#ifndef JSEC_CORE_SSH_SIGNATURE_H
#define JSEC_CORE_SSH_SIGNATURE_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/keys/encoding.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <stdbool.h>

/* Append the PEM block of a signature. `digest` is "sha256" or "sha512". */
bool ssh_signature_make(EVP_PKEY *key, Bytes data, Bytes name_space, const char *digest, BIO *into,
                        Failure *failure);

/* What is in a signature; the views point into `owned`, which the caller frees with
 * ssh_signature_free. */
typedef struct SshSignature {
    PemSource owned;
    Bytes public_blob, name_space, digest, signature;
} SshSignature;

/* False for anything that is not a signature. */
bool ssh_signature_read(Bytes text, SshSignature *signature, Failure *failure);
void ssh_signature_free(SshSignature *signature);

/* `valid` is true when `key` made the signature, of this data and in this namespace. A failure
 * means that it could not be checked. */
bool ssh_signature_verify(EVP_PKEY *key, Bytes data, Bytes name_space, Bytes text, bool *valid,
                          Failure *failure);

#endif
