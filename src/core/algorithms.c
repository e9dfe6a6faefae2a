#include "core/algorithms.h"

#include "core/once.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

/* --- tables --- */

/* Rows that begin with an AlgorithmName, and the OpenSSL object of each row. */
typedef struct Table {
    const char *what; /* for errors */
    const void *rows;
    size_t row_size, count;
    void *(*make)(const void *row);
    Once *made; /* by the row's place in the table */
} Table;

#define COUNT_OF(rows) (sizeof(rows) / sizeof *(rows))
#define TABLE_OF(what, rows, make, made)                                                           \
    { what, rows, sizeof *(rows), COUNT_OF(rows), make, made }

static const AlgorithmName *row_at(const Table *table, size_t index) {
    return (const void *)((const char *)table->rows + index * table->row_size);
}

static int fold_character(int c) {
    if (c >= 'A' && c <= 'Z') return c + 'a' - 'A';
    return c == '_' ? '-' : c;
}

/* Is the name among these spellings, which are in lower case? */
static bool is_among(Bytes name, const char *spellings) {
    for (const char *word = spellings; *word;) {
        size_t length = strcspn(word, " "), i = 0;
        while (i < length && i < name.length && word[i] == fold_character(name.data[i])) i++;
        if (i && i == name.length && i == length) return true;
        word += length;
        if (*word) word++;
    }
    return false;
}

static bool is_exactly(Bytes name, const char *text) {
    size_t i = 0;
    while (i < name.length && text[i] && text[i] == (char)name.data[i]) i++;
    return i == name.length && !text[i];
}

/* The index of the row, or the table's count. Nearly every call uses jsec's own spelling, so these
 * are compared first: a small call would notice the search. */
static size_t find_index(const Table *table, Bytes name) {
    for (size_t i = 0; i < table->count; i++) {
        if (is_exactly(name, row_at(table, i)->text)) return i;
    }
    for (size_t i = 0; i < table->count; i++) {
        const AlgorithmName *row = row_at(table, i);
        if (is_among(name, row->text) || is_among(name, row->spellings)) return i;
    }
    return table->count;
}

static const void *find_row(const Table *table, Bytes name) {
    size_t index = find_index(table, name);
    return index < table->count ? row_at(table, index) : NULL;
}

static void list_names(const Table *table, char *into, size_t size) {
    size_t used = strlen(into);
    for (size_t i = 0; i < table->count && used < size; i++) {
        used += (size_t)snprintf(into + used, size - used, " %s", row_at(table, i)->text);
    }
}

/* Lists the names of `table` and, unless it is NULL, of `more`. The text does not show the name,
 * which may be a key in the wrong place. */
static bool report_unknown(const Table *table, const Table *more, Failure *failure) {
    char names[800] = "";
    list_names(table, names, sizeof names);
    if (more) list_names(more, names, sizeof names);
    return failure_set(failure, "unknown %s, expected one of%s", table->what, names);
}

/* What OpenSSL 3.0 lacks, by the beginnings of names. */
typedef struct Addition {
    const char *prefix, *version;
    unsigned major, minor;
} Addition;

static const Addition additions[] = {
    {"aes-128-gcm-siv", "3.2", 3, 2},
    {"aes-192-gcm-siv", "3.2", 3, 2},
    {"aes-256-gcm-siv", "3.2", 3, 2},
    {"keccak-", "3.2", 3, 2},
    {"deterministic ecdsa", "3.2", 3, 2},
    {"ml-kem-", "3.5", 3, 5},
    {"ml-dsa-", "3.5", 3, 5},
    {"slh-dsa-", "3.5", 3, 5},
};

static bool begins_with(const char *name, const char *prefix) {
    while (*prefix && *prefix == fold_character(*name)) prefix++, name++;
    return !*prefix;
}

/* NULL: this version has it, unless it was built without. */
static const Addition *find_addition(const char *name) {
    unsigned major = OPENSSL_version_major(), minor = OPENSSL_version_minor();
    for (size_t i = 0; i < COUNT_OF(additions); i++) {
        const Addition *row = additions + i;
        bool older = major < row->major || (major == row->major && minor < row->minor);
        if (older && begins_with(name, row->prefix)) return row;
    }
    return NULL;
}

bool algorithms_is_newer(const char *name) {
    return find_addition(name);
}

bool algorithms_lack(const char *name, Failure *failure) {
    const Addition *row = find_addition(name);
    if (!row) return failure_set(failure, "%s is not offered by this OpenSSL", name);
    return failure_set(failure, "%s needs OpenSSL %s or later: this is OpenSSL %s", name,
                       row->version, OpenSSL_version(OPENSSL_VERSION_STRING));
}

