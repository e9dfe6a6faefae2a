/* The two parts of the provider for keys that live elsewhere. */
#ifndef JSEC_CORE_REMOTE_KEY_INTERNAL_H
#define JSEC_CORE_REMOTE_KEY_INTERNAL_H

#include "core/keys/remote_key.h"

#include <openssl/core_dispatch.h>

typedef struct RemoteKey {
    EVP_PKEY *public_half; /* of the default provider */
    RemoteSign *sign;      /* NULL: with `stored`, at once */
    const void *signer;
    EVP_PKEY *stored; /* NULL: none */
} RemoteKey;

typedef void (*Entry)(void); /* of a dispatch table */

/* In remote_signature.c. */
extern const OSSL_DISPATCH remote_signature_functions[];

#endif
