/* What newer OpenSSLs have that 3.0, the oldest we build with, has not: each by a name, so that no other file asks for
 * version numbers. What a build has at run time features_* tells. */
#ifndef JSEC_CORE_OPENSSL_H
#define JSEC_CORE_OPENSSL_H

#include <openssl/opensslv.h>

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "jsec needs OpenSSL 3.0 or later"
#endif

/* PBMAC1 of PKCS#12 (RFC 9579). */
#define OPENSSL_HAS_PBMAC1 (OPENSSL_VERSION_NUMBER >= 0x30400000L)

#endif
