#include "core/keys/keys.h"

#include "core/algorithms.h"
#include "core/keys/pem.h"
#include "core/keys/remote_key.h"
#include "core/keys/stored_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define CAPACITY 64
#define MAX_KEY_LENGTH (128 << 10) /* RSA of 16384 bits takes 13 KB of PEM, with its chain more */

typedef enum Half { PUBLIC, PRIVATE } Half;

typedef struct Entry {
    uint8_t name[SHA256_DIGEST_LENGTH];
    EVP_PKEY *key;         /* NULL: free */
    EVP_PKEY_CTX *context; /* NULL: none, or in use */
    uint64_t used;         /* by the clock below */
} Entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Entry entries[CAPACITY];
static uint64_t uses;

/* Hash the half too: one private key's text serves for both halves. */
static bool make_name(Half half, Bytes data, uint8_t name[SHA256_DIGEST_LENGTH]) {
    static const uint8_t firsts[] = {PUBLIC, PRIVATE};
    static const Bytes sha256 = {(const uint8_t *)"sha256", 6};
    Failure ignored;
    const DigestRow *row = algorithms_digest(sha256, &ignored);
    const Bytes pieces[] = {{firsts + half, 1}, data};
    return row && algorithms_hash(algorithms_md(row), pieces, 2, name);
}