static void *make_once(const Table *table, size_t index, Failure *failure) {
    const AlgorithmName *row = row_at(table, index);
    void *made = once_get(table->made + index, table->make, row);
    if (made) return made;
    algorithms_lack(row->text, failure);
    failure_prefix(failure, "%s not usable", table->what);
    ERR_clear_error();
    return NULL;
}

/* The first row whose object OpenSSL offers. */
static const void *find_offered(const Table *table, Bytes name, Failure *failure) {
    size_t index = find_index(table, name);
    if (index < table->count) return make_once(table, index, failure) ? row_at(table, index) : NULL;
    report_unknown(table, NULL, failure);
    return NULL;
}

/* --- digests --- */

static const DigestRow digests[] = {
    {{"sha256", "sha-256 sha2-256"}, "SHA2-256", false},
    {{"sha384", "sha-384 sha2-384"}, "SHA2-384", false},
    {{"sha512", "sha-512 sha2-512"}, "SHA2-512", false},
    {{"sha224", "sha-224 sha2-224"}, "SHA2-224", false},
    {{"sha512-224", "sha-512-224 sha512/224 sha-512/224 sha2-512/224"}, "SHA2-512/224", false},
    {{"sha512-256", "sha-512-256 sha512/256 sha-512/256 sha2-512/256"}, "SHA2-512/256", false},
    {{"sha3-224", ""}, "SHA3-224", false},
    {{"sha3-256", ""}, "SHA3-256", false},
    {{"sha3-384", ""}, "SHA3-384", false},
    {{"sha3-512", ""}, "SHA3-512", false},
    {{"shake128", "shake-128"}, "SHAKE-128", true},
    {{"shake256", "shake-256"}, "SHAKE-256", true},
    {{"keccak-256", "keccak256"}, "KECCAK-256", false},
    {{"blake2b512", "blake2b-512 blake2b"}, "BLAKE2B-512", false},
    {{"blake2s256", "blake2s-256 blake2s"}, "BLAKE2S-256", false},
    {{"ripemd160", "ripemd-160 rmd160"}, "RIPEMD-160", false},
    {{"sha1", "sha-1"}, "SHA1", false},
    {{"md5", "md-5"}, "MD5", false},
};

static Once fetched_mds[COUNT_OF(digests)], first_hmacs[COUNT_OF(digests)];
static _Atomic(EVP_MAC_CTX *) spare_hmacs[COUNT_OF(digests)];
static _Atomic(EVP_MD_CTX *) spare_hash;

static void *fetch_md(const void *row) {
    return EVP_MD_fetch(NULL, ((const DigestRow *)row)->fetch, NULL);
}

static const Table digest_table = TABLE_OF("digest", digests, fetch_md, fetched_mds);

const DigestRow *algorithms_digest(Bytes name, Failure *failure) {
    return find_offered(&digest_table, name, failure);
}

const EVP_MD *algorithms_md(const DigestRow *row) {
    return atomic_load(&fetched_mds[row - digests]);
}

/* OpenSSL reuses the context's state if the digest is the same as before. */
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

static void *new_hmac(const void *row) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context keeps it */
    char name[24];
    snprintf(name, sizeof name, "%s", ((const DigestRow *)row)->fetch);
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_END};
    /* A context without any key can't be duplicated. */
    if (context && EVP_MAC_init(context, (const unsigned char *)"", 1, params)) return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

EVP_MAC_CTX *algorithms_take_hmac(const DigestRow *row, Failure *failure) {
    EVP_MAC_CTX *context = atomic_exchange(&spare_hmacs[row - digests], NULL);
    if (context) return context;
    const EVP_MAC_CTX *first = once_get(&first_hmacs[row - digests], new_hmac, row);
    context = first ? EVP_MAC_CTX_dup(first) : NULL;
    if (!context) failure_openssl(failure, "no HMAC over %s", row->name.text);
    return context;
}

void algorithms_give_hmac(const DigestRow *row, EVP_MAC_CTX *context) {
    EVP_MAC_CTX_free(atomic_exchange(&spare_hmacs[row - digests], context));
}

/* --- ciphers --- */

/* mode, usual and minimum and maximum length of a nonce, usual and minimum length of a tag */
static const CipherKind gcm = {CIPHER_GCM, 12, 8, 128, 16, 12, true};
static const CipherKind chacha = {CIPHER_CHACHA, 12, 12, 12, 16, 16, true};
static const CipherKind xchacha = {CIPHER_XCHACHA, 24, 24, 24, 16, 16, true};
static const CipherKind gcm_siv = {CIPHER_GCM_SIV, 12, 12, 12, 16, 16, false};
static const CipherKind siv = {CIPHER_SIV, 16, 1, 128, 16, 16, false};
static const CipherKind ccm = {CIPHER_CCM, 12, 7, 13, 16, 4, false};
static const CipherKind ctr = {CIPHER_CTR, 16, 16, 16, 0, 0, true};
static const CipherKind cbc = {CIPHER_CBC, 16, 16, 16, 0, 0, true};

