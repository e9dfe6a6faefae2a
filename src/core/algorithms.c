#include "core/algorithms.h"

#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX_SHOWN 32 /* characters of an unknown name that an error repeats */

static int folded(int c) {
    if (c >= 'A' && c <= 'Z') return c + 'a' - 'A';
    return c == '_' ? '-' : c;
}

/* The words of a row's `spellings` stand in lower case, a space between them. */
static bool spelled(Bytes name, const char *word) {
    for (;;) {
        size_t i = 0;
        while (i < name.length && word[i] && word[i] == folded(name.data[i])) i++;
        if (i == name.length && i && (word[i] == ' ' || !word[i])) return true;
        word += i;
        while (*word && *word != ' ') word++;
        if (!*word++) return false;
    }
}

/* Nearly every call gives the name that comes first: worth a look before the spellings. */
#define NAMED(name) name, sizeof(name) - 1

static bool is_name(Bytes name, const char *text, size_t length) {
    return name.length == length && !memcmp(name.data, text, length);
}

/* What was asked for may be long, or hold anything. */
static void unknown(Failure *failure, const char *what, Bytes name, const char *known) {
    char shown[MAX_SHOWN + 1];
    size_t length = name.length < sizeof shown - 1 ? name.length : sizeof shown - 1;
    for (size_t i = 0; i < length; i++) {
        shown[i] = (char)(isprint(name.data[i]) ? name.data[i] : '?');
    }
    shown[length] = 0;
    failure_set(failure, "unknown %s \"%s\", expected one of %s", what, shown, known);
}

/* --- digests --- */

struct DigestRow {
    const char *name;
    size_t name_length;
    const char *spellings, *fetch;
    bool xof;
    unsigned slot;
};

#define DIGEST_COUNT 17

static const DigestRow digests[DIGEST_COUNT] = {
    {NAMED("sha256"), "sha256 sha-256 sha2-256", "SHA2-256", false, 0},
    {NAMED("sha384"), "sha384 sha-384 sha2-384", "SHA2-384", false, 1},
    {NAMED("sha512"), "sha512 sha-512 sha2-512", "SHA2-512", false, 2},
    {NAMED("sha1"), "sha1 sha-1", "SHA1", false, 3},
    {NAMED("md5"), "md5 md-5", "MD5", false, 4},
    {NAMED("sha224"), "sha224 sha-224 sha2-224", "SHA2-224", false, 5},
    {NAMED("sha512-224"), "sha512-224 sha-512-224 sha512/224 sha-512/224 sha2-512/224",
     "SHA2-512/224", false, 6},
    {NAMED("sha512-256"), "sha512-256 sha-512-256 sha512/256 sha-512/256 sha2-512/256",
     "SHA2-512/256", false, 7},
    {NAMED("sha3-224"), "sha3-224", "SHA3-224", false, 8},
    {NAMED("sha3-256"), "sha3-256", "SHA3-256", false, 9},
    {NAMED("sha3-384"), "sha3-384", "SHA3-384", false, 10},
    {NAMED("sha3-512"), "sha3-512", "SHA3-512", false, 11},
    {NAMED("shake128"), "shake128 shake-128", "SHAKE-128", true, 12},
    {NAMED("shake256"), "shake256 shake-256", "SHAKE-256", true, 13},
    {NAMED("blake2b512"), "blake2b512 blake2b-512 blake2b", "BLAKE2B-512", false, 14},
    {NAMED("blake2s256"), "blake2s256 blake2s-256 blake2s", "BLAKE2S-256", false, 15},
    {NAMED("ripemd160"), "ripemd160 ripemd-160 rmd160", "RIPEMD-160", false, 16},
};

static _Atomic(EVP_MD *) digest_slots[DIGEST_COUNT];
static _Atomic(EVP_MD_CTX *) spare_hash;
static _Atomic(EVP_MAC_CTX *) hmac_slots[DIGEST_COUNT], spare_hmacs[DIGEST_COUNT];

