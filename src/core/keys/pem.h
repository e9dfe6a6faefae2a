/* Keys and certificates from bytes, PEM or DER, and from files. */
#ifndef JSEC_CORE_PEM_H
#define JSEC_CORE_PEM_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/keys/encoding.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define PEM_MAX_SIZE (16 << 20) /* a bundle of all public CAs is 200 KB */

/* The bytes that an option "path or PEM content" names: PEM or DER content as it is, or the file or
 * pipe at that path. `owned` holds the file's bytes; pem_free is safe in either case. NULL data on
 * failure. */
Bytes pem_source(Bytes source, PemSource *owned, Failure *failure);

/* Is it neither PEM nor DER, and can it be a path? It decides so for all functions and options that
 * take a certificate, key or CRL as content or path. */
bool pem_is_path(Bytes source);

/* Replaces the path of a regular file with its content, for pem_free. What is no path stays, so
 * that its parser explains it. A failure begins with `what`. */
bool pem_resolve(Bytes *source, const char *what, PemSource *owned, Failure *failure);

/* Why OpenSSL did not read `data`: empty, without a block of that label, or OpenSSL's reasons.
 * Returns false. */
bool pem_explain(Bytes data, const char *label, Failure *failure);

/* For data that is never given as a path: ends the failure with the cure, if it looks like one. */
void pem_hint_path(Bytes data, Failure *failure);

/* The bytes of a file, in any format. */
bool pem_file(Bytes path, PemSource *owned, Failure *failure);

/* Cleanse and free the bytes that were read. */
void pem_free(PemSource *owned);

/* A private key, PEM (any of OpenSSL's forms, or OpenSSH's) or DER (PKCS#8 or the traditional
 * ones). An encrypted key with a missing or wrong password is a failure: OpenSSL never prompts.
 * password.data may be NULL. The caller frees the result with EVP_PKEY_free. */
EVP_PKEY *pem_private_key(Bytes data, Bytes password, Failure *failure);

/* A public key: PEM or DER SubjectPublicKeyInfo or PKCS#1, a line of OpenSSH, or the public half of
 * a certificate, of an unencrypted private key or of any private key of OpenSSH. */
EVP_PKEY *pem_public_key(Bytes data, Failure *failure);

/* The first certificate, PEM or DER. */
X509 *pem_certificate(Bytes data, Failure *failure);

/* All certificates, at least one, in their order. Other PEM blocks, such as keys, are skipped. A
 * certificate that does not parse, or is not found, is a failure, which gives its number. PEM lines
 * may be damaged as pem_lines.h describes, also in keys and CRLs. DER certificates may follow each
 * other. */
STACK_OF(X509) * pem_certificates(Bytes data, Failure *failure);

/* Add the CRLs of a PEM text, or those of DER that follow each other: one at least, and all. */
bool pem_add_crls(STACK_OF(X509_CRL) * into, Bytes data, Failure *failure);

/* The same from content or a path. `is_pem` may be NULL. */
X509 *pem_load_certificate(Bytes source, Failure *failure);
STACK_OF(X509) * pem_load_certificates(Bytes source, bool *is_pem, Failure *failure);
bool pem_load_crls(STACK_OF(X509_CRL) * into, Bytes source, Failure *failure);

/* PEM of a certificate or key as a malloc'ed string for OPENSSL_free; NULL on failure. */
char *pem_of_certificate(const X509 *certificate, size_t *length);

#endif
