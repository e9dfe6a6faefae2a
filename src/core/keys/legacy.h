/* OpenSSL's legacy provider: DES, RC2, MD4 and others of old files. */
#ifndef JSEC_CORE_LEGACY_H
#define JSEC_CORE_LEGACY_H

#include "core/failure.h"
#include "core/keys/pbe.h"

#include <openssl/evp.h>

/* A library context with these algorithms, which keeps them out of all other calls; shared, never
 * freed. NULL with a failure where the provider is not installed. */
OSSL_LIB_CTX *legacy_context(Failure *failure);

/* Does an encryption need algorithms that OpenSSL's default provider lacks? Then the failure names
 * them, and ends with `cure` if the legacy provider has them. False: nothing is missing. */
bool legacy_explain(const PbeFacts *facts, const char *cure, Failure *failure);

/* The same for the digest of a MAC. */
bool legacy_explain_digest(const char *name, const char *cure, Failure *failure);

#endif