static const char digest_names[] = "sha256 sha384 sha512 sha224 sha512-224 sha512-256 sha3-224 "
                                   "sha3-256 sha3-384 sha3-512 shake128 shake256 blake2b512 "
                                   "blake2s256 ripemd160 sha1 md5";

/* Two threads may fetch the same: the first one's stays. */
static EVP_MD *fetch_md(const DigestRow *row) {
    EVP_MD *md = atomic_load(&digest_slots[row->slot]), *none = NULL;
    if (md) return md;
    md = EVP_MD_fetch(NULL, row->fetch, NULL);
    if (md && !atomic_compare_exchange_strong(&digest_slots[row->slot], &none, md)) {
        EVP_MD_free(md);
        md = none;
    }
    return md;
}

static const DigestRow *find_digest(Bytes name) {
    for (const DigestRow *row = digests; row < digests + DIGEST_COUNT; row++) {
        if (is_name(name, row->name, row->name_length)) return row;
    }
    for (const DigestRow *row = digests; row < digests + DIGEST_COUNT; row++) {
        if (spelled(name, row->spellings)) return row;
    }
    return NULL;
}

const DigestRow *algorithms_digest(Bytes name, Failure *failure) {
    const DigestRow *row = find_digest(name);
    if (row && fetch_md(row)) return row;
    if (row) failure_openssl(failure, "digest %s is not offered by this OpenSSL", row->name);
    if (!row) unknown(failure, "digest", name, digest_names);
    return NULL;
}

const EVP_MD *algorithms_md(const DigestRow *row) {
    return atomic_load(&digest_slots[row->slot]);
}

bool algorithms_is_xof(const DigestRow *row) {
    return row->xof;
}

const char *algorithms_digest_name(const DigestRow *row) {
    return row->name;
}

/* OpenSSL keeps what it has set up where the digest is the same as before. */
bool algorithms_hash(const EVP_MD *md, const Bytes *pieces, size_t count, uint8_t *out) {
    EVP_MD_CTX *context = atomic_exchange(&spare_hash, NULL);
    if (!context) context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestInit_ex2(context, md, NULL);
    for (size_t i = 0; done && i < count; i++) {
        done = EVP_DigestUpdate(context, pieces[i].data, pieces[i].length);
    }
    done = done && EVP_DigestFinal_ex(context, out, NULL);
    EVP_MD_CTX_free(done ? atomic_exchange(&spare_hash, context) : context);
    return done;
}

static EVP_MAC_CTX *new_hmac(const DigestRow *row) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context keeps it */
    char name[24];
    snprintf(name, sizeof name, "%s", row->fetch);
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_END};
    /* A context without any key can't be duplicated. */
    if (context && EVP_MAC_init(context, (const unsigned char *)"", 1, params)) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

/* To be duplicated. */
static const EVP_MAC_CTX *first_hmac(const DigestRow *row, Failure *failure) {
    EVP_MAC_CTX *context = atomic_load(&hmac_slots[row->slot]), *none = NULL;
    if (context) return context;
    context = new_hmac(row);
    if (!context) failure_openssl(failure, "no HMAC over %s", row->name);
    if (context && !atomic_compare_exchange_strong(&hmac_slots[row->slot], &none, context)) {
        EVP_MAC_CTX_free(context);
        context = none;
    }
    return context;
}

EVP_MAC_CTX *algorithms_take_hmac(const DigestRow *row, Failure *failure) {
    EVP_MAC_CTX *context = atomic_exchange(&spare_hmacs[row->slot], NULL);
    if (context) return context;
    const EVP_MAC_CTX *first = first_hmac(row, failure);
    context = first ? EVP_MAC_CTX_dup(first) : NULL;
    if (first && !context) failure_openssl(failure, "no HMAC over %s", row->name);
    return context;
}

