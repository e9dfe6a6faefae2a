/* Keys and certificates from bytes, PEM or DER, and from files. */
#ifndef JSEC_CORE_PEM_H
#define JSEC_CORE_PEM_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* What an option "path or PEM content" names: content (PEM or DER) is taken as it is, anything
 * else is a path. `owned` then holds the file's bytes and is to be given to pem_free; it is
 * zeroed first, so that pem_free is safe either way. NULL data on failure. */
typedef struct PemSource {
    uint8_t *bytes;
    size_t length;
} PemSource;
Bytes pem_source(Bytes source, PemSource *owned, Failure *failure);

/* The bytes of a file, whatever they are. */
bool pem_file(Bytes path, PemSource *owned, Failure *failure);

/* Cleanse and free what pem_source read. */
void pem_free(PemSource *owned);

/* A private key, PEM (any of OpenSSL's forms) or DER (PKCS#8 or the traditional ones). An
 * encrypted one without a password, or with a wrong one, is a failure: nothing ever prompts.
 * password.data may be NULL. The caller frees the result with EVP_PKEY_free. */
EVP_PKEY *pem_private_key(Bytes data, Bytes password, Failure *failure);

/* A public key: PEM or DER SubjectPublicKeyInfo or PKCS#1, or the public half of a certificate or
 * of an unencrypted private key. */
EVP_PKEY *pem_public_key(Bytes data, Failure *failure);

/* The first certificate, PEM or DER. */
X509 *pem_certificate(Bytes data, Failure *failure);

/* All certificates, in their order, one at least. PEM blocks that are no certificates (keys beside
 * them, say) are passed over; a certificate that does not parse is a failure. DER gives one. */
STACK_OF(X509) * pem_certificates(Bytes data, Failure *failure);

/* Add the CRLs of a PEM text, one at least, or the one of DER. */
bool pem_add_crls(STACK_OF(X509_CRL) * into, Bytes data, Failure *failure);

/* PEM of a certificate or key as a malloc'ed string for OPENSSL_free; NULL on failure. */
char *pem_of_certificate(const X509 *certificate, size_t *length);

#endif