/* SIV has two keys in one. */
static const CipherRow ciphers[] = {
    {{"aes-128-gcm", "aes128-gcm id-aes128-gcm"}, "AES-128-GCM", 16, &gcm},
    {{"aes-192-gcm", "aes192-gcm id-aes192-gcm"}, "AES-192-GCM", 24, &gcm},
    {{"aes-256-gcm", "aes256-gcm id-aes256-gcm"}, "AES-256-GCM", 32, &gcm},
    {{"chacha20-poly1305", "chacha-poly"}, "ChaCha20-Poly1305", 32, &chacha},
    {{"xchacha20-poly1305", ""}, "ChaCha20-Poly1305", 32, &xchacha},
    {{"aes-128-gcm-siv", ""}, "AES-128-GCM-SIV", 16, &gcm_siv},
    {{"aes-192-gcm-siv", ""}, "AES-192-GCM-SIV", 24, &gcm_siv},
    {{"aes-256-gcm-siv", ""}, "AES-256-GCM-SIV", 32, &gcm_siv},
    {{"aes-128-siv", ""}, "AES-128-SIV", 32, &siv},
    {{"aes-192-siv", ""}, "AES-192-SIV", 48, &siv},
    {{"aes-256-siv", ""}, "AES-256-SIV", 64, &siv},
    {{"aes-128-ccm", "aes128-ccm id-aes128-ccm"}, "AES-128-CCM", 16, &ccm},
    {{"aes-192-ccm", "aes192-ccm id-aes192-ccm"}, "AES-192-CCM", 24, &ccm},
    {{"aes-256-ccm", "aes256-ccm id-aes256-ccm"}, "AES-256-CCM", 32, &ccm},
    {{"aes-128-ctr", "aes128-ctr"}, "AES-128-CTR", 16, &ctr},
    {{"aes-192-ctr", "aes192-ctr"}, "AES-192-CTR", 24, &ctr},
    {{"aes-256-ctr", "aes256-ctr"}, "AES-256-CTR", 32, &ctr},
    {{"aes-128-cbc", "aes128-cbc aes128"}, "AES-128-CBC", 16, &cbc},
    {{"aes-192-cbc", "aes192-cbc aes192"}, "AES-192-CBC", 24, &cbc},
    {{"aes-256-cbc", "aes256-cbc aes256"}, "AES-256-CBC", 32, &cbc},
};

static Once fetched_ciphers[COUNT_OF(ciphers)];
static _Atomic(EVP_CIPHER_CTX *) spare_ciphers[COUNT_OF(ciphers)];

static void *fetch_cipher(const void *row) {
    return EVP_CIPHER_fetch(NULL, ((const CipherRow *)row)->fetch, NULL);
}

static const Table cipher_table = TABLE_OF("cipher", ciphers, fetch_cipher, fetched_ciphers);

const CipherRow *algorithms_cipher(Bytes name, Failure *failure) {
    return find_offered(&cipher_table, name, failure);
}

const EVP_CIPHER *algorithms_evp_cipher(const CipherRow *row) {
    return atomic_load(&fetched_ciphers[row - ciphers]);
}

EVP_CIPHER_CTX *algorithms_take_cipher(const CipherRow *row) {
    EVP_CIPHER_CTX *context = atomic_exchange(&spare_ciphers[row - ciphers], NULL);
    return context ? context : EVP_CIPHER_CTX_new();
}

void algorithms_give_cipher(const CipherRow *row, EVP_CIPHER_CTX *context) {
    EVP_CIPHER_CTX_free(atomic_exchange(&spare_ciphers[row - ciphers], context));
}

void algorithms_forget(void) {
    for (size_t i = 0; i < COUNT_OF(digests); i++) algorithms_give_hmac(digests + i, NULL);
    for (size_t i = 0; i < COUNT_OF(ciphers); i++) algorithms_give_cipher(ciphers + i, NULL);
}

/* --- curves and keys --- */

static const CurveRow curves[] = {
    {{"p-256", "p256 ec-p256 ec-p-256 secp256r1 prime256v1 ec-secp256r1"},
     "prime256v1",
     NID_X9_62_prime256v1},
    {{"p-384", "p384 ec-p384 ec-p-384 secp384r1 ec-secp384r1"}, "secp384r1", NID_secp384r1},
    {{"p-521", "p521 ec-p521 ec-p-521 secp521r1 ec-secp521r1"}, "secp521r1", NID_secp521r1},
    {{"secp256k1", "ec-secp256k1"}, "secp256k1", NID_secp256k1},
    {{"p-224", "p224 ec-p224 ec-p-224 secp224r1 ec-secp224r1"}, "secp224r1", NID_secp224r1},
    {{"brainpoolp256r1", "ec-brainpoolp256r1"}, "brainpoolP256r1", NID_brainpoolP256r1},
    {{"brainpoolp384r1", "ec-brainpoolp384r1"}, "brainpoolP384r1", NID_brainpoolP384r1},
    {{"brainpoolp512r1", "ec-brainpoolp512r1"}, "brainpoolP512r1", NID_brainpoolP512r1},
};

