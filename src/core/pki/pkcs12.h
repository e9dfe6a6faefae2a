/* Bundles of a private key with its certificates (PKCS#12, RFC 7292). */
#ifndef JSEC_CORE_PKCS12_H
#define JSEC_CORE_PKCS12_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Zeroed at birth; pkcs12_free frees what it points to. */
typedef struct Pkcs12 {
    EVP_PKEY *key;          /* NULL: none */
    X509 *certificate;      /* the key's; NULL: none */
    STACK_OF(X509) * chain; /* the others, in their order */
    char *friendly_name;    /* UTF-8; NULL: none */
} Pkcs12;

typedef struct Pkcs12Reading {
    Bytes password;   /* NULL data or empty: none */
    bool needs_mac;   /* refuse a bundle without protection against changes */
    bool with_legacy; /* allow RC2 and others of OpenSSL's legacy provider */
} Pkcs12Reading;

/* Open a bundle, DER or BER. The caller calls pkcs12_free, on failure too. */
bool pkcs12_read(Pkcs12 *bundle, Bytes data, const Pkcs12Reading *reading, Failure *failure);

/* Encrypted with PBES2 (PBKDF2 over HMAC-SHA-256, AES-256-CBC), with a MAC by SHA-256. The caller
 * frees the result with OPENSSL_free; NULL on failure. */
uint8_t *pkcs12_write(const Pkcs12 *bundle, Bytes password, int iterations, size_t *length,
                      Failure *failure);

void pkcs12_free(Pkcs12 *bundle);

#endif
