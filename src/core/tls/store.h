/* Trust stores: the shared one of the system, and those of contexts. */
#ifndef JSEC_CORE_STORE_H
#define JSEC_CORE_STORE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509_vfy.h>

/* The store of the system's CAs (SSL_CERT_FILE, SSL_CERT_DIR), read at its first use and never
 * changed after. The caller does not free it. NULL where the system has no CAs. */
X509_STORE *store_system(Failure *failure);

/* The system's certificates in a new store, to be added to. NULL when out of memory. */
X509_STORE *store_new_system(void);

/* Copy the certificates, CRLs and flags of a store that other threads may read. Directories of
 * certificates are not copied. */
bool store_copy(X509_STORE *into, X509_STORE *from);

/* Add certificates (path, PEM or DER). Each is an anchor, of a CA or not (see
 * verify_set_strictness). */
bool store_add_bundle(X509_STORE *store, Bytes path_or_content, Failure *failure);

/* Add a directory of certificates with hashed names. */
bool store_add_directory(X509_STORE *store, Bytes path, Failure *failure);

#endif
