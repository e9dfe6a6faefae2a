#include "core/keys/quantum_key.h"

#include "core/algorithms.h"
#include "core/keys/encoding.h"
#include "core/keys/pem.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#define MAX_PREAMBLE 4096 /* bytes of a certificate before its public key */
#define SEED "seed"       /* OSSL_PKEY_PARAM_ML_KEM_SEED and its like */

static const QuantumAlgorithm algorithms[] = {
    {"ML-KEM-512", 800, 64, 1632},      {"ML-KEM-768", 1184, 64, 2400},
    {"ML-KEM-1024", 1568, 64, 3168},    {"ML-DSA-44", 1312, 32, 2560},
    {"ML-DSA-65", 1952, 32, 4032},      {"ML-DSA-87", 2592, 32, 4896},
    {"SLH-DSA-SHA2-128s", 32, 0, 64},   {"SLH-DSA-SHA2-128f", 32, 0, 64},
    {"SLH-DSA-SHA2-192s", 48, 0, 96},   {"SLH-DSA-SHA2-192f", 48, 0, 96},
    {"SLH-DSA-SHA2-256s", 64, 0, 128},  {"SLH-DSA-SHA2-256f", 64, 0, 128},
    {"SLH-DSA-SHAKE-128s", 32, 0, 64},  {"SLH-DSA-SHAKE-128f", 32, 0, 64},
    {"SLH-DSA-SHAKE-192s", 48, 0, 96},  {"SLH-DSA-SHAKE-192f", 48, 0, 96},
    {"SLH-DSA-SHAKE-256s", 64, 0, 128}, {"SLH-DSA-SHAKE-256f", 64, 0, 128},
};

const QuantumAlgorithm *quantum_key_named(const char *type) {
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (!strcmp(algorithms[i].type, type)) return algorithms + i;
    }
    return NULL;
}

const QuantumAlgorithm *quantum_key_algorithm(const EVP_PKEY *key) {
    const char *type = EVP_PKEY_get0_type_name(key);
    return type ? quantum_key_named(type) : NULL;
}

static EVP_PKEY *read_seed(const QuantumAlgorithm *algorithm, Bytes seed) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(SEED, (void *)(uintptr_t)seed.data, seed.length),
        OSSL_PARAM_END};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm->type, NULL);
    bool read = context && EVP_PKEY_fromdata_init(context) > 0 &&
                EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) > 0;
    EVP_PKEY_CTX_free(context);
    return read ? key : NULL;
}

static bool check_length(const QuantumAlgorithm *algorithm, Bytes bytes, bool is_private,
                         Failure *failure) {
    if (!is_private) {
        return bytes.length == algorithm->public_length ||
               failure_set(failure, "not a usable key: public keys of %s have %zu bytes, got %zu",
                           algorithm->type, algorithm->public_length, bytes.length);
    }
    if (bytes.length == algorithm->private_length) return true;
    if (!algorithm->seed_length) {
        return failure_set(failure, "not a usable key: private keys of %s have %zu bytes, got %zu",
                           algorithm->type, algorithm->private_length, bytes.length);
    }
    return bytes.length == algorithm->seed_length ||
           failure_set(failure,
                       "not a usable key: private keys of %s have %zu bytes, their seeds %zu, "
                       "got %zu",
                       algorithm->type, algorithm->private_length, algorithm->seed_length,
                       bytes.length);
}

static bool is_lacking(const char *type) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return !context;
}

EVP_PKEY *quantum_key_read(const QuantumAlgorithm *algorithm, Bytes bytes, bool is_private,
                           Failure *failure) {
    EVP_PKEY *key;
    ERR_clear_error();
    if (is_lacking(algorithm->type)) {
        algorithms_lack(algorithm->type, failure);
        return NULL;
    }
    if (!check_length(algorithm, bytes, is_private, failure)) return NULL;
    if (!is_private) {
        key = EVP_PKEY_new_raw_public_key_ex(NULL, algorithm->type, NULL, bytes.data, bytes.length);
    } else if (bytes.length == algorithm->seed_length) {
        key = read_seed(algorithm, bytes);
    } else {
        key =
            EVP_PKEY_new_raw_private_key_ex(NULL, algorithm->type, NULL, bytes.data, bytes.length);
    }
    if (!key) failure_openssl(failure, "not a usable key");
    ERR_clear_error();
    return key;
}

static bool write_seed(const EVP_PKEY *key, uint8_t *out, size_t *length) {
    return quantum_key_algorithm(key)->seed_length &&
           EVP_PKEY_get_octet_string_param(key, SEED, out, QUANTUM_KEY_MAX_LENGTH, length) > 0;
}

bool quantum_key_write(const EVP_PKEY *key, bool is_private, uint8_t *out, size_t *length,
                       Failure *failure) {
    ERR_clear_error();
    *length = QUANTUM_KEY_MAX_LENGTH;
    bool written = is_private ? write_seed(key, out, length) : false;
    if (!written) *length = QUANTUM_KEY_MAX_LENGTH;
    if (!written && is_private) written = EVP_PKEY_get_raw_private_key(key, out, length) > 0;
    if (!is_private) written = EVP_PKEY_get_raw_public_key(key, out, length) > 0;
    if (!written) failure_openssl(failure, "key not written");
    ERR_clear_error();
    return written;
}

bool quantum_key_has_seed(const EVP_PKEY *key) {
    uint8_t seed[64];
    size_t length;
    const QuantumAlgorithm *algorithm = quantum_key_algorithm(key);
    bool has = algorithm && algorithm->seed_length &&
               EVP_PKEY_get_octet_string_param(key, SEED, seed, sizeof seed, &length) > 0;
    OPENSSL_cleanse(seed, sizeof seed);
    ERR_clear_error();
    return has;
}

/* --- the algorithm of an unparsed key --- */

/* The algorithm's object identifier stands in the first bytes. */
static const char *find_type(Bytes der) {
    for (size_t i = 0; i < der.length && i < MAX_PREAMBLE; i++) {
        const char *type = algorithms_quantum_key((Bytes){der.data + i, der.length - i});
        if (type) return type;
    }
    return NULL;
}

/* The algorithm of the first block with one of these labels, or of DER. */
static const char *find_type_in(Bytes data, const char *const *labels, size_t count) {
    PemSource owned = {NULL, 0};
    bool found = !encoding_is_pem(data);
    for (size_t i = 0; !found && i < count; i++) {
        found = encoding_block(data, labels[i], &owned);
        if (found) data = (Bytes){owned.bytes, owned.length};
    }
    const char *type = found ? find_type(data) : NULL;
    pem_free(&owned);
    return type;
}

bool quantum_key_explain(Bytes data, Failure *failure) {
    static const char *const labels[] = {"PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE"};
    const char *type = find_type_in(data, labels, sizeof labels / sizeof *labels);
    if (!type || !is_lacking(type)) return false;
    algorithms_lack(type, failure);
    failure_prefix(failure, "key not usable");
    return true;
}

bool quantum_key_is_slow(Bytes key) {
    static const char *const labels[] = {"PRIVATE KEY"};
    const char *type = key.data ? find_type_in(key, labels, 1) : NULL;
    return type && !strncmp(type, "SLH-DSA", 7);
}