void algorithms_give_hmac(const DigestRow *row, EVP_MAC_CTX *context) {
    EVP_MAC_CTX_free(atomic_exchange(&spare_hmacs[row->slot], context));
}

/* --- ciphers --- */

#define CIPHER_COUNT 7

static const CipherRow ciphers[CIPHER_COUNT] = {
    {NAMED("aes-128-gcm"), "aes-128-gcm aes128-gcm id-aes128-gcm", "AES-128-GCM", 16, 12, 16, 0},
    {NAMED("aes-192-gcm"), "aes-192-gcm aes192-gcm id-aes192-gcm", "AES-192-GCM", 24, 12, 16, 1},
    {NAMED("aes-256-gcm"), "aes-256-gcm aes256-gcm id-aes256-gcm", "AES-256-GCM", 32, 12, 16, 2},
    {NAMED("chacha20-poly1305"), "chacha20-poly1305 chacha-poly", "ChaCha20-Poly1305", 32, 12, 16,
     3},
    {NAMED("aes-128-cbc"), "aes-128-cbc aes128-cbc aes128", "AES-128-CBC", 16, 16, 0, 4},
    {NAMED("aes-192-cbc"), "aes-192-cbc aes192-cbc aes192", "AES-192-CBC", 24, 16, 0, 5},
    {NAMED("aes-256-cbc"), "aes-256-cbc aes256-cbc aes256", "AES-256-CBC", 32, 16, 0, 6},
};

static _Atomic(EVP_CIPHER *) cipher_slots[CIPHER_COUNT];
static _Atomic(EVP_CIPHER_CTX *) spare_ciphers[CIPHER_COUNT];

static const char cipher_names[] = "aes-128-gcm aes-192-gcm aes-256-gcm chacha20-poly1305 "
                                   "aes-128-cbc aes-192-cbc aes-256-cbc";

static EVP_CIPHER *fetch_cipher(const CipherRow *row) {
    EVP_CIPHER *cipher = atomic_load(&cipher_slots[row->slot]), *none = NULL;
    if (cipher) return cipher;
    cipher = EVP_CIPHER_fetch(NULL, row->fetch, NULL);
    if (cipher && !atomic_compare_exchange_strong(&cipher_slots[row->slot], &none, cipher)) {
        EVP_CIPHER_free(cipher);
        cipher = none;
    }
    return cipher;
}

static const CipherRow *find_cipher(Bytes name) {
    for (const CipherRow *row = ciphers; row < ciphers + CIPHER_COUNT; row++) {
        if (is_name(name, row->name, row->name_length)) return row;
    }
    for (const CipherRow *row = ciphers; row < ciphers + CIPHER_COUNT; row++) {
        if (spelled(name, row->spellings)) return row;
    }
    return NULL;
}

const CipherRow *algorithms_cipher(Bytes name, Failure *failure) {
    const CipherRow *row = find_cipher(name);
    if (row && fetch_cipher(row)) return row;
    if (row) failure_openssl(failure, "cipher %s is not offered by this OpenSSL", row->name);
    if (!row) unknown(failure, "cipher", name, cipher_names);
    return NULL;
}

const EVP_CIPHER *algorithms_evp_cipher(const CipherRow *row) {
    return atomic_load(&cipher_slots[row->slot]);
}

EVP_CIPHER_CTX *algorithms_take_cipher(const CipherRow *row) {
    EVP_CIPHER_CTX *context = atomic_exchange(&spare_ciphers[row->slot], NULL);
    return context ? context : EVP_CIPHER_CTX_new();
}

void algorithms_give_cipher(const CipherRow *row, EVP_CIPHER_CTX *context) {
    EVP_CIPHER_CTX_free(atomic_exchange(&spare_ciphers[row->slot], context));
}

void algorithms_forget(void) {
    for (size_t i = 0; i < DIGEST_COUNT; i++)
        EVP_MAC_CTX_free(atomic_exchange(&spare_hmacs[i], NULL));
    for (size_t i = 0; i < CIPHER_COUNT; i++) {
        EVP_CIPHER_CTX_free(atomic_exchange(&spare_ciphers[i], NULL));
    }
}

