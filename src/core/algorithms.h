/* Algorithms by name, each fetched from OpenSSL once per process. */
#ifndef JSEC_CORE_ALGORITHMS_H
#define JSEC_CORE_ALGORITHMS_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

/* Rows and their objects are shared and live as long as the process: never free them. All functions
 * may be called from any thread. */

/* Letter case does not matter in a name, and `_` stands for `-`. */
typedef struct AlgorithmName {
    const char *text;      /* as jsec writes it: "sha256" */
    const char *spellings; /* others that are accepted, separated by spaces; or "" */
} AlgorithmName;

typedef struct DigestRow {
    AlgorithmName name;
    const char *fetch; /* OpenSSL's name */
    bool xof;          /* SHAKE: the output has any length */
} DigestRow;

/* NULL with "unknown digest ..." or the reason why this OpenSSL does not offer it. */
const DigestRow *algorithms_digest(Bytes name, Failure *failure);
const EVP_MD *algorithms_md(const DigestRow *row);

/* The digest of `count` pieces, one after the other; false with OpenSSL's error. */
bool algorithms_hash(const EVP_MD *md, const Bytes *pieces, size_t count, uint8_t *out);

/* Making a context costs as much as hashing a few bytes. So one of each kind is kept for the next
 * call, on any thread. Give it back after success, and free it after failure. It holds the last key
 * until the next call or algorithms_forget. */

/* An HMAC over this digest without its key yet, for EVP_MAC_init. */
EVP_MAC_CTX *algorithms_take_hmac(const DigestRow *row, Failure *failure);
void algorithms_give_hmac(const DigestRow *row, EVP_MAC_CTX *context);

typedef enum CipherMode {
    CIPHER_GCM,
    CIPHER_CHACHA,
    CIPHER_XCHACHA,
    CIPHER_GCM_SIV,
    CIPHER_SIV,
    CIPHER_CCM,
    CIPHER_CTR,
    CIPHER_CBC, /* with PKCS#7 padding */
} CipherMode;

/* Lengths in bytes. */
typedef struct CipherKind {
    CipherMode mode;
    int nonce_length, min_nonce, max_nonce;
    int tag_length, min_tag; /* 0: not authenticated */
    bool takes_pieces;       /* else the text is needed as a whole */
} CipherKind;

typedef struct CipherRow {
    AlgorithmName name;
    const char *fetch;
    int key_length;
    const CipherKind *kind;
} CipherRow;

const CipherRow *algorithms_cipher(Bytes name, Failure *failure);
const EVP_CIPHER *algorithms_evp_cipher(const CipherRow *row);
EVP_CIPHER_CTX *algorithms_take_cipher(const CipherRow *row); /* NULL: out of memory */
void algorithms_give_cipher(const CipherRow *row, EVP_CIPHER_CTX *context);

/* Cleanse the keys in contexts that are kept. */
void algorithms_forget(void);

/* Elliptic curves of Weierstrass form. */
typedef struct CurveRow {
    AlgorithmName name;
    const char *group; /* OpenSSL's name */
    int nid;
} CurveRow;

const CurveRow *algorithms_curve(Bytes name, Failure *failure);
const EC_GROUP *algorithms_group(const CurveRow *row, Failure *failure);

/* What generate-key makes: an algorithm, and its curve where it is "EC". */
typedef struct KeyAlgorithm {
    const char *type; /* for EVP_PKEY_CTX_new_from_name */
    const CurveRow *curve;
} KeyAlgorithm;

bool algorithms_key(Bytes name, KeyAlgorithm *algorithm, Failure *failure);

/* The type of the key whose object identifier in DER, with tag and length, is here; NULL: not one
 * of NIST's post-quantum algorithms. OpenSSL before 3.5 does not know the identifiers. */
const char *algorithms_quantum_key(Bytes oid);

/* Did a later version than this OpenSSL add the algorithm or feature? */
bool algorithms_is_newer(const char *name);

/* Sets "<name> needs OpenSSL 3.5 or later: this is OpenSSL 3.0.19", or says that this OpenSSL was
 * built without it. Returns false. */
bool algorithms_lack(const char *name, Failure *failure);

#endif