static Once groups[COUNT_OF(curves)];

static void *new_group(const void *row) {
    return EC_GROUP_new_by_curve_name(((const CurveRow *)row)->nid);
}

static const Table curve_table = TABLE_OF("curve", curves, new_group, groups);

const CurveRow *algorithms_curve(Bytes name, Failure *failure) {
    const CurveRow *row = find_row(&curve_table, name);
    if (!row) report_unknown(&curve_table, NULL, failure);
    return row;
}

const EC_GROUP *algorithms_group(const CurveRow *row, Failure *failure) {
    return make_once(&curve_table, (size_t)(row - curves), failure);
}

typedef struct KeyRow {
    AlgorithmName name;
    const char *type;  /* OpenSSL's name */
    uint8_t arc, leaf; /* the end of NIST's object identifier; 0: it has none */
} KeyRow;

static const KeyRow keys[] = {
    {{"rsa", ""}, "RSA", 0, 0},
    {{"rsa-pss", ""}, "RSA-PSS", 0, 0},
    {{"ed25519", ""}, "ED25519", 0, 0},
    {{"ed448", ""}, "ED448", 0, 0},
    {{"x25519", ""}, "X25519", 0, 0},
    {{"x448", ""}, "X448", 0, 0},
    {{"ml-kem-512", "mlkem512"}, "ML-KEM-512", 4, 1},
    {{"ml-kem-768", "mlkem768"}, "ML-KEM-768", 4, 2},
    {{"ml-kem-1024", "mlkem1024"}, "ML-KEM-1024", 4, 3},
    {{"ml-dsa-44", "mldsa44"}, "ML-DSA-44", 3, 17},
    {{"ml-dsa-65", "mldsa65"}, "ML-DSA-65", 3, 18},
    {{"ml-dsa-87", "mldsa87"}, "ML-DSA-87", 3, 19},
    {{"slh-dsa-sha2-128s", ""}, "SLH-DSA-SHA2-128s", 3, 20},
    {{"slh-dsa-sha2-128f", ""}, "SLH-DSA-SHA2-128f", 3, 21},
    {{"slh-dsa-sha2-192s", ""}, "SLH-DSA-SHA2-192s", 3, 22},
    {{"slh-dsa-sha2-192f", ""}, "SLH-DSA-SHA2-192f", 3, 23},
    {{"slh-dsa-sha2-256s", ""}, "SLH-DSA-SHA2-256s", 3, 24},
    {{"slh-dsa-sha2-256f", ""}, "SLH-DSA-SHA2-256f", 3, 25},
    {{"slh-dsa-shake-128s", ""}, "SLH-DSA-SHAKE-128s", 3, 26},
    {{"slh-dsa-shake-128f", ""}, "SLH-DSA-SHAKE-128f", 3, 27},
    {{"slh-dsa-shake-192s", ""}, "SLH-DSA-SHAKE-192s", 3, 28},
    {{"slh-dsa-shake-192f", ""}, "SLH-DSA-SHAKE-192f", 3, 29},
    {{"slh-dsa-shake-256s", ""}, "SLH-DSA-SHAKE-256s", 3, 30},
    {{"slh-dsa-shake-256f", ""}, "SLH-DSA-SHAKE-256f", 3, 31},
};
static const Table key_table = TABLE_OF("key algorithm", keys, NULL, NULL);

bool algorithms_key(Bytes name, KeyAlgorithm *algorithm, Failure *failure) {
    *algorithm = (KeyAlgorithm){"EC", find_row(&curve_table, name)};
    if (algorithm->curve) return true;
    const KeyRow *row = find_row(&key_table, name);
    if (!row) return report_unknown(&key_table, &curve_table, failure);
    algorithm->type = row->type;
    return true;
}

const char *algorithms_quantum_key(Bytes oid) {
    /* 2.16.840.1.101.3.4, NIST's algorithms */
    static const uint8_t nist[] = {0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04};
    if (oid.length < sizeof nist + 2 || memcmp(oid.data, nist, sizeof nist) != 0) return NULL;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        bool same =
            keys[i].arc == oid.data[sizeof nist] && keys[i].leaf == oid.data[sizeof nist + 1];
        if (same && keys[i].arc) return keys[i].type;
    }
    return NULL;
}