/* --- curves and keys --- */

#define CURVE_COUNT 8

static const CurveRow curves[CURVE_COUNT] = {
    {"p-256", "p-256 p256 ec-p256 ec-p-256 secp256r1 prime256v1 ec-secp256r1", "prime256v1",
     NID_X9_62_prime256v1, 0},
    {"p-384", "p-384 p384 ec-p384 ec-p-384 secp384r1 ec-secp384r1", "secp384r1", NID_secp384r1, 1},
    {"p-521", "p-521 p521 ec-p521 ec-p-521 secp521r1 ec-secp521r1", "secp521r1", NID_secp521r1, 2},
    {"secp256k1", "secp256k1 ec-secp256k1", "secp256k1", NID_secp256k1, 3},
    {"p-224", "p-224 p224 ec-p224 ec-p-224 secp224r1 ec-secp224r1", "secp224r1", NID_secp224r1, 4},
    {"brainpoolp256r1", "brainpoolp256r1 ec-brainpoolp256r1", "brainpoolP256r1",
     NID_brainpoolP256r1, 5},
    {"brainpoolp384r1", "brainpoolp384r1 ec-brainpoolp384r1", "brainpoolP384r1",
     NID_brainpoolP384r1, 6},
    {"brainpoolp512r1", "brainpoolp512r1 ec-brainpoolp512r1", "brainpoolP512r1",
     NID_brainpoolP512r1, 7},
};

static _Atomic(EC_GROUP *) group_slots[CURVE_COUNT];

#define CURVE_NAMES                                                                                \
    "p-256 p-384 p-521 secp256k1 p-224 brainpoolp256r1 brainpoolp384r1 brainpoolp512r1"

static const CurveRow *find_curve(Bytes name) {
    for (const CurveRow *row = curves; row < curves + CURVE_COUNT; row++) {
        if (spelled(name, row->spellings)) return row;
    }
    return NULL;
}

const CurveRow *algorithms_curve(Bytes name, Failure *failure) {
    const CurveRow *row = find_curve(name);
    if (!row) unknown(failure, "curve", name, CURVE_NAMES);
    return row;
}

const EC_GROUP *algorithms_group(const CurveRow *row, Failure *failure) {
    EC_GROUP *group = atomic_load(&group_slots[row->slot]), *none = NULL;
    if (group) return group;
    group = EC_GROUP_new_by_curve_name(row->nid);
    if (!group) failure_openssl(failure, "curve %s is not offered by this OpenSSL", row->name);
    if (group && !atomic_compare_exchange_strong(&group_slots[row->slot], &none, group)) {
        EC_GROUP_free(group);
        group = none;
    }
    return group;
}

static const struct {
    const char *spellings, *type;
} key_types[] = {
    {"rsa", "RSA"},
    {"ed25519", "ED25519"},
    {"x25519", "X25519"},
    {"ed448", "ED448"},
    {"x448", "X448"},
    {"rsa-pss", "RSA-PSS"},
    {"ml-dsa-44 mldsa44", "ML-DSA-44"},
    {"ml-dsa-65 mldsa65", "ML-DSA-65"},
    {"ml-dsa-87 mldsa87", "ML-DSA-87"},
};

bool algorithms_key(Bytes name, KeyAlgorithm *algorithm, Failure *failure) {
    *algorithm = (KeyAlgorithm){"EC", find_curve(name)};
    if (algorithm->curve) return true;
    for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++) {
        if (!spelled(name, key_types[i].spellings)) continue;
        algorithm->type = key_types[i].type;
        return true;
    }
    unknown(failure, "key algorithm", name,
            "rsa rsa-pss ed25519 ed448 x25519 x448 " CURVE_NAMES " ml-dsa-44 ml-dsa-65 ml-dsa-87");
    return false;
}
