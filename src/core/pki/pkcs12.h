/* Bundles of private keys and certificates (PKCS#12, RFC 7292). */
#ifndef JSEC_CORE_PKCS12_H
#define JSEC_CORE_PKCS12_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* --- reading --- */

/* A key or a certificate, with the attributes of its bag. */
typedef struct Pkcs12Bag {
    EVP_PKEY *key; /* or NULL */
    X509 *certificate;
    char *name;  /* friendlyName, UTF-8; NULL: none */
    uint8_t *id; /* localKeyID; NULL: none */
    size_t id_length;
} Pkcs12Bag;

/* A key with its certificate and the CAs above it, or a certificate alone. Pointers are into the
 * bundle's bags; NULL: none. */
typedef struct Pkcs12Entry {
    const Pkcs12Bag *key, *certificate;
    const Pkcs12Bag **chain;
    size_t chain_length;
} Pkcs12Entry;

/* Zeroed at birth; pkcs12_free frees what it points to. */
typedef struct Pkcs12 {
    Pkcs12Bag *bags; /* in the order of the bundle */
    size_t count;
    Pkcs12Entry *entries; /* keys first */
    size_t entry_count;
} Pkcs12;

typedef struct Pkcs12Reading {
    Bytes password;   /* NULL data or empty: none */
    bool needs_mac;   /* refuse a bundle without protection against changes */
    bool with_legacy; /* allow RC2 and others of OpenSSL's legacy provider */
} Pkcs12Reading;

/* Open a bundle: DER, BER, or PEM ("PKCS12"). The caller calls pkcs12_free, on failure too. */
bool pkcs12_read(Pkcs12 *bundle, Bytes data, const Pkcs12Reading *reading, Failure *failure);

/* Make the entries: each key with its certificate and chain; each other certificate, except those
 * of a chain that have no name of their own. */
bool pkcs12_sort(Pkcs12 *bundle, Failure *failure);

void pkcs12_free(Pkcs12 *bundle);

/* --- writing --- */

/* Pointers are borrowed. */
typedef struct Pkcs12Template {
    EVP_PKEY *key;                 /* NULL: a trust store */
    STACK_OF(X509) * certificates; /* the key's first */
    Bytes *names;                  /* friendly names of the first certificates, UTF-8 */
    size_t name_count;
    Bytes password;
    int iterations;
    bool is_legacy; /* SHA-1 and Triple-DES, for old readers; else SHA-256 and AES-256-CBC */
} Pkcs12Template;

/* The key and its certificate have the same name and id. The certificates of a trust store have the
 * attribute by which Java trusts them. The caller frees the result with OPENSSL_free; NULL on
 * failure. */
uint8_t *pkcs12_write(const Pkcs12Template *template, size_t *length, Failure *failure);

#endif