static EVP_PKEY *find_key(const uint8_t *name) {
    EVP_PKEY *found = NULL;
    pthread_mutex_lock(&lock);
    for (Entry *entry = entries; entry < entries + CAPACITY && !found; entry++) {
        if (!entry->key || memcmp(entry->name, name, sizeof entry->name)) continue;
        if (EVP_PKEY_up_ref(entry->key)) found = entry->key;
        entry->used = ++uses;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void clear_entry(Entry *entry) {
    EVP_PKEY_CTX_free(entry->context);
    EVP_PKEY_free(entry->key);
    OPENSSL_cleanse(entry, sizeof *entry);
}

/* Replaces the entry that was used least recently. */
static void cache_key(const uint8_t *name, EVP_PKEY *key) {
    pthread_mutex_lock(&lock);
    Entry *oldest = entries;
    for (Entry *entry = entries; entry < entries + CAPACITY; entry++) {
        if (entry->used < oldest->used) oldest = entry;
    }
    clear_entry(oldest);
    if (EVP_PKEY_up_ref(key)) {
        memcpy(oldest->name, name, sizeof oldest->name);
        oldest->key = key;
        oldest->used = ++uses;
    }
    pthread_mutex_unlock(&lock);
}

static Entry *find_entry(const EVP_PKEY *key) {
    for (Entry *entry = entries; entry < entries + CAPACITY; entry++) {
        if (entry->key == key) return entry;
    }
    return NULL;
}

EVP_PKEY_CTX *keys_take_context(const EVP_PKEY *key) {
    EVP_PKEY_CTX *context = NULL;
    pthread_mutex_lock(&lock);
    Entry *entry = find_entry(key);
    if (entry) {
        context = entry->context;
        entry->context = NULL;
    }
    pthread_mutex_unlock(&lock);
    return context;
}

void keys_give_context(const EVP_PKEY *key, EVP_PKEY_CTX *context) {
    pthread_mutex_lock(&lock);
    Entry *entry = find_entry(key);
    if (entry && !entry->context) {
        entry->context = context;
        context = NULL;
    }
    pthread_mutex_unlock(&lock);
    EVP_PKEY_CTX_free(context);
}

void keys_forget(void) {
    pthread_mutex_lock(&lock);
    for (Entry *entry = entries; entry < entries + CAPACITY; entry++) clear_entry(entry);
    pthread_mutex_unlock(&lock);
}

/* An entry's context signs or verifies, so the halves are two keys. NULL when out of memory. */
static EVP_PKEY *copy_public(const EVP_PKEY *key) {
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY *copy = length > 0 ? d2i_PUBKEY(NULL, &at, length) : NULL;
    OPENSSL_free(der);
    ERR_clear_error();
    return copy;
}

void keys_remember(Bytes der, EVP_PKEY *key, bool is_private) {
    uint8_t name[SHA256_DIGEST_LENGTH];
    if (is_private && make_name(PRIVATE, der, name)) cache_key(name, key);
    EVP_PKEY *public_key = copy_public(key);
    if (public_key && make_name(PUBLIC, der, name)) cache_key(name, public_key);
    EVP_PKEY_free(public_key);
}

static void forget_name(const uint8_t *name) {
    pthread_mutex_lock(&lock);
    for (Entry *entry = entries; entry < entries + CAPACITY; entry++) {
        if (entry->key && !memcmp(entry->name, name, sizeof entry->name)) clear_entry(entry);
    }
    pthread_mutex_unlock(&lock);
}

static void forget_content(Bytes data) {
    uint8_t name[SHA256_DIGEST_LENGTH];
    for (Half half = PUBLIC; half <= PRIVATE; half++) {
        if (!make_name(half, data, name)) { /* out of memory */
            keys_forget();
            return;
        }
        forget_name(name);
    }
}

void keys_forget_one(Bytes source) {
    PemSource owned;
    Failure ignored;
    if (pem_resolve(&source, "", &owned, &ignored)) forget_content(source);
    pem_free(&owned);
}

/* Explicit curve parameters can be chosen by a forger (CVE-2020-0601). RFC 5480 allows named curves
 * only. */
static bool has_named_curve(const EVP_PKEY *key, Failure *failure) {
    int explicit_parameters = 0;
    if (!EVP_PKEY_is_a(key, "EC")) return true;
    EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                           &explicit_parameters);
    ERR_clear_error();
    if (!explicit_parameters) return true;
    return failure_set(failure,
                       "EC key with explicit curve parameters: only named curves are taken");
}

static EVP_PKEY *parse_key(Half half, Bytes data, Bytes password, Failure *failure) {
    EVP_PKEY *key =
        half == PRIVATE ? pem_private_key(data, password, failure) : pem_public_key(data, failure);
    if (!key || has_named_curve(key, failure)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* OpenSSL tries each of its decoders, a second for a megabyte. */
static bool check_length(Bytes data, Failure *failure) {
    return data.length <= MAX_KEY_LENGTH || failure_set(failure, "not a key: larger than 128 KB");
}

static EVP_PKEY *get_key(Half half, Bytes data, Failure *failure) {
    static const Bytes no_password = {NULL, 0};
    uint8_t name[SHA256_DIGEST_LENGTH];
    if (!check_length(data, failure)) return NULL;
    if (!make_name(half, data, name)) {
        failure_openssl(failure, "no key");
        return NULL;
    }
    EVP_PKEY *key = find_key(name);
    if (key) return key;
    key = parse_key(half, data, no_password, failure);
    if (key) cache_key(name, key);
    return key;
}

EVP_PKEY *keys_private_content(Bytes data, Bytes password, Failure *failure) {
    /* Not cached with a password: a stored hash of it would be as sensitive as the password. */
    if (!password.data) return get_key(PRIVATE, data, failure);
    return check_length(data, failure) ? parse_key(PRIVATE, data, password, failure) : NULL;
}

EVP_PKEY *keys_public_content(Bytes data, Failure *failure) {
    return get_key(PUBLIC, data, failure);
}

bool keys_are_slow(Bytes source, Bytes password) {
    return password.data || stored_key_is_uri(source);
}

static EVP_PKEY *keep_in_store(EVP_PKEY *stored, bool is_private, Failure *failure) {
    EVP_PKEY *public_half = stored_key_public_half(stored, failure);
    if (!public_half || !is_private) return public_half;
    EVP_PKEY *key = remote_key_stored(public_half, stored, NULL, failure);
    EVP_PKEY_free(public_half);
    return key;
}

static EVP_PKEY *load_stored(Half half, Bytes uri, Bytes password, Failure *failure) {
    EVP_PKEY *key = stored_key_load(uri, password, half == PRIVATE, failure);
    if (!key || !stored_key_stays(key)) return key;
    EVP_PKEY *kept = keep_in_store(key, half == PRIVATE, failure);
    EVP_PKEY_free(key);
    return kept;
}

/* A key that stays in a store is cached with its session; a file may be replaced. */
static EVP_PKEY *get_stored(Half half, Bytes uri, Bytes password, Failure *failure) {
    uint8_t name[SHA256_DIGEST_LENGTH];
    bool cached = !password.data && make_name(half, uri, name);
    EVP_PKEY *key = cached ? find_key(name) : NULL;
    if (key) return key;
    key = load_stored(half, uri, password, failure);
    if (key && cached && remote_key_is(key)) cache_key(name, key);
    return key;
}

EVP_PKEY *keys_private(Bytes source, Bytes password, Failure *failure) {
    PemSource owned;
    if (stored_key_is_uri(source)) return get_stored(PRIVATE, source, password, failure);
    if (!pem_resolve(&source, "not a private key", &owned, failure)) return NULL;
    EVP_PKEY *key = keys_private_content(source, password, failure);
    pem_free(&owned);
    return key;
}

EVP_PKEY *keys_public(Bytes source, Failure *failure) {
    static const Bytes none = {NULL, 0};
    PemSource owned;
    if (stored_key_is_uri(source)) return get_stored(PUBLIC, source, none, failure);
    if (!pem_resolve(&source, "not a public key, certificate or private key", &owned, failure))
        return NULL;
    EVP_PKEY *key = keys_public_content(source, failure);
    pem_free(&owned);
    return key;
}

/* The content of a BIO, copied; the caller owns the copy. */
static char *copy_text(BIO *bio, size_t *length) {
    char *text, *copy;
    long size = BIO_get_mem_data(bio, &text);
    copy = OPENSSL_memdup(text, (size_t)size);
    *length = copy ? (size_t)size : 0;
    return copy;
}

char *keys_private_pem(const EVP_PKEY *key, size_t *length, Failure *failure) {
    ERR_clear_error();
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
        pem = copy_text(bio, length);
    }
    if (!pem) failure_openssl(failure, "private key not written");
    BIO_free(bio);
    return pem;
}

char *keys_public_pem(const EVP_PKEY *key, size_t *length, Failure *failure) {
    ERR_clear_error();
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_PUBKEY(bio, key)) pem = copy_text(bio, length);
    if (!pem) failure_openssl(failure, "public key not written");
    BIO_free(bio);
    return pem;
}

const DigestRow *keys_prescribed_digest(EVP_PKEY *key) {
    enum { PRESCRIBED = 2 }; /* no other digest is allowed */
    Failure ignored;
    char name[64];
    bool prescribes = EVP_PKEY_get_id(key) == EVP_PKEY_RSA_PSS &&
                      EVP_PKEY_get_default_digest_name(key, name, sizeof name) == PRESCRIBED;
    ERR_clear_error();
    if (!prescribes) return NULL;
    return algorithms_digest((Bytes){(const uint8_t *)name, strlen(name)}, &ignored);
}

const char *keys_type(const EVP_PKEY *key) {
    const char *name = EVP_PKEY_get0_type_name(key);
    return name ? name : "unknown";
}
