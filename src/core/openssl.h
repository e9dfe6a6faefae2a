/* Names for features that OpenSSL 3.0, the minimum, lacks, so that no other file compares version
 * numbers. features_* report what the OpenSSL in use has at run time. */
#ifndef JSEC_CORE_OPENSSL_H
#define JSEC_CORE_OPENSSL_H

#include <openssl/configuration.h>
#include <openssl/opensslv.h>

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "jsec needs OpenSSL 3.0 or later"
#endif

/* PBMAC1 of PKCS#12 (RFC 9579). */
#define OPENSSL_HAS_PBMAC1 (OPENSSL_VERSION_NUMBER >= 0x30400000L)

/* Compressed certificates (RFC 8879). */
#if OPENSSL_VERSION_NUMBER >= 0x30200000L && !defined(OPENSSL_NO_COMP_ALG)
#define OPENSSL_HAS_CERTIFICATE_COMPRESSION 1
#else
#define OPENSSL_HAS_CERTIFICATE_COMPRESSION 0
#endif

/* Blowfish without a provider, for bcrypt. */
#if !defined(OPENSSL_NO_BF) && !defined(OPENSSL_NO_DEPRECATED_3_0)
#define OPENSSL_HAS_BLOWFISH 1
#else
#define OPENSSL_HAS_BLOWFISH 0
#endif

#endif
