/* The algorithms by the names people give them, each fetched from OpenSSL once per process. */
#ifndef JSEC_CORE_ALGORITHMS_H
#define JSEC_CORE_ALGORITHMS_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

/* Names match whatever their letter case, with `_` for `-`; each function's rows hold every
 * spelling. The pointers are shared, live as long as the process and are not to be freed. All
 * functions may be called from any thread. */

typedef struct DigestRow DigestRow;

/* NULL with "unknown digest …" or the reason why this OpenSSL does not offer it. */
const DigestRow *algorithms_digest(Bytes name, Failure *failure);
const EVP_MD *algorithms_md(const DigestRow *row);
bool algorithms_is_xof(const DigestRow *row);
const char *algorithms_digest_name(const DigestRow *row); /* our own spelling: "sha256" */

/* The digest of some pieces, one after the other; false with OpenSSL's error. */
bool algorithms_hash(const EVP_MD *md, const Bytes *pieces, size_t count, uint8_t *out);

/* Making a context costs as much as the work on a few bytes, so each kind has one that is kept for
 * the next call, whichever thread makes it. Give it back after success, and free it after failure:
 * it holds the last key, until the next or algorithms_forget. */

/* An HMAC over this digest that waits for its key, for EVP_MAC_init. */
EVP_MAC_CTX *algorithms_take_hmac(const DigestRow *row, Failure *failure);
void algorithms_give_hmac(const DigestRow *row, EVP_MAC_CTX *context);

/* Ciphers: authenticated ones, and CBC with PKCS#7 padding. */
typedef struct CipherRow {
    const char *name;
    size_t name_length;
    const char *spellings, *fetch;
    int key_length, nonce_length, tag_length; /* a tag of 0 bytes: not authenticated */
    unsigned slot;
} CipherRow;

const CipherRow *algorithms_cipher(Bytes name, Failure *failure);
const EVP_CIPHER *algorithms_evp_cipher(const CipherRow *row);
EVP_CIPHER_CTX *algorithms_take_cipher(const CipherRow *row); /* NULL: out of memory */
void algorithms_give_cipher(const CipherRow *row, EVP_CIPHER_CTX *context);

/* Cleanse the keys in contexts that are kept. */
void algorithms_forget(void);

/* Elliptic curves of Weierstrass form. */
typedef struct CurveRow {
    const char *name, *spellings;
    const char *group; /* OpenSSL's name */
    int nid;
    unsigned slot;
} CurveRow;

const CurveRow *algorithms_curve(Bytes name, Failure *failure);
const EC_GROUP *algorithms_group(const CurveRow *row, Failure *failure);

/* What generate-key makes: an algorithm, and its curve where it is "EC". */
typedef struct KeyAlgorithm {
    const char *type; /* for EVP_PKEY_CTX_new_from_name */
    const CurveRow *curve;
} KeyAlgorithm;

bool algorithms_key(Bytes name, KeyAlgorithm *algorithm, Failure *failure);

#endif
